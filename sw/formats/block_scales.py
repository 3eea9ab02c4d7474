"""The scales of blocks, given their largest magnitudes: what both quantizers begin with."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..arrays import Codes, Floats, Integers
from . import BINARY32, BfpFormat, BlockFormat, MxFormat, tensor_scale
from .scale import FloatScale, MxScale

__all__ = ["INFINITY", "BlockScales", "block_scales", "least_error"]

LEAST_NORMAL, INFINITY = 1 << 23, 255 << 23


class BlockScales(NamedTuple):
    """Scales of blocks, and what they do to elements.

    Parameters
    ----------
    code : array of int64
        The scales' codes.
    place : array of int64
        An element of the integer 1 is ``2**place``, after the multiplication.
    factor : array of float32 or None
        What elements are multiplied by first, see `tensor_scale.encode_factor`.
    """

    code: Integers
    place: Integers
    factor: Floats | None = None


def block_scales(format: BlockFormat, top: Integers, amax: np.float32) -> tuple[BlockScales, ...]:
    """Return the scales of blocks; under four over six two, of which the first is the usual one.

    Parameters
    ----------
    format : BlockFormat
        Their format.
    top : array of int64
        The largest magnitudes of the blocks, as bits of binary32. Where one is infinite or NaN the
        scale means nothing.
    amax : float32
        The tensor's, as it counts, where the format has a scale a tensor.
    """
    top = np.where(top < LEAST_NORMAL, 0, top)
    exponent, fraction = (top >> 23) - BINARY32.bias, top & (LEAST_NORMAL - 1)
    if isinstance(format, BfpFormat):
        code = format.scale.encode(exponent, fraction == 0)
    elif isinstance(format, MxFormat) and isinstance(format.scale, MxScale):
        code = format.scale.encode(format.element, exponent, fraction)
    else:
        assert isinstance(format, MxFormat)
        return _of_tensor(format, top, amax)
    code = np.where(top == 0, format.lowest_code, code)
    return (BlockScales(code, format.last_place(code)),)


def least_error(
    scales: Sequence[BlockScales],
    elements: Callable[[BlockScales], Codes],
    error: Callable[[Codes, Integers], Floats],
    take: Callable[[npt.NDArray[np.bool_], Codes, Codes], Codes],
) -> tuple[Codes, Integers]:
    """Return the codes of elements, and of scales, that of all scales give blocks the least error.

    Of equal ones the first.

    Parameters
    ----------
    scales : sequence of BlockScales
        Those that are tried.
    elements : function
        Returns the codes of elements for scales.
    error : function
        Returns that of codes of elements and scales, of each block.
    take : function
        Returns codes of elements: of some blocks the second ones, of the others the third.
    """
    first, *others = scales
    code, scale = elements(first), first.code
    for other in others:
        tried = elements(other)
        better = error(tried, other.code) < error(code, scale)
        code, scale = take(better, tried, code), np.where(better, other.code, scale)
    return code, scale


def _of_tensor(format: MxFormat, top: Integers, amax: np.float32) -> tuple[BlockScales, ...]:
    """Return the scales of blocks of a tensor that has a scale of its own."""
    scale = tensor_scale.tensor_scale(format, amax)
    finite = np.where(top < INFINITY, top, 0).astype(np.uint32).view(np.float32)
    assert isinstance(format.scale, FloatScale)
    found = []
    for four in (False, True)[: 1 + format.scale.four_over_six]:
        code = tensor_scale.block_codes(format, finite, scale, four=four)
        place = np.full_like(code, -format.element.places)
        found.append(BlockScales(code, place, tensor_scale.encode_factor(format, code, scale)))
    return tuple(found)
