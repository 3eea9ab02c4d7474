"""Floating-point arithmetic as the circuits do it: no subnormals, one NaN, round to nearest even.

Values of every format are held in binary32, which has them all. Every function works on arrays of
any shape, element by element, and broadcasts. What is not binary32, or not of the format, is
refused: nothing is rounded on the way in.
"""

import numpy as np
import numpy.typing as npt

from ..checks import array, instance
from ..errors import UserError
from . import BINARY32, FloatFormat

__all__ = [
    "ADDER_LATENCY",
    "FROM_INTEGER_LATENCY",
    "LARGEST",
    "NAN",
    "add",
    "flush",
    "from_bits",
    "from_integer",
    "multiply",
    "narrowed",
    "rounded",
    "to_bits",
]

ADDER_LATENCY = 5
"""Cycles of the circuits' adder; in the arrays it decides which sums may follow one another."""

FROM_INTEGER_LATENCY = 4
"""Cycles of the circuits' conversion of an integer sum."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest finite number."""

LEAST_ROUNDED = 2.0**-126 * (1 - 2.0**-25)
"""The least number that rounds, with exponents unbounded, to the least normal one."""

NAN = np.uint32(0x7FC00000).view(np.float32)
"""The only NaN that a circuit puts out."""


def flush(x: npt.ArrayLike, format: FloatFormat = BINARY32) -> npt.NDArray[np.float32]:
    """Return ``x`` with what is subnormal in ``format`` replaced by a zero of the same sign."""
    instance("format", format, FloatFormat)
    bits = array("x", x, "float32").view(np.uint32)
    small = (bits >> np.uint32(23) & np.uint32(255)) < BINARY32.bias + 1 - format.bias
    return np.where(small, bits & np.uint32(1 << 31), bits).view(np.float32)


def _operand(field: str, x: npt.ArrayLike, format: FloatFormat) -> npt.NDArray[np.float32]:
    """Check values of a format, and flush them."""
    values = flush(array(field, x, "float32"), format)
    if format != BINARY32:
        _codes(field, values, format)
    return values


def narrowed(x: npt.NDArray[np.float64], format: FloatFormat) -> npt.NDArray[np.float32]:
    """Return normal, zero or infinite ``x`` rounded as if exponents were unbounded, then flushed.

    What is beyond the largest number of ``format`` becomes an infinity, and a NaN `NAN`.
    """
    if format == BINARY32:
        return _to_binary32(x)
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


