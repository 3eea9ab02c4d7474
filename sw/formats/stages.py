"""Pipeline stages of the quantizer, which circuits are built by and cycle models read."""

from .binary32 import FROM_INTEGER_LATENCY

__all__ = [
    "FIXED_LATENCY",
    "LANE_LATENCY",
    "float_latency",
    "hadamard_latency",
    "maximum_latency",
    "quantizer_latency",
    "scale_latency",
    "signed_digits",
]

FIXED_LATENCY = 2
"""Cycles from a significand to the number that it stands for at its place."""

LANE_LATENCY = 3
"""Cycles from an element to its code, once the block's exponent is known."""


def maximum_latency(count: int) -> int:
    """Return the cycles to the largest of ``count`` numbers, one a level of their tree."""
    return (count - 1).bit_length()


def quantizer_latency(lanes: int, beats: int) -> int:
    """Return the cycles from the last beat of a block of ``beats`` to its first one quantized.

    Registers hold a block of a single beat, a memory one of several.
    """
    wait = 2 if beats == 1 else 6
    return wait + maximum_latency(lanes) + LANE_LATENCY


def scale_latency(scale: int) -> int:
    """Return the cycles of a product with a constant, one a level of the tree of its digits."""
    return (len(signed_digits(scale)) - 1).bit_length()


def signed_digits(constant: int) -> list[tuple[int, int]]:
    """Return the fewest powers of two whose sums and differences are a positive constant.

    They come as place and sign, 1 or -1, from the lowest.
    """
    found = []
    place = 0
    while constant:
        if constant & 1:
            sign = 2 - (constant & 3)
            found.append((place, sign))
            constant -= sign
        constant >>= 1
        place += 1
    return found


def hadamard_latency(scale: int, levels: int, digits: int) -> int:
    """Return the cycles from a tile's last beat to its first one transformed."""
    fixed = 1 + scale_latency(scale) + FIXED_LATENCY
    return fixed + levels + float_latency(digits) + 1


def float_latency(digits: int) -> int:
    """Return the cycles from the digits of an exact sum to its value."""
    return digits - 1 + 2 + FROM_INTEGER_LATENCY
