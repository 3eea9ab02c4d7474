"""Arrays in block formats: quantize and dequantize."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Codes, Floats
from ..checks import array, instance
from ..errors import UserError
from ..words import Words
from . import BlockFormat, MxFormat, binary32, tensor_scale
from .block_scales import INFINITY, BlockScales, block_scales, least_error
from .blocks import NO_AMAX, Blocks, Integers
from .cut import blocked_axes, cut, join
from .element import FloatElement, IntegerElement

__all__ = [
    "dequantize",
    "quantize",
    "quantize_groups",
    "zero_set_counts",
    "zero_setting_error",
]


def _round(
    significand: np.ndarray, shift: np.ndarray, format: BlockFormat, words: np.ndarray
) -> np.ndarray:
    """Return ``significand / 2**shift`` rounded as the format says."""
    # Two places to the left put the hidden one beyond the largest magnitude of 24 bits.
    left = np.clip(-shift, 0, 2)
    shift = np.clip(shift, 0, 62)
    value = significand << left
    if format.rounding == "truncate":
        return value >> shift
    if format.rounding == "stochastic":
        return (((value << format.random_bits) >> shift) + words) >> format.random_bits
    truncated = value >> shift
    rest = value - (truncated << shift)
    half = (np.int64(1) << shift) >> 1
    tie = (rest == half) & (half > 0)
    if format.rounding == "nearest_even":
        tie &= truncated & 1 == 1
    return truncated + ((rest > half) | tie)


def quantize_groups(
    x: Floats, format: BlockFormat, words: npt.ArrayLike = 0, amax: npt.ArrayLike = NO_AMAX
) -> tuple[Codes, Integers, npt.NDArray[np.bool_]]:
    """Return codes of elements and scales, and zero-set flags, of the blocks along the last axis.

    A flag tells an element that FlexBlock counts in its zero-setting error (arXiv 2203.06673): its
    leading one lies at least ``magnitude_bits`` places below that of the block's largest element,
    or it is zero, in a block that has an element other than zero and no NaN or infinity. In an
    `MxFormat` it is an element that becomes zero in such a block. ``amax`` is of the tensor.
    """
    bits = array("x", x, "float32", shape=(..., "elements")).view(np.uint32)
    words = array("words", words, "integer", low=0).astype(np.int64)
    top = (bits & np.uint32(0x7FFFFFFF)).max(-1, initial=0, keepdims=True).astype(np.int64)
    special = top >= INFINITY
    largest = NO_AMAX
    if isinstance(format, MxFormat) and format.has_tensor_scale:
        largest = tensor_scale.checked_amax(format, amax)
    element, code = least_error(
        block_scales(format, top, largest),
        lambda scales: _elements(bits, scales, format, words),
        lambda element, code: _error(bits, element, code, format, largest),
        np.where,
    )
    if isinstance(format, MxFormat):
        below = format.element.decode(element) == 0
    else:
        field = (bits >> np.uint32(23)) & np.uint32(255)
        below = ((top >> 23) - field >= format.magnitude_bits) | (field == 0)
    element = np.where(special, np.uint32(format.element.nan_code), element)
    code = np.where(special, format.nan_code, code)
    return element, code[..., 0].astype(np.int32), below & (top >= 1 << 23) & ~special


def _error(
    bits: Codes, code: Codes, scale: np.ndarray, format: BlockFormat, amax: np.float32
) -> np.ndarray:
    """Return the errors of codes of elements and scales, of each block."""
    assert isinstance(format, MxFormat)
    number = tensor_scale.number_of(format, format.element.decode(code))
    return tensor_scale.error(format, bits.view(np.float32), number, scale, amax)


def _elements(bits: Codes, scales: BlockScales, format: BlockFormat, words: np.ndarray) -> Codes:
    """Return the codes of elements of blocks without NaN and infinities."""
    element = format.element
    if scales.factor is not None:
        with np.errstate(invalid="ignore"):
            bits = binary32.multiply(bits.view(np.float32), scales.factor).view(np.uint32)
    field = ((bits >> np.uint32(23)) & np.uint32(255)).astype(np.int64)
    significand = np.where(field > 0, (bits & np.uint32(0x7FFFFF)).astype(np.int64) | 1 << 23, 0)
    negative = bits >> np.uint32(31) > 0
    # The last place of a significand is 2**(field - 150).
    shift = scales.place - (field - 150)
    if isinstance(element, IntegerElement):
        magnitude = _round(significand, shift, format, words)
        magnitude = np.minimum(magnitude, np.where(negative, -element.lowest, element.largest))
        return element.encode(np.where(negative, -magnitude, magnitude))
    # What has a leading one beyond the fraction's bits is cut, to no more than one binade too many.
    binade = np.clip(23 - shift - element.fraction_bits, 0, 1 << element.exponent_bits)
    binade = np.where(significand > 0, binade, 0)
    shift = np.where(binade > 0, 23 - element.fraction_bits, shift)
    kept = _round(significand, shift, format, words)
    code = np.minimum(kept + (binade << element.fraction_bits), element.largest_code)
    return (code | negative.astype(np.int64) << (element.bits - 1)).astype(np.uint32)


def _words(random: Any, x: Floats, format: BlockFormat, axes: tuple[int, ...]) -> np.ndarray:
    """Check the random words of the elements of ``x``, and cut them as these."""
    if random is None:
        raise UserError(f"random must be given: {format.name} rounds stochastically")
    highest = (1 << format.random_bits) - 1
    words = array("random", random, "integer", shape=x.shape, low=0, high=highest)
    return cut(words, axes, format.block)


def quantize(
    x: npt.ArrayLike,
    format: BlockFormat,
    *,
    axis: int = -1,
    random: npt.ArrayLike | Words | None = None,
    amax: npt.ArrayLike | None = None,
) -> Blocks:
    """Return ``x`` in a block format.

    Subnormals are zeros. Formats of one dimension block along ``axis``, squares and boxes tile the
    last axes; where an extent is no multiple of the block the last block is smaller.

    Parameters
    ----------
    x : array of float32
        Of any shape with at least the axes of a block.
    format : BlockFormat
        The format made.
    axis : int
        The axis of a product's reduction; without meaning for squares and boxes.
    random : array of unsigned integers or Words, optional
        For stochastic rounding: words of ``format.random_bits`` bits in the shape of ``x``, or a
        stream of them, of which each element of each block takes one, block by block, also what
        fills up the last one. The blocked axes count fastest, as in a `convert`.
    amax : float32, optional
        The largest magnitude of the tensor that ``x`` is part of, where the format has a scale a
        tensor; None: that of ``x``.
    """
    x = array("x", x, "float32")
    axes = blocked_axes(format, axis, x.ndim, "x")
    groups = cut(x, axes, format.block)
    stochastic = format.rounding == "stochastic"
    words: npt.ArrayLike = 0
    if isinstance(random, Words):
        words = random.draw(groups.shape, format.random_bits) if stochastic else 0
    elif random is not None or stochastic:
        words = _words(random, x, format, axes)
    largest = tensor_scale.given_amax(format, x, amax)
    element, code, _ = quantize_groups(groups, format, words, largest)
    if len(axes) == 1:
        code = np.moveaxis(code, -1, axes[0])
    return Blocks(
        code=join(element, axes, format.block, x.shape),
        exponent=np.ascontiguousarray(code),
        format=format,
        axis=axes[0] if len(axes) == 1 else None,
        amax=largest,
    )


def dequantize(blocks: Blocks) -> Floats:
    """Return the values, rounded as `sw.formats.binary32.from_integer` does; NaN blocks are NaN.

    So are elements that are a NaN, and infinities are infinite. A scale a tensor, ``S_dec``, is
    multiplied at last.
    """
    codes = instance("blocks", blocks, Blocks).codes(*range(len(blocks.shape)))
    format, element = blocks.format, blocks.format.element
    place = format.last_place(codes.astype(np.int64))
    nan = codes == format.nan_code
    values = binary32.from_integer(blocks.mantissa * format.factor(codes), place, nan)
    if isinstance(element, FloatElement):
        negative = blocks.code >> np.uint32(element.bits - 1) > 0
        size = blocks.code & np.uint32((1 << (element.bits - 1)) - 1)
        values = np.copysign(values, np.where(negative, np.float32(-1), np.float32(1)))
        infinity = element.largest_code + 1 if element.specials == "ieee" else -1
        values = np.where(
            (size == infinity) & ~nan, np.copysign(np.float32(np.inf), values), values
        )
        values = np.where(
            (size > element.largest_code) & (size != infinity) | nan, binary32.NAN, values
        )
    if isinstance(format, MxFormat) and format.has_tensor_scale:
        scale = tensor_scale.tensor_scale(format, blocks.amax)
        values = binary32.multiply(values, tensor_scale.decode_factor(format, scale))
    return values


def zero_set_counts(x: npt.ArrayLike, format: BlockFormat, *, axis: int = -1) -> tuple[int, int]:
    """Return how many elements FlexBlock counts as set to zero, and how many there are.

    Elements that were zero count too, blocks of nothing but zeros do not. Squares and boxes tile
    the last axes, with smaller ones at the ends; others lie along ``axis``.
    """
    x = array("x", x, "float32")
    axes = blocked_axes(format, axis, x.ndim, "x")
    exact = dataclasses.replace(format, rounding="truncate")
    largest = tensor_scale.given_amax(exact, x, None)
    *_, flags = quantize_groups(cut(x, axes, format.block), exact, amax=largest)
    return int(join(flags, axes, format.block, x.shape).sum()), x.size


def zero_setting_error(x: npt.ArrayLike, format: BlockFormat, *, axis: int = -1) -> float:
    """Return FlexBlock's zero-setting error: the share of `zero_set_counts`; 0 of no elements."""
    zeros, elements = zero_set_counts(x, format, axis=axis)
    return zeros / elements if elements else 0.0
