"""Panels: matrices of codes in the scratchpad, as the matrix engine reads them.

A row, or column, of the array has a slice of a word; a word of a panel is a beat of all of them.
"""

import numpy as np
import numpy.typing as npt

from ..checks import array, instance
from ..formats import MxFormat
from ..formats.blocks import Blocks
from ..formats.tensor_scale import full_scale
from .parameters import VALUE_BITS, AcceleratorParameters
from .scratchpad import Bits

__all__ = ["load", "pack", "store", "unpack"]


def pack(parameters: AcceleratorParameters, codes: npt.ArrayLike) -> Bits:
    """Return slices of (..., lanes) codes, lane 0 lowest: (..., 32-bit values of a slice)."""
    p = instance("parameters", parameters, AcceleratorParameters)
    code = array("codes", codes, "uint32", shape=(..., p.lanes), high=_mask(p))
    slices = np.zeros((*code.shape[:-1], p.slice_bits // VALUE_BITS), np.uint32)
    for lane in range(p.lanes):
        place, low = divmod(lane * p.format.element_bits, VALUE_BITS)
        slices[..., place] |= code[..., lane] << np.uint32(low)
        if low + p.format.element_bits > VALUE_BITS:
            slices[..., place + 1] |= code[..., lane] >> np.uint32(VALUE_BITS - low)
    return slices


def unpack(parameters: AcceleratorParameters, slices: npt.ArrayLike) -> Bits:
    """Return what `pack` made slices of; bits of no lane are not looked at."""
    p = instance("parameters", parameters, AcceleratorParameters)
    bits = array("slices", slices, "uint32", shape=(..., p.slice_bits // VALUE_BITS))
    code = np.empty((*bits.shape[:-1], p.lanes), np.uint32)
    for lane in range(p.lanes):
        place, low = divmod(lane * p.format.element_bits, VALUE_BITS)
        code[..., lane] = bits[..., place] >> np.uint32(low)
        if low + p.format.element_bits > VALUE_BITS:
            code[..., lane] |= bits[..., place + 1] << np.uint32(VALUE_BITS - low)
    return code & np.uint32(_mask(p))


def _mask(p: AcceleratorParameters) -> int:
    return (1 << p.format.element_bits) - 1


def store(
    parameters: AcceleratorParameters, panel: tuple[Bits, Bits], side: int, blocks: Blocks
) -> None:
    """Write a matrix, blocked along its rows, to a panel (`Scratchpad.panel`) of ``side`` slices.

    Slices without a row stay as they are.
    """
    p = instance("parameters", parameters, AcceleratorParameters)
    code = blocks.code
    beats = code.reshape(len(code), -1, p.lanes)
    group, part = np.divmod(np.arange(len(code)), side)
    panel[0][group, :, part] = pack(p, beats)
    panel[1][group, :, part] = blocks.exponent.repeat(p.beats, axis=1)


def load(
    parameters: AcceleratorParameters, panel: tuple[Bits, Bits], side: int, rows: int
) -> Blocks:
    """Return the first rows of a panel; a block's exponent is that of its last beat.

    Where tensors have a scale, it is such that products of two panels are multiplied by 1.
    """
    p = instance("parameters", parameters, AcceleratorParameters)
    group, part = np.divmod(np.arange(rows), side)
    code = unpack(p, panel[0][group, :, part]).reshape(rows, -1)
    # A scale of UE4M3 has no sign: the array does not look at the top one of its eight bits.
    used = (1 << p.format.nan_code.bit_length()) - 1
    exponent = (panel[1][group, :, part][:, p.beats - 1 :: p.beats] & used).astype(np.int32)
    amax = full_scale(p.format) if isinstance(p.format, MxFormat) and p.tensor_scale else None
    return Blocks(code=code, exponent=exponent, format=p.format, axis=1, amax=amax)
