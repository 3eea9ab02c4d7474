"""Pipeline stages of the quantizer, which circuits are built by and cycle models read."""

__all__ = ["LANE_LATENCY", "maximum_latency", "quantizer_latency"]

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
