"""Block floating point of arrays: quantize, dequantize, and the elements' codes on a wire."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array, instance
from ..errors import UserError
from ..words import Words
from . import BINARY32, BlockFormat, binary32
from .cut import blocked_axes, cut, join

__all__ = [
    "Blocks",
    "decode",
    "dequantize",
    "encode",
    "quantize",
    "quantize_groups",
    "zero_set_counts",
    "zero_setting_error",
]

Integers = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """An array in a block format.

    Parameters
    ----------
    mantissa : array of int32
        The integers ``q``, in the shape of the array that was quantized; other integers become
        int32. All that the format has codes for are accepted.
    exponent : array of int32
        Exponent codes: the same shape, with the number of blocks in place of each blocked extent.
    format : BlockFormat
        Their format.
    axis : int or None
        The blocked axis; None for squares and boxes, which tile the last axes.
    """

    mantissa: Integers
    exponent: Integers
    format: BlockFormat
    axis: int | None

    def __post_init__(self) -> None:
        """Check that codes are the format's and shapes fit each other."""
        form = instance("format", self.format, BlockFormat)
        q = _mantissa(self.mantissa, form)
        what = f"exponent in {form.name}"
        codes = array(what, self.exponent, "integer", low=0, high=form.nan_code)
        axes = blocked_axes(form, self.axis, q.ndim, "mantissa")
        shape = list(q.shape)
        for axis, side in zip(axes, form.block, strict=True):
            shape[axis] = -(-shape[axis] // side)
        if list(codes.shape) != shape:
            raise UserError(
                f"exponent must have shape {tuple(shape)} for a mantissa of shape "
                f"{q.shape} in {form.name}, not {codes.shape}"
            )
        object.__setattr__(self, "mantissa", q.astype(np.int32, copy=False))
        object.__setattr__(self, "exponent", codes.astype(np.int32, copy=False))
        object.__setattr__(self, "axis", axes[0] if len(axes) == 1 else None)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that was quantized."""
        return self.mantissa.shape

    @property
    def transposed(self) -> "Blocks":
        """A matrix with its axes exchanged; square blocks are then those of the transpose."""
        if len(self.shape) != 2:
            raise UserError(f"a matrix has 2 axes, not {len(self.shape)}")
        _ = self.format.reduction  # boxes have none
        axis = None if self.axis is None else 1 - self.axis
        return Blocks(
            mantissa=self.mantissa.T, exponent=self.exponent.T, format=self.format, axis=axis
        )

    @property
    def elements(self) -> npt.NDArray[np.uint32]:
        """Codes of the elements on the wire, in the shape of ``mantissa``."""
        return self.format.element.encode(self.mantissa)

    def codes(self, *axes: int) -> Integers:
        """Return the exponent codes with the blocked ones of ``axes`` spread over elements."""
        codes = self.exponent
        blocked = blocked_axes(self.format, self.axis, len(self.shape), "mantissa")
        for axis, side in zip(blocked, self.format.block, strict=True):
            if axis in [a % len(self.shape) for a in axes]:
                codes = np.repeat(codes, side, axis)
                codes = codes.take(range(self.shape[axis]), axis)
        return codes


def _mantissa(q: npt.ArrayLike, format: BlockFormat) -> np.ndarray:
    """Check that integers have codes."""
    what = f"mantissa in {format.name}"
    return array(what, q, "integer", low=format.most_negative, high=format.largest)


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
    x: Floats, format: BlockFormat, words: npt.ArrayLike = 0
) -> tuple[Integers, Integers, npt.NDArray[np.bool_]]:
    """Return mantissas, exponent codes and zero-set flags of the blocks along the last axis.

    A flag tells an element that FlexBlock counts in its zero-setting error (arXiv 2203.06673): its
    leading one lies at least ``magnitude_bits`` places below that of the block's largest element,
    or it is zero, in a block that has an element other than zero and no NaN or infinity.
    """
    m = format.magnitude_bits
    bits = array("x", x, "float32", shape=(..., "elements")).view(np.uint32)
    words = array("words", words, "integer", low=0).astype(np.int64)
    field = ((bits >> np.uint32(23)) & np.uint32(255)).astype(np.int64)
    fraction = (bits & np.uint32(0x7FFFFF)).astype(np.int64)
    significand = np.where(field > 0, fraction | 1 << 23, 0)
    largest = field.max(-1, initial=0, keepdims=True)
    beyond = ((field == largest) & (fraction > 0)).any(-1, keepdims=True)
    code = format.scale.encode(largest - BINARY32.bias, ~beyond)
    code = np.where(largest == 0, format.lowest_code, code)
    # The last place of an element is 2**(field - 150), that of its mantissa 2**(E - m).
    shift = format.last_place(code) - (field - 150)
    magnitude = _round(significand, shift, format, words)
    negative = bits >> np.uint32(31) > 0
    magnitude = np.minimum(magnitude, np.where(negative, -format.lowest, format.largest))
    special = largest == 255
    mantissa = np.where(special, 0, np.where(negative, -magnitude, magnitude))
    code = np.where(special, format.nan_code, code)
    zero_set = ((largest - field >= m) | (field == 0)) & (largest > 0) & ~special
    return mantissa.astype(np.int32), code[..., 0].astype(np.int32), zero_set


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
    mantissa, code, _ = quantize_groups(groups, format, words)
    if len(axes) == 1:
        code = np.moveaxis(code, -1, axes[0])
    return Blocks(
        mantissa=join(mantissa, axes, format.block, x.shape),
        exponent=np.ascontiguousarray(code),
        format=format,
        axis=axes[0] if len(axes) == 1 else None,
    )


def dequantize(blocks: Blocks) -> Floats:
    """Return the values, rounded as `sw.formats.binary32.from_integer` does; NaN blocks are NaN."""
    codes = instance("blocks", blocks, Blocks).codes(*range(len(blocks.shape)))
    format = blocks.format
    place = format.last_place(codes.astype(np.int64))
    return binary32.from_integer(blocks.mantissa, place, codes == format.nan_code)


def zero_set_counts(x: npt.ArrayLike, format: BlockFormat, *, axis: int = -1) -> tuple[int, int]:
    """Return how many elements FlexBlock counts as set to zero, and how many there are.

    Elements that were zero count too, blocks of nothing but zeros do not. Squares and boxes tile
    the last axes, with smaller ones at the ends; others lie along ``axis``.
    """
    x = array("x", x, "float32")
    axes = blocked_axes(format, axis, x.ndim, "x")
    exact = dataclasses.replace(format, rounding="truncate")
    *_, flags = quantize_groups(cut(x, axes, format.block), exact)
    return int(join(flags, axes, format.block, x.shape).sum()), x.size


def zero_setting_error(x: npt.ArrayLike, format: BlockFormat, *, axis: int = -1) -> float:
    """Return FlexBlock's zero-setting error: the share of `zero_set_counts`; 0 of no elements."""
    zeros, elements = zero_set_counts(x, format, axis=axis)
    return zeros / elements if elements else 0.0


def encode(mantissa: npt.ArrayLike, format: BlockFormat) -> npt.NDArray[np.uint32]:
    """Return the codes of elements, of ``element_bits`` each, see `IntegerElement`."""
    element = instance("format", format, BlockFormat).element
    return element.encode(_mantissa(mantissa, format))


def decode(code: npt.ArrayLike, format: BlockFormat) -> Integers:
    """Return the integers that codes of elements mean; a negative zero is zero."""
    highest = (1 << instance("format", format, BlockFormat).element_bits) - 1
    codes = array(f"code in {format.name}", code, "integer", low=0, high=highest)
    return format.element.decode(codes)