def _to_binary32(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return what `narrowed` returns, of any ``x``, by the processor's own rounding."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        value = x.astype(np.float32)
        # Of 24 bits with any exponent, what is nearer to the number below the least is a zero.
        value = np.where(np.abs(x) < LEAST_ROUNDED, np.copysign(np.float32(0), value), value)
        return np.where(np.isnan(value), NAN, value)


def rounded(x: npt.ArrayLike, format: FloatFormat) -> npt.NDArray[np.float32]:
    """Return ``x`` in ``format``: flushed, rounded to nearest even and flushed; a NaN is `NAN`."""
    instance("format", format, FloatFormat)
    with np.errstate(invalid="ignore"):
        return narrowed(flush(x).astype(np.float64), format)


def add(
    x: npt.ArrayLike, y: npt.ArrayLike, format: FloatFormat = BINARY32
) -> npt.NDArray[np.float32]:
    """Return ``x + y`` of flushed values of ``format``, rounded to nearest even and flushed.

    Infinities of unequal sign, or a NaN, give `NAN`; an exact cancellation gives +0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if format == BINARY32:
            total = _operand("x", x, format) + _operand("y", y, format)
            return np.where(np.isnan(total), NAN, flush(total))
        # Binary64 has more than twice the places: rounding to it first changes nothing.
        total = _operand("x", x, format).astype(np.float64) + _operand("y", y, format)
        return narrowed(total, format)


def multiply(
    x: npt.ArrayLike, y: npt.ArrayLike, format: FloatFormat = BINARY32
) -> npt.NDArray[np.float32]:
    """Return ``x * y`` of flushed values of ``format``, rounded to nearest even.

    It is rounded once, as if exponents were unbounded. Then a result below the normal numbers
    becomes a zero of the same sign and one beyond them an infinity. A zero times an infinity, or a
    NaN, gives `NAN`.
    """
    with np.errstate(invalid="ignore"):
        product = _operand("x", x, format).astype(np.float64) * _operand("y", y, format)
        return narrowed(product, format)


def from_integer(
    q: npt.ArrayLike, exponent: npt.ArrayLike, nan: npt.ArrayLike = False
) -> npt.NDArray[np.float32]:
    """Return ``q * 2**exponent``, or `NAN` where ``nan``.

    ``q`` is below ``2**62`` in magnitude. It is rounded once, to 24 bits and to nearest even, as if
    exponents were unbounded; then a result below ``2**-126`` becomes a zero of the same sign and
    one beyond the largest binary32 an infinity. ``q = 0`` gives +0.
    """
    q = array("q", q, "integer", low=1 - 2**62, high=2**62 - 1).astype(np.int64)
    exponent = array("exponent", exponent, "integer", low=-(2**31), high=2**31 - 1)
    # Of 53 bits, and whether there is a rest, binary64 holds all that rounding asks for.
    long = np.abs(q) >= np.int64(1) << 53
    if long.any():
        q = np.where(long, q >> 9 | (q & 511 != 0), q)
        exponent = exponent + np.where(long, 9, 0)
    # At most 2**53 * 2**500: exact, and far outside binary32 at either end.
    scale = np.clip(exponent, -500, 500).astype(np.int32)
    result = _to_binary32(np.ldexp(q.astype(np.float64), scale))
    return np.where(array("nan", nan, "bool"), NAN, result)


def from_bits(bits: npt.ArrayLike, format: FloatFormat = BINARY32) -> npt.NDArray[np.float32]:
    """Return the values of bit patterns of ``format``, subnormals as they are."""
    highest = (1 << instance("format", format, FloatFormat).width) - 1
    codes = array("bits", bits, "integer", low=0, high=highest).astype(np.uint32)
    places = format.fraction_bits
    fraction = codes & np.uint32((1 << places) - 1)
    field = codes >> np.uint32(places) & np.uint32(format.exponent_ones)
    sign = codes >> np.uint32(format.width - 1) << np.uint32(31)
    wide = field + np.uint32(BINARY32.bias - format.bias)
    wide = np.where(field == format.exponent_ones, np.uint32(BINARY32.exponent_ones), wide)
    normal = wide << np.uint32(23) | fraction << np.uint32(23 - places)
    small = np.ldexp(fraction.astype(np.float64), 1 - format.bias - places).astype(np.float32)
    return (sign | np.where(field > 0, normal, small.view(np.uint32))).view(np.float32)


def to_bits(x: npt.ArrayLike, format: FloatFormat = BINARY32) -> npt.NDArray[np.uint32]:
    """Return the bit patterns of ``x`` in ``format``, which must hold every value exactly.

    A NaN stays as it is in binary32 and is the quiet one with an empty payload otherwise. Raises
    `UserError` for a value that would need rounding.
    """
    instance("format", format, FloatFormat)
    x = array("x", x, "float32")
    return x.view(np.uint32) if format == BINARY32 else _codes("x", x, format)


def _codes(what: str, x: npt.NDArray[np.float32], format: FloatFormat) -> npt.NDArray[np.uint32]:
    """Return the bit patterns in a format; refuse what has none."""
    places = format.fraction_bits
    infinity = format.exponent_ones << places
    finite = np.where(np.isfinite(x), x, np.float32(0))
    mantissa, exponent = np.frexp(np.abs(finite).astype(np.float64))
    # A normal number's leading one counts one in the exponent field; a subnormal's does not.
    field = np.where(mantissa > 0, np.maximum(exponent - 1 + format.bias, 1), 1)
    steps = np.ldexp(mantissa, exponent + format.bias + places - field)
    code = ((field - 1).astype(np.int64) << places) + steps.astype(np.int64)
    wrong = (steps != np.floor(steps)) | (code >= infinity)
    if wrong.any():
        raise UserError(f"{what} must hold values of {format.name}, not {x[wrong].flat[0]!s}")
    code = (
        np.where(np.isinf(x), infinity, code) | np.signbit(x).astype(np.int64) << format.width - 1
    )
    return np.where(np.isnan(x), infinity | 1 << (places - 1), code).astype(np.uint32)
