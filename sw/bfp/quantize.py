"""Block floating point of arrays: quantize, dequantize, and the elements' codes on a wire."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import binary32
from ..errors import UserError
from ..formats import BlockFormat
from ..words import Words

__all__ = [
    "Blocks",
    "decode",
    "dequantize",
    "encode",
    "quantize",
    "quantize_groups",
    "zero_setting_error",
]

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Blocks:
    """An array in a block format.

    Parameters
    ----------
    mantissa : array of int32
        The integers ``q``, in the shape of the array that was quantized.
    exponent : array of int32
        Exponent codes: the same shape, with the number of blocks in place of each blocked extent.
    format : BlockFormat
        Their format.
    axis : int or None
        The blocked axis, not negative; None for square blocks, which tile the last two.
    """

    mantissa: Integers
    exponent: Integers
    format: BlockFormat
    axis: int | None

    def __post_init__(self) -> None:
        """Check that shapes fit each other."""
        shape = list(self.mantissa.shape)
        for axis in _axes(self.format, self.axis, len(shape), "mantissa"):
            shape[axis] = -(-shape[axis] // self.format.reduction)
        if list(self.exponent.shape) != shape:
            raise UserError(
                f"exponent must have shape {tuple(shape)} for a mantissa of shape "
                f"{self.mantissa.shape} in {self.format.name}, not {self.exponent.shape}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array that was quantized."""
        return self.mantissa.shape

    @property
    def transposed(self) -> "Blocks":
        """A matrix with its axes exchanged; square blocks are then those of the transpose."""
        if len(self.shape) != 2:
            raise UserError(f"a matrix has 2 axes, not {len(self.shape)}")
        axis = None if self.axis is None else 1 - self.axis
        return Blocks(
            mantissa=self.mantissa.T, exponent=self.exponent.T, format=self.format, axis=axis
        )

    def codes(self, *axes: int) -> Integers:
        """Return the exponent codes with the blocked ones of ``axes`` spread over elements."""
        codes = self.exponent
        for axis in _axes(self.format, self.axis, len(self.shape), "mantissa"):
            if axis in [a % len(self.shape) for a in axes]:
                codes = np.repeat(codes, self.format.reduction, axis)
                codes = codes.take(range(self.shape[axis]), axis)
        return codes


def _axes(format: BlockFormat, axis: int | None, ndim: int, field: str) -> tuple[int, ...]:
    """Return the blocked axes, not negative."""
    need = len(format.block)
    if ndim < need:
        raise UserError(f"{field} must have at least {need} axes for {format.name}, not {ndim}")
    if need == 2:
        return ndim - 2, ndim - 1
    if axis is None or not -ndim <= axis < ndim:
        raise UserError(f"axis must be from {-ndim} to {ndim - 1}, not {axis!r}")
    return (axis % ndim,)


