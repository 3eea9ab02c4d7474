"""What codes of small floats mean and sums of their products, one at a time in exact fractions.

Written from the OCP Microscaling Formats (MX) specification 1.0 and the definition of a window.
"""

from collections.abc import Sequence
from fractions import Fraction

from .reference import TWO

# Exponent and fraction bits, bias, and the lowest code (without sign) that is no number.
ELEMENTS = {
    "e2m1": (2, 1, 1, 8),
    "e2m3": (2, 3, 1, 32),
    "e3m2": (3, 2, 3, 32),
    "e4m3": (4, 3, 7, 0x7F),
    "e5m2": (5, 2, 15, 0x7C),
}


def parts(element: str, code: int) -> tuple[int, int, int]:
    """Return sign, exponent field (1 of subnormals) and significand; 0 of what is no number."""
    exponent_bits, fraction_bits, _, special = ELEMENTS[element]
    size = code & ((1 << (exponent_bits + fraction_bits)) - 1)
    sign = -1 if code >> (exponent_bits + fraction_bits) else 1
    if size >= special:
        return sign, 1, 0
    field, fraction = divmod(size, 1 << fraction_bits)
    return (sign, field, fraction + (1 << fraction_bits)) if field else (sign, 1, fraction)


def value(element: str, code: int) -> Fraction:
    """Return the number of a code; 0 of what is none."""
    _, fraction_bits, bias, _ = ELEMENTS[element]
    sign, field, significand = parts(element, code)
    return sign * significand * TWO ** (field - bias - fraction_bits)


def block_sum(element: str, a: Sequence[int], b: Sequence[int]) -> Fraction:
    """Return the exact sum of products of two blocks of codes."""
    return sum((value(element, x) * value(element, y) for x, y in zip(a, b, strict=True)), TWO * 0)


def windowed_sum(
    element: str, a: Sequence[int], b: Sequence[int], window: int, lanes: int
) -> Fraction:
    """Return the sum of two blocks, beat by beat in a window under the largest product."""
    _, fraction_bits, bias, _ = ELEMENTS[element]
    total = TWO * 0
    for first in range(0, len(a), lanes):
        products = []
        for x, y in zip(a[first : first + lanes], b[first : first + lanes], strict=True):
            (sx, ex, px), (sy, ey, py) = parts(element, x), parts(element, y)
            if px * py:
                products.append((sx * sy, ex + ey, px * py))
        highest = max((e for _, e, _ in products), default=0) // 4 * 4
        unit = TWO ** (highest + 2 * (fraction_bits + 1) - window)
        for sign, exponent, size in products:
            kept = size * TWO**exponent // unit * unit
            total += sign * kept * TWO ** (-2 * (bias + fraction_bits))
    return total


def scale_value(code: int, *, unsigned_float: bool) -> Fraction | None:
    """Return what a scale's code is worth, E8M0 or UE4M3; None for NaN."""
    if unsigned_float:
        return None if code == 127 else value("e4m3", code)
    return None if code == 255 else TWO ** (code - 127)
