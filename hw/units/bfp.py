"""Units of block floating point."""

import dataclasses
import math

from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters
from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.multimode_array import MultimodeParameters
from sw.bfp.transposer import TransposerParameters
from sw.bfp.zse_controller import ZseParameters
from sw.formats import BLOCK_FORMATS

from ..bfp.array import MacArray
from ..bfp.dot import DotUnit
from ..bfp.epoch_schedule import EpochSchedule
from ..bfp.multimode_array import MultimodeArray
from ..bfp.transposer import Transposer
from ..bfp.zse_controller import ZseController
from .unit import Storage, Unit

__all__ = ["UNITS"]

_HBFP4 = BLOCK_FORMATS["hbfp4"]

# Blocks of two beats of two lanes; the operands of dot products and arrays have padding bits.
_TWO_BEATS = dataclasses.replace(_HBFP4, block=(4,))


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
    ),
    Unit(
        name="bfp_dot",
        summary="dot products of blocks, fp32 results",
        core=DotUnit,
        small=DotParameters(format=_TWO_BEATS, lanes=2),
        second=DotParameters(format=_HBFP4, lanes=2),
        multiply_adds=lambda p: p.lanes,
    ),
    Unit(
        name="bfp_array",
        summary="output-stationary matrix-multiply array, fp32 accumulation",
        core=MacArray,
        small=ArrayParameters(format=_TWO_BEATS, lanes=2, rows=2, columns=1),
        second=ArrayParameters(format=_HBFP4, lanes=2, rows=2, columns=1),
        storage=_array,
        multiply_adds=lambda p: p.rows * p.columns * p.lanes,
    ),
    Unit(
        name="bfp_multimode_array",
        summary="array whose operands' precision, 4, 8 or 16 bits, may change with every tile",
        core=MultimodeArray,
        small=MultimodeParameters(rows=1, columns=1),
        second=MultimodeParameters(rows=1, columns=2),
        storage=_multimode_array,
        multiply_adds=_multimode_adds,
    ),
    Unit(
        name="bfp_zse_controller",
        summary="precision of each layer's operands from their zero-setting error",
        core=ZseController,
        small=ZseParameters(layers=4),
        second=ZseParameters(layers=3),
        proof=ZseParameters(layers=1),
    ),
    Unit(
        name="bfp_epoch_schedule",
        summary="precision of each layer's operands from the epoch",
        core=EpochSchedule,
        small=EpochParameters(layers=4),
        second=EpochParameters(layers=3),
        proof=EpochParameters(layers=1),
    ),
)
