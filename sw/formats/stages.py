"""Pipeline stages of the quantizer, which circuits are built by and cycle models read."""

from ..stages import float_product
from .block import BlockFormat, MxFormat
from .floating import BINARY32, FloatFormat

__all__ = [
    "LANE_LATENCY",
    "SCALE_CYCLES",
    "SCALE_LATENCY",
    "SCALE_PRODUCT",
    "has_tensor_scale",
    "lane_latency",
    "maximum_latency",
    "quantizer_latency",
    "scale_latency",
]

LANE_LATENCY = 3
"""Cycles from an element to its code, once the block's exponent is known."""

SCALE_PRODUCT = float_product(BINARY32.fraction_bits, "generic")
"""Cycles of a binary32 product by a scale a tensor."""

SCALE_LATENCY = SCALE_PRODUCT + LANE_LATENCY + 1
"""Cycles from a block's largest magnitude to its code and factor, under a scale a tensor."""

QUOTIENT_BITS = BINARY32.fraction_bits + 3

SCALE_CYCLES = 1 + 10 * (QUOTIENT_BITS + 3) + 9 * (SCALE_PRODUCT + 1)
"""Cycles of a tensor's scale: ten quotients, each but the last with a product of it."""


def has_tensor_scale(format: BlockFormat) -> bool:
    """Return whether a tensor has a scale of its own."""
    return isinstance(format, MxFormat) and format.has_tensor_scale


def lane_latency(format: BlockFormat, source: FloatFormat) -> int:
    """Return the cycles from an element of ``source`` and its block's exponent to its code."""
    product = float_product(source.fraction_bits, "generic")
    return LANE_LATENCY + (product if has_tensor_scale(format) else 0)


def scale_latency(format: BlockFormat) -> int:
    """Return the cycles from a block's largest number to its exponent, in front of a register."""
    return SCALE_LATENCY if has_tensor_scale(format) else 0


def maximum_latency(count: int) -> int:
    """Return the cycles to the largest of ``count`` numbers, one a level of their tree."""
    return (count - 1).bit_length()


def quantizer_latency(format: BlockFormat, source: FloatFormat, lanes: int) -> int:
    """Return the cycles from a block's last beat of ``lanes`` to its first one quantized.

    Registers hold a block of a single beat, a memory one of several.
    """
    wait = 2 if format.block_elements == lanes else 6
    exponent = maximum_latency(lanes) + scale_latency(format)
    return wait + exponent + lane_latency(format, source)
