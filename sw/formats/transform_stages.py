"""Pipeline stages of the Hadamard transform, which circuits are built by and cycle models read."""

from .binary32 import FROM_INTEGER_LATENCY

__all__ = [
    "FIXED_LATENCY",
    "constant_latency",
    "float_latency",
    "hadamard_latency",
    "signed_digits",
]

FIXED_LATENCY = 2
"""Cycles from a significand to the number that it represents at its place."""


def constant_latency(scale: int) -> int:
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
    fixed = 1 + constant_latency(scale) + FIXED_LATENCY
    return fixed + levels + float_latency(digits) + 1


def float_latency(digits: int) -> int:
    """Return the cycles from the digits of an exact sum to its value."""
    return digits - 1 + 2 + FROM_INTEGER_LATENCY
