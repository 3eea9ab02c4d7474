"""Floating-point arithmetic as the circuits do it: no subnormals, one NaN, round to nearest even.

Values of every format are held in binary32, which has them all. Every function works on arrays of
any shape, element by element, and broadcasts.
"""

import numpy as np
import numpy.typing as npt

from .errors import UserError
from .formats import BINARY16, BINARY32, FloatFormat

__all__ = [
    "ADDER_LATENCY",
    "NAN",
    "add",
    "flush",
    "from_bits",
    "from_integer",
    "multiply",
    "rounded",
    "to_bits",
]

ADDER_LATENCY = 5
"""Cycles of the circuits' adder; in the arrays it decides which sums may follow one another."""

NAN = np.uint32(0x7FC00000).view(np.float32)
"""The only NaN that a circuit puts out."""


def flush(x: npt.ArrayLike, format: FloatFormat = BINARY32) -> npt.NDArray[np.float32]:
    """Return ``x`` with what is subnormal in ``format`` replaced by a zero of the same sign."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    small = (bits >> np.uint32(23) & np.uint32(255)) < BINARY32.bias + 1 - format.bias
    return np.where(small, bits & np.uint32(1 << 31), bits).view(np.float32)


def _rounded(x: npt.NDArray[np.float64], format: FloatFormat) -> npt.NDArray[np.float32]:
    """Return normal, zero or infinite ``x`` rounded as if exponents were unbounded, then flushed.

    What is beyond the largest number of ``format`` becomes an infinity, and a NaN `NAN`.
    """
    bits = x.view(np.uint64)
    drop = np.uint64(52 - format.fraction_bits)
    last = bits >> drop & np.uint64(1)
    bits = (bits + (np.uint64(1) << drop - np.uint64(1)) - np.uint64(1) + last) >> drop << drop
    value = np.where(np.isfinite(x), bits.view(np.float64), x)
    with np.errstate(over="ignore"):
        size = np.abs(value)
        value = np.where(size < 2.0 ** (1 - format.bias), np.copysign(0, value), value)
        value = np.where(size < 2.0 ** (format.bias + 1), value, np.copysign(np.inf, value))
        return np.where(np.isnan(x), NAN, value.astype(np.float32))


def rounded(x: npt.ArrayLike, format: FloatFormat) -> npt.NDArray[np.float32]:
    """Return ``x`` in ``format``: flushed, rounded to nearest even and flushed; a NaN is `NAN`."""
    with np.errstate(invalid="ignore"):
        return _rounded(flush(x).astype(np.float64), format)


def add(
    x: npt.ArrayLike, y: npt.ArrayLike, format: FloatFormat = BINARY32
) -> npt.NDArray[np.float32]:
    """Return ``x + y`` of flushed values of ``format``, rounded to nearest even and flushed.

    Infinities of unequal sign, or a NaN, give `NAN`; an exact cancellation gives +0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if format == BINARY32:
            total = flush(x) + flush(y)
            return np.where(np.isnan(total), NAN, flush(total))
        # Binary64 has more than twice the places: rounding to it first changes nothing.
        return _rounded(flush(x, format).astype(np.float64) + flush(y, format), format)


def multiply(
    x: npt.ArrayLike, y: npt.ArrayLike, format: FloatFormat = BINARY32
) -> npt.NDArray[np.float32]:
    """Return ``x * y`` of flushed values of ``format``, rounded to nearest even.

    It is rounded once, as if exponents were unbounded. Then a result below the normal numbers
    becomes a zero of the same sign and one beyond them an infinity. A zero times an infinity, or a
    NaN, gives `NAN`.
    """
    with np.errstate(invalid="ignore"):
        return _rounded(flush(x, format).astype(np.float64) * flush(y, format), format)


def from_integer(
    q: npt.ArrayLike, exponent: npt.ArrayLike, nan: npt.ArrayLike = False
) -> npt.NDArray[np.float32]:
    """Return ``q * 2**exponent``, or `NAN` where ``nan``.

    ``q`` is below ``2**62`` in magnitude. It is rounded once, to 24 bits and to nearest even, as if
    exponents were unbounded; then a result below ``2**-126`` becomes a zero of the same sign and
    one beyond the largest binary32 an infinity. ``q = 0`` gives +0.
    """
    q = np.asarray(q, np.int64)
    magnitude = np.abs(q)
    length = np.frexp(magnitude.astype(np.float64))[1].astype(np.int64)
    length -= magnitude < (np.int64(1) << np.maximum(length - 1, 0))  # rounded up to a power of two
    drop = np.maximum(length - 24, 0)
    kept = magnitude >> drop
    rest = magnitude - (kept << drop)
    half = (np.int64(1) << drop) >> 1
    kept += (rest > half) | ((rest == half) & (half > 0) & (kept & 1 == 1))
    # At most 2**24 * 2**500: exact in binary64 and far outside binary32 at either end.
    scale = np.clip(np.asarray(exponent, np.int64) + drop, -500, 500)
    value = np.ldexp(kept.astype(np.float64), scale.astype(np.int32))
    value = np.where(value < 2.0**-126, 0.0, value)
    with np.errstate(over="ignore"):
        result = np.copysign(value, np.where(q < 0, -1.0, 1.0)).astype(np.float32)
    return np.where(nan, NAN, result)


def from_bits(bits: npt.ArrayLike, format: FloatFormat = BINARY32) -> npt.NDArray[np.float32]:
    """Return the values of bit patterns of ``format``, subnormals as they are."""
    bits = np.asarray(bits)
    if format == BINARY16:
        return bits.astype(np.uint16).view(np.float16).astype(np.float32)
    return (bits.astype(np.uint32) << np.uint32(32 - format.width)).view(np.float32)


def to_bits(x: npt.ArrayLike, format: FloatFormat = BINARY32) -> npt.NDArray[np.uint32]:
    """Return the bit patterns of ``x`` in ``format``, which must hold every value exactly.

    A NaN stays as it is in binary32 and is the quiet one with an empty payload otherwise. Raises
    `UserError` for a value that would need rounding.
    """
    x = np.asarray(x, np.float32)
    if format == BINARY32:
        return x.view(np.uint32)
    empty = format.exponent_ones << format.fraction_bits | 1 << (format.fraction_bits - 1)
    with np.errstate(all="ignore"):
        if format == BINARY16:
            bits = x.astype(np.float16).view(np.uint16).astype(np.uint32)
        else:
            bits = x.view(np.uint32) >> np.uint32(32 - format.width)
        bits = np.where(np.isnan(x), np.uint32(empty), bits)
        inexact = (from_bits(bits, format) != x) & ~np.isnan(x)
    if inexact.any():
        value = x[inexact].flat[0]
        raise UserError(f"x must hold values of {format.name}, not {value!s}")
    return bits