def _split(x: np.ndarray, axes: tuple[int, ...], side: int) -> np.ndarray:
    """Cut into blocks, filled up with zeros: (..., blocks along each axis, elements of one)."""
    x = np.pad(x, [(0, -n % side if axis in axes else 0) for axis, n in enumerate(x.shape)])
    x = np.moveaxis(x, axes, range(-len(axes), 0))
    outer = x.shape[: x.ndim - len(axes)]
    counts = [n // side for n in x.shape[len(outer) :]]
    x = x.reshape(*outer, *(part for count in counts for part in (count, side)))
    if len(axes) == 2:
        x = x.swapaxes(-3, -2)
    return x.reshape(*outer, *counts, side ** len(axes))


def _join(groups: np.ndarray, axes: tuple[int, ...], side: int, shape: tuple) -> np.ndarray:
    """Undo `_split` for an array of ``shape``."""
    count = len(axes)
    *outer, _ = groups.shape
    if count == 2:
        groups = groups.reshape(*outer, side, side).swapaxes(-3, -2)
    counts = outer[len(outer) - count :]
    outer = outer[: len(outer) - count]
    x = groups.reshape(*outer, *(n * side for n in counts))
    x = np.moveaxis(x, range(-count, 0), axes)
    return np.ascontiguousarray(x[tuple(slice(n) for n in shape)])


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
    kept = value >> shift
    rest = value - (kept << shift)
    half = (np.int64(1) << shift) >> 1
    return kept + ((rest > half) | ((rest == half) & (half > 0) & (kept & 1 == 1)))


def quantize_groups(
    x: Floats, format: BlockFormat, words: npt.ArrayLike = 0
) -> tuple[Integers, Integers, npt.NDArray[np.bool_]]:
    """Return mantissas, exponent codes and zero-set flags of the blocks along the last axis.

    A flag tells an element that FlexBlock counts in its zero-setting error (arXiv 2203.06673): its
    leading one lies at least ``magnitude_bits`` places below that of the block's largest element,
    or it is zero, in a block that has an element other than zero and no NaN or infinity.
    """
    m = format.magnitude_bits
    bits = x.view(np.uint32)
    field = ((bits >> np.uint32(23)) & np.uint32(255)).astype(np.int64)
    fraction = (bits & np.uint32(0x7FFFFF)).astype(np.int64)
    significand = np.where(field > 0, fraction | 1 << 23, 0)
    largest = field.max(-1, initial=0, keepdims=True)
    exponent = largest - 126
    if format.exponent_rule == "ceil":
        beyond = ((field == largest) & (fraction > 0)).any(-1, keepdims=True)
        exponent -= ~beyond
    code = exponent - 1 + format.exponent_bias
    code = np.clip(code, format.lowest_code, format.highest_code)
    code = np.where(largest == 0, format.lowest_code, code)
    # The last place of an element is 2**(field - 150), that of its mantissa 2**(E - m).
    shift = code + 1 - format.exponent_bias - m - (field - 150)
    magnitude = _round(significand, shift, format, np.asarray(words, np.int64))
    negative = bits >> np.uint32(31) > 0
    magnitude = np.minimum(magnitude, np.where(negative, -format.most_negative, format.largest))
    special = largest == 255
    mantissa = np.where(special, 0, np.where(negative, -magnitude, magnitude))
    code = np.where(special, format.nan_code, code)
    zero_set = ((largest - field >= m) | (field == 0)) & (largest > 0) & ~special
    return mantissa.astype(np.int32), code[..., 0].astype(np.int32), zero_set


def _words(random: Any, x: Floats, format: BlockFormat) -> np.ndarray:
    """Check the random words."""
    if random is None:
        raise UserError(f"random must be given: {format.name} rounds stochastically")
    words = np.asarray(random)
    if words.dtype.kind not in "iu" or words.shape != x.shape:
        raise UserError(
            f"random must be integers of shape {x.shape}, not {words.dtype} of shape {words.shape}"
        )
    if words.size and not 0 <= words.min() <= words.max() < 1 << format.random_bits:
        raise UserError(
            f"random must be words of {format.random_bits} bits, not {words.min()} to {words.max()}"
        )
    return words


def _floats(x: npt.ArrayLike) -> Floats:
    """Check the input of a quantizer."""
    x = np.asarray(x)
    if x.dtype != np.float32:
        raise UserError(f"x must be float32, not {x.dtype}")
    return x


def quantize(
    x: npt.ArrayLike,
    format: BlockFormat,
    *,
    axis: int = -1,
    random: npt.ArrayLike | Words | None = None,
) -> Blocks:
    """Return ``x`` in a block format.

    Subnormals are zeros. Formats of one dimension block along ``axis``, square ones tile the last
    two axes; where an extent is no multiple of the block the last block is smaller.

    Parameters
    ----------
    x : array of float32
        Of any shape with at least the axes of a block.
    format : BlockFormat
        The format made.
    axis : int
        The axis of a product's reduction; without meaning for square blocks.
    random : array of unsigned integers or Words, optional
        For stochastic rounding: words of ``format.random_bits`` bits in the shape of ``x``, or a
        stream of them, of which each element of each block takes one, block by block, also what
        fills up the last one. The blocked axis, or both, count fastest, as in a `convert`.
    """
    x = _floats(x)
    axes = _axes(format, axis, x.ndim, "x")
    side = format.reduction
    groups = _split(x, axes, side)
    words: npt.ArrayLike = 0
    if format.rounding == "stochastic" and isinstance(random, Words):
        words = random.draw(groups.shape, format.random_bits)
    elif format.rounding == "stochastic":
        words = _split(_words(random, x, format), axes, side)
    mantissa, code, _ = quantize_groups(groups, format, words)
    if len(axes) == 1:
        code = np.moveaxis(code, -1, axes[0])
    return Blocks(
        mantissa=_join(mantissa, axes, side, x.shape),
        exponent=np.ascontiguousarray(code),
        format=format,
        axis=axes[0] if len(axes) == 1 else None,
    )


def dequantize(blocks: Blocks) -> Floats:
    """Return the values, rounded as `sw.binary32.from_integer` does; NaN blocks are NaN."""
    codes = blocks.codes(*range(len(blocks.shape)))
    format = blocks.format
    scale = codes.astype(np.int64) + 1 - format.exponent_bias - format.magnitude_bits
    return binary32.from_integer(blocks.mantissa, scale, codes == format.nan_code)


def zero_setting_error(x: npt.ArrayLike, format: BlockFormat, *, axis: int = -1) -> float:
    """Return FlexBlock's zero-setting error: the share of elements that the blocks set to zero.

    Elements that were zero count too, blocks of nothing but zeros do not.
    """
    x = _floats(x)
    axes = _axes(format, axis, x.ndim, "x")
    exact = dataclasses.replace(format, rounding="truncate")
    *_, flags = quantize_groups(_split(x, axes, format.reduction), exact)
    flags = _join(flags, axes, format.reduction, x.shape)
    return float(flags.mean()) if x.size else 0.0


def encode(mantissa: npt.ArrayLike, format: BlockFormat) -> npt.NDArray[np.uint32]:
    """Return the ``element_bits`` wide codes of integers.

    Sign and magnitude, the sign on top, in symmetric formats; else two's complement.
    """
    q = np.asarray(mantissa)
    if q.dtype.kind not in "iu":
        raise UserError(f"mantissa must be integers, not {q.dtype}")
    if q.size and not format.most_negative <= q.min() <= q.max() <= format.largest:
        raise UserError(
            f"mantissa must be from {format.most_negative} to {format.largest} in {format.name}, "
            f"not {q.min()} to {q.max()}"
        )
    q = q.astype(np.int64)
    sign = np.int64(1) << format.magnitude_bits
    code = np.where(q < 0, sign - q, q) if format.symmetric else q & (2 * sign - 1)
    return code.astype(np.uint32)


def decode(code: npt.ArrayLike, format: BlockFormat) -> Integers:
    """Return the integers that codes stand for; a negative zero is zero."""
    code = np.asarray(code)
    if code.dtype.kind not in "iu":
        raise UserError(f"code must be integers, not {code.dtype}")
    if code.size and not 0 <= code.min() <= code.max() < 1 << format.element_bits:
        raise UserError(
            f"code must have {format.element_bits} bits in {format.name}, not {code.max()}"
        )
    sign = np.int64(1) << format.magnitude_bits
    magnitude = code.astype(np.int64) & (sign - 1)
    negative = code.astype(np.int64) >= sign
    below = -magnitude if format.symmetric else magnitude - sign
    return np.where(negative, below, magnitude).astype(np.int32)
