"""Units of block floating point."""

import dataclasses
import math

from sw.bfp.array import ArrayParameters
from sw.bfp.array_shell import ArrayShellParameters
from sw.bfp.dot import DotParameters
from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.multimode_array import MultimodeParameters
from sw.bfp.multimode_array_shell import MultimodeArrayShellParameters
from sw.bfp.transposer import TransposerParameters
from sw.bfp.zse_controller import ZseParameters
from sw.formats import BLOCK_FORMATS

from ..bfp.array import MacArray
from ..bfp.array_shell import ArrayShell
from ..bfp.dot import DotUnit
from ..bfp.epoch_schedule import EpochSchedule
from ..bfp.multimode_array import MultimodeArray
from ..bfp.multimode_array_shell import MultimodeArrayShell
from ..bfp.transposer import Transposer
from ..bfp.zse_controller import ZseController
from .notes import bfp as notes
from .notes import control, multimode
from .notes.array_shell import array_shell, multimode_array_shell
from .unit import Storage, Unit

__all__ = ["UNITS"]

_HBFP4 = BLOCK_FORMATS["hbfp4"]

# Blocks of two beats of two lanes; the operands of dot products and arrays have padding bits.
_TWO_BEATS = dataclasses.replace(_HBFP4, block=(4,))


# A word of the rows takes two beats, one of the columns one; a job of half the blocks overlaps.
_SMALL_SHELL = ArrayShellParameters(
    format=_TWO_BEATS, lanes=2, rows=2, columns=1, port_bits=32, words_a=8, words_b=16
)


# A word of either takes two beats; a job of the longest tiles has two blocks of 16 bits.
_SMALL_MULTIMODE_SHELL = MultimodeArrayShellParameters(
    rows=1, columns=1, port_bits=32, words_a=64, words_b=128
)


def _transposer(p: TransposerParameters) -> Storage:
    """Count the square of elements."""
    return Storage(registers=p.side**2 * p.format.element_bits)


def _array(p: ArrayParameters) -> Storage:
    """Count the operand that moves down a column; a DSP block may hold the last element's."""
    rows = p.rows - (p.multiplier == "dsp")
    return Storage(registers=rows * p.columns * p.lanes * p.format.element_bits)


def _multimode_array(p: MultimodeParameters) -> Storage:
    """Count the sums of each pair of digits, as they grow and as they are held."""
    return Storage(registers=p.rows * p.columns * 2 * sum(p.total_bits))


def _array_shell(p: ArrayShellParameters) -> Storage:
    """Count what the array stores, and the words of operands."""
    return Storage(registers=_array(p).registers, memory=p.memory_bits)


def _multimode_array_shell(p: MultimodeArrayShellParameters) -> Storage:
    """Count what the array stores, and the words of operands."""
    return Storage(registers=_multimode_array(p).registers, memory=p.memory_bits)


def _multimode_adds(p: MultimodeParameters) -> int:
    """Count those of the narrowest operands."""
    return math.prod(p.tile(0, 0)) * p.lanes


UNITS = (
    Unit(
        name="bfp_transposer",
        summary="square blocks by rows in, by rows or by columns out",
        core=Transposer,
        small=TransposerParameters(format=dataclasses.replace(_HBFP4, block=(2, 2))),
        second=TransposerParameters(
            format=dataclasses.replace(BLOCK_FORMATS["hbfp8_8x8"], block=(2, 2))
        ),
        storage=_transposer,
        notes=notes.transposer,
    ),
    Unit(
        name="bfp_dot",
        summary="dot products of blocks, fp32 results",
        core=DotUnit,
        small=DotParameters(format=_TWO_BEATS, lanes=2),
        second=DotParameters(format=_HBFP4, lanes=2),
        notes=notes.dot,
        multiply_adds=lambda p: p.lanes,
    ),
    Unit(
        name="bfp_array",
        summary="output-stationary matrix-multiply array, fp32 accumulation",
        core=MacArray,
        small=ArrayParameters(format=_TWO_BEATS, lanes=2, rows=2, columns=1),
        second=ArrayParameters(format=_HBFP4, lanes=2, rows=2, columns=1),
        storage=_array,
        notes=notes.array,
        multiply_adds=lambda p: p.rows * p.columns * p.lanes,
    ),
    Unit(
        name="array_shell",
        summary="bfp_array behind operand memories: each operand is sent once, ports of one width",
        core=ArrayShell,
        small=_SMALL_SHELL,
        second=_SMALL_SHELL.replace(columns=2, inputs=1),
        storage=_array_shell,
        notes=array_shell,
        multiply_adds=lambda p: p.rows * p.columns * p.lanes,
    ),
    Unit(
        name="bfp_multimode_array",
        summary="array whose operands' precision, 4, 8 or 16 bits, may change with every tile",
        core=MultimodeArray,
        small=MultimodeParameters(rows=1, columns=1),
        second=MultimodeParameters(rows=1, columns=2),
        storage=_multimode_array,
        notes=multimode.multimode_array,
        multiply_adds=_multimode_adds,
    ),
    Unit(
        name="multimode_array_shell",
        summary="bfp_multimode_array behind operand memories, each panel in a precision of its own",
        core=MultimodeArrayShell,
        small=_SMALL_MULTIMODE_SHELL,
        second=_SMALL_MULTIMODE_SHELL.replace(columns=2, inputs=1),
        proof=_SMALL_MULTIMODE_SHELL.replace(words_a=2, words_b=2),
        storage=_multimode_array_shell,
        notes=multimode_array_shell,
        multiply_adds=_multimode_adds,
    ),
    Unit(
        name="bfp_zse_controller",
        summary="precision of each layer's operands from their zero-setting error",
        core=ZseController,
        small=ZseParameters(layers=4),
        second=ZseParameters(layers=3),
        proof=ZseParameters(layers=1),
        notes=control.zse_controller,
    ),
    Unit(
        name="bfp_epoch_schedule",
        summary="precision of each layer's operands from the epoch",
        core=EpochSchedule,
        small=EpochParameters(layers=4),
        second=EpochParameters(layers=3),
        proof=EpochParameters(layers=1),
        notes=control.epoch_schedule,
    ),
)
