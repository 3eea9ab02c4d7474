"""Pipeline stages of the sparse units, which circuits are built by and cycle models read."""

from ..formats import BINARY32
from ..formats.binary32 import ADDER_LATENCY
from ..stages import booth_registers, cipher_latency, float_product

__all__ = [
    "BLOCK_MEMORY_LATENCY",
    "COLLECT_LATENCY",
    "LEAST_SPACING",
    "PATCH_LATENCY",
    "SIGNIFICAND_LATENCY",
    "constant_product",
    "pe_row_latency",
    "regenerated_exponent",
    "regenerated_weight",
]

LEAST_SPACING = ADDER_LATENCY + 3
"""Cycles from one product of a sum to the next, at least."""

PATCH_LATENCY = 4
"""Cycles from a step to the last use of its patch."""

COLLECT_LATENCY = 4 + ADDER_LATENCY
"""Cycles from the reading of a sum to its total."""

BLOCK_MEMORY_LATENCY = 3
"""Cycles from a request to its block, of the memory of compressed blocks."""

SIGNIFICAND_LATENCY = 2
"""Cycles from an integer to its sign, significand and exponent."""


def pe_row_latency(target: str) -> int:
    """Return the cycles from a step of a PE row to its sums in memory."""
    product = float_product(BINARY32.fraction_bits, target)
    return PATCH_LATENCY + 1 + product + ADDER_LATENCY + 1


def constant_product(width: int) -> int:
    """Return the cycles of a product of ``width`` bits with a constant operand."""
    return booth_registers(width, 1) + 1


def regenerated_exponent(rounds: int) -> int:
    """Return the cycles from an index to the exponent of its weight, of so many rounds."""
    return cipher_latency(rounds) + 1 + SIGNIFICAND_LATENCY


def regenerated_weight(rounds: int, width: int) -> int:
    """Return the cycles from an index to its weight, whose significand has ``width`` bits."""
    return regenerated_exponent(rounds) + constant_product(width) + 2
