"""Arithmetic density of HBFP against floating point, from the areas of their units.

Accuracy Boosters (arXiv 2211.10737) have two models in github.com/jnbrq/hbfp_hardware_model:
`density` is that of a multiply-add in an array (``stardust.py``), whose 21.3 for HBFP4 they quote;
`dot_density` that of a whole dot-product unit (``main.py``), which also counts the converters, the
accumulator and the rectifier, and adds up to less.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ..checks import choice, one_of, whole

__all__ = [
    "PUBLISHED",
    "SIDES",
    "WIDTHS",
    "UnitAreas",
    "accumulator_bits",
    "density",
    "dot_density",
    "float_area",
    "float_dot_area",
    "hbfp_area",
    "hbfp_dot_area",
]

WIDTHS = 4, 6, 8
"""Mantissa bits, the sign included, of the formats that are compared."""

SIDES = 4, 8, 16, 25, 36, 49, 64, 256, 576
"""Sides of the square tiles, which are also the lengths of the dot products."""

_EXPONENT_BITS = 10
_LINE = 8, 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class UnitAreas:
    """Areas of arithmetic units, all in one measure.

    Parameters
    ----------
    multiply, add : mapping of int to float
        Signed integer multipliers of two operands of so many bits, and integer adders.
    multiply_float, add_float : mapping of str to float
        Floating-point multipliers and adders by the name of their format, with ``binary32`` and
        ``bfloat16``.
    """

    multiply: Mapping[int, float]
    add: Mapping[int, float]
    multiply_float: Mapping[str, float]
    add_float: Mapping[str, float]

    def adder(self, bits: int) -> float:
        """Return the area of an integer adder; one without an entry lies on the line of 8..16."""
        if bits in self.add:
            return self.add[bits]
        widths = [n for n in self.add if _LINE[0] <= n <= _LINE[1]]
        slope, start = np.polyfit(widths, [self.add[n] for n in widths], 1)
        return float(slope * bits + start)


PUBLISHED = UnitAreas(
    multiply={
        **{1: 0.73, 2: 3.04, 3: 13.24, 4: 30.86, 5: 53.22, 6: 69.50, 7: 111.78, 8: 122.72},
        **{9: 164.15, 10: 189.42, 11: 239.23, 12: 275.93, 13: 336.56, 14: 377.62, 15: 448.58},
        16: 493.41,
    },
    add={
        **{1: 0.97, 2: 2.80, 3: 5.22, 4: 7.53, 5: 9.84, 6: 12.15, 7: 14.46, 8: 16.77},
        **{9: 19.08, 10: 21.38, 12: 26.00, 16: 35.24},
    },
    multiply_float={"bfloat16": 135.84, "binary16": 234.25, "binary32": 1009.06},
    add_float={"bfloat16": 173.14, "binary16": 201.81, "binary32": 485.27},
)
"""The areas in square micrometres behind the densities that Accuracy Boosters publish.

arXiv 2211.10737; the authors' hardware model (github.com/jnbrq/hbfp_hardware_model), Design
Compiler, TSMC 28 nm, for the least area. The floating-point multipliers neither normalize nor round
and know no subnormals.
"""


def accumulator_bits(width: int, side: int) -> int:
    """Return the bits in which ``side`` products of ``width``-bit mantissas are added."""
    return 2 * width + (side - 1).bit_length() + 1


def hbfp_area(units: UnitAreas, width: int, side: int) -> float:
    """Return the area of a multiply-add of HBFP with square tiles of ``side``.

    A multiplier and an integer adder; its part of the bfloat16 adder that takes a sum of ``side``
    products, and of the 10-bit adder of the exponents that ``side**2`` elements share.
    """
    return (
        units.multiply[width]
        + units.adder(accumulator_bits(width, side))
        + units.add_float["bfloat16"] / side
        + units.adder(_EXPONENT_BITS) / side**2
    )


def float_area(units: UnitAreas, format: str) -> float:
    """Return the area of a multiply-add of a floating-point format."""
    return units.multiply_float[format] + units.add_float[format]


def density(units: UnitAreas, width: int, side: int, against: str) -> float:
    """Return how many multiply-adds of HBFP lie on the area of one of a floating-point format."""
    return float_area(units, against) / hbfp_area(units, width, side)


_ACCUMULATOR = {"bfloat16": 365.59, "binary16": 396.94, "binary32": 864.84}
_RECTIFIER = {"bfloat16": 7.53, "binary16": 7.53, "binary32": 15.31}
_FROM_INTEGER = {8: 91.4, 12: 113.5, 16: 136.9}
_TO_BLOCKS = {
    4: {2: 203, 4: 281, 6: 355, 32: 1282},
    6: {2: 235, 4: 326, 6: 411, 32: 1491},
    8: {2: 260, 4: 360, 6: 456, 32: 1696},
}
"""Published areas as `PUBLISHED`, of what stands around the products.

Accumulators and rectifiers of formats; from integers of so many bits with an exponent of 10 to
bfloat16; from bfloat16 to blocks of so many elements, by the bits of their mantissas.
"""


def hbfp_dot_area(width: int, lanes: int) -> float:
    """Return the published area of a dot-product unit of HBFP, with all that is around it.

    Multipliers, a tree of adders of ``2 * width`` bits, an adder of exponents, the conversion of
    the sum to bfloat16, an accumulator, a rectifier, and a converter of ``lanes`` results to a
    block, whose area is the line through those known.
    """
    blocks = _TO_BLOCKS[width]
    slope, start = np.polyfit(list(blocks), list(blocks.values()), 1)
    return (
        lanes * PUBLISHED.multiply[width]
        + (lanes - 1) * PUBLISHED.add[2 * width]
        + PUBLISHED.add[_EXPONENT_BITS]
        + _FROM_INTEGER[2 * width]
        + _ACCUMULATOR["bfloat16"]
        + _RECTIFIER["bfloat16"]
        + float(slope * lanes + start)
    )


def float_dot_area(format: str, lanes: int) -> float:
    """Return the published area of a floating-point dot-product unit, with what is around it."""
    return (
        lanes * PUBLISHED.multiply_float[format]
        + (lanes - 1) * PUBLISHED.add_float[format]
        + _ACCUMULATOR[format]
        + _RECTIFIER[format]
    )


def dot_density(width: int, lanes: int, against: str) -> float:
    """Return how many units of HBFP lie on the area of one of a floating-point format."""
    choice("against", against, PUBLISHED.multiply_float)
    one_of("width", width, WIDTHS)
    whole("lanes", lanes, 1, 1 << 20)
    return float_dot_area(against, lanes) / hbfp_dot_area(width, lanes)
