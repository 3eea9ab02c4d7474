"""The vector engine's functions of binary32, and the tables of which they are made.

A function is a polynomial of the second degree between the places of a table, in integers, so that
the circuit has the same. `evaluate` says what is computed, and the largest errors.
"""

import functools
from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..checks import array, one_of
from ..formats import binary32
from ..stages import ROWS, booth_registers
from .instructions import FUNCTIONS

__all__ = [
    "DISTANCE",
    "ERRORS",
    "EXP_LATENCY",
    "FACTOR",
    "INDEX",
    "INFINITE",
    "LATENCY",
    "LN2",
    "LN2_PLACES",
    "LOG2_E",
    "LOG2_E_PLACES",
    "OFFSET",
    "PLACES",
    "POLYNOMIAL_LATENCY",
    "POWER",
    "REACH",
    "ROUGH",
    "Row",
    "SHIFTED",
    "SLOPE",
    "ZERO",
    "VALUE",
    "evaluate",
    "product_latency",
    "rows",
]

EXP, RECIP, RSQRT, LOG = (FUNCTIONS.index(name) for name in ("exp", "recip", "rsqrt", "log"))

INDEX, DISTANCE = 7, 20
"""Bits of the number of a row in its segment, and of a place in that row."""

PLACES = INDEX + DISTANCE
"""Places of the fixed-point argument of exp."""

VALUE = 28
"""Places behind the point of a polynomial's value."""

SLOPE = 14
"""Upper bits of a place that the coefficient of its square is multiplied by."""

FACTOR = 24
"""Places of the last factor, which is below 1."""

_GUARD = 80
"""Places of what tables are made of."""


def _log_ratio(x: Fraction) -> int:
    """Return ``ln(x) / (x - 1)``: ``2 * atanh(z) / (x - 1)`` with ``z = (x - 1) / (x + 1)``."""
    square = ((x - 1) / (x + 1)) ** 2
    power, total, n = 1 << _GUARD, 0, 1
    while power:
        total += power // n
        power, n = power * square.numerator // square.denominator, n + 2
    return int(2 * total / (x + 1))


def _half_exp(x: Fraction) -> int:
    """Return ``exp(x) / 2``, of a Taylor series."""
    term, total, n = 1 << _GUARD - 1, 0, 1
    while term:
        total += term
        term, n = term * x.numerator // (x.denominator * n), n + 1
    return total


def _inverse(x: Fraction) -> int:
    return int((1 << _GUARD) / x)


def _inverse_root(x: Fraction) -> int:
    return isqrt(int((1 << 2 * _GUARD) / x))


LN2_PLACES = 35
LN2 = round(Fraction(_log_ratio(Fraction(2)), 1 << _GUARD - LN2_PLACES))
"""The natural logarithm of 2, with `LN2_PLACES`."""

LOG2_E_PLACES = 12
LOG2_E = (1 << LOG2_E_PLACES + LN2_PLACES) // LN2
"""The binary logarithm of e, cut off behind `LOG2_E_PLACES`."""

REACH = 7
"""Exp of ``2**REACH``, and of more, is far beyond the largest number."""

ROUGH = 4
"""Places of an argument of exp from which its power of two is found."""

OFFSET = 277
SHIFTED = OFFSET * LN2 >> LN2_PLACES - PLACES
"""An argument of exp becomes positive by this, of `PLACES`, and its power of two by `OFFSET`."""

POWER = 9
"""Bits of such a power of two."""

ERRORS = {"exp": 0.77, "recip": 0.82, "rsqrt": 0.65, "log": 0.65}
"""Largest errors, in units of the last place of the exact result."""

INFINITE, ZERO = 255, -256
"""Exponents with which any result is an infinity, or a zero."""

_SEGMENTS: tuple[tuple[Callable[[Fraction], int], Fraction, Fraction], ...] = (
    (_half_exp, Fraction(0), Fraction(1)),
    (_inverse, Fraction(1), Fraction(1)),
    (_inverse_root, Fraction(1), Fraction(1)),
    (_inverse_root, Fraction(2), Fraction(2)),
    (_log_ratio, Fraction(1), Fraction(1)),
    (_log_ratio, Fraction(1, 2), Fraction(1, 2)),
)
"""What the table holds, ``2**INDEX`` rows of each: a function from a number on, over a width.

In all but the first, of exp, places count from the end of a row down to its beginning: that makes
all coefficients positive.
"""


class Row(NamedTuple):
    """The coefficients of a row: of 1, of the place and of its square."""

    value: int
    slope: int
    square: int


def _row(segment: int, index: int) -> Row:
    """Return a row.

    Coefficients fit the function at three places; what rounding one of them leaves, the next takes
    up. Half a unit is added for what the evaluation cuts off.
    """
    function, start, width = _SEGMENTS[segment]
    places = [Fraction(n, 16) for n in (1, 8, 15)]
    steps = [p if segment == 0 else 1 - p - Fraction(1, 1 << DISTANCE) for p in places]
    at = [start + (index + step) * width / (1 << INDEX) for step in steps]
    low, middle, high = (Fraction(function(x), 1 << _GUARD - VALUE) for x in at)
    apart = places[1] - places[0]
    square = round((low - 2 * middle + high) / (2 * apart**2))
    half = Fraction(1, 2)
    slope = round((high - low) / (2 * apart) - square * (places[0] + places[2]) + half)
    rest = [
        y - (slope - half + square * p) * p
        for y, p in zip((low, middle, high), places, strict=True)
    ]
    return Row(round((min(rest) + max(rest)) / 2 + half), slope, square)


@functools.cache
def rows() -> tuple[Row, ...]:
    """Return the table, segment by segment."""
    return tuple(_row(s, n) for s in range(len(_SEGMENTS)) for n in range(1 << INDEX))


@functools.cache
def _columns() -> tuple[npt.NDArray[np.int64], ...]:
    return tuple(np.array(rows(), np.int64).T)


def product_latency(bits: int) -> int:
    """Return the cycles of a product by Booth's digits of a factor of so many bits."""
    return booth_registers(bits, ROWS) + 1


EXP_LATENCY = 4 + product_latency(POWER + ROUGH) + product_latency(POWER)
POLYNOMIAL_LATENCY = 4 + product_latency(SLOPE) + product_latency(DISTANCE)
LATENCY = (
    EXP_LATENCY + POLYNOMIAL_LATENCY + product_latency(FACTOR) + 3 + binary32.FROM_INTEGER_LATENCY
)
"""Cycles of the circuit from operand to result."""

_Integers = npt.NDArray[np.int64]


def _split(
    negative: npt.NDArray[np.bool_], field: _Integers, fraction: _Integers
) -> tuple[_Integers, _Integers]:
    """Return the power of two of an exponential, and the rest of its argument in fixed point.

    Of the argument what has no place is cut off. The power, found from its upper places, may be one
    too low, when the rest is more than ln(2).
    """
    right = np.clip(127 + REACH - 1 - field, 0, 63)
    magnitude = (fraction | 1 << 23) << PLACES + REACH - 24 >> right
    shifted = np.where(negative, -magnitude, magnitude) + SHIFTED
    power = (shifted >> PLACES - ROUGH) * LOG2_E >> LOG2_E_PLACES + ROUGH
    return power - OFFSET, shifted - (power * LN2 >> LN2_PLACES - PLACES)


def _polynomial(segment: _Integers, index: _Integers, distance: _Integers) -> _Integers:
    """Return what a row of the table has at a distance, with `VALUE` places."""
    value, slope, square = (column[segment << INDEX | index] for column in _columns())
    slope = slope + (square * (distance >> DISTANCE - SLOPE) >> SLOPE)
    return value + (slope * distance >> DISTANCE)


def evaluate(code: int, x: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return a function of binary32 values: 1 exp(x), 2 1/x, 3 1/sqrt(x), 4 ln(x).

    Subnormal operands are zeros of the same sign; results below the normal numbers become zeros,
    those beyond the largest infinities. A NaN, and 1/sqrt and ln of what is below 0, give `NAN`.
    1/x and 1/sqrt(x) of a zero are infinities of its sign, ln of any is the negative one.

    Errors are at most `ERRORS` units of the last place, also of logarithms near 1. Exact are
    exp(0), ln(1), 1/x of powers of two and 1/sqrt(x) of powers of four.
    """
    one_of("function", code, range(1, len(FUNCTIONS)))
    bits = array("x", x, "float32").view(np.uint32).astype(np.int64)
    sign, field, fraction = bits >> 31 == 1, bits >> 23 & 255, bits & (1 << 23) - 1
    zero, special, low = field == 0, field == 255, field < 127
    nan = special & (fraction > 0)
    # result = (-1)**negative * (polynomial(place) * factor + addend) * 2**exponent
    place = fraction << PLACES - 23 ^ (1 << DISTANCE) - 1
    segment = np.full_like(bits, code - 1)
    factor, addend = np.full_like(bits, 1 << FACTOR - 1), np.zeros_like(bits)
    infinite, none, negative = zero, special, sign
    if code == EXP:
        exponent, place = _split(sign, field, fraction)
        exponent += 2
        large = field >= 127 + REACH
        infinite, none, negative = large & ~sign, large & sign, np.zeros_like(sign)
    elif code == RECIP:
        exponent = 128 - field
    elif code == RSQRT:
        exponent = 1 - (field - 127 >> 1)
        segment += 1 - (field & 1)
    else:
        exponent = np.zeros_like(bits)
        segment += low + 1
        factor = np.where(low, (1 << FACTOR - 1) - fraction, fraction << 1)
        addend = LN2 * np.where(low, 126 - field, field - 127)
        infinite, none, negative = zero | special, np.zeros_like(zero), low
    if code in (RSQRT, LOG):
        nan |= sign & ~zero
    value = _polynomial(segment, place >> DISTANCE, place & (1 << DISTANCE) - 1)
    total = value * factor + (addend << VALUE + FACTOR - LN2_PLACES)
    exponent = np.where(infinite, INFINITE, np.where(none, ZERO, exponent))
    result = binary32.from_integer(total, exponent - (VALUE + FACTOR), nan)
    return np.where(negative & ~nan, -result, result)
