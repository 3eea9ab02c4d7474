"""Pipeline stages of approximate multipliers, which circuits are built by and cycle models read."""

import dataclasses

from ..formats.binary32 import ADDER_LATENCY
from ..stages import Schedule, significand_product
from .multipliers import multiplier

__all__ = [
    "LOGARITHM_LATENCY",
    "SCALE_LATENCY",
    "TABLE_LATENCY",
    "PeStages",
    "array_latency",
    "circuit_kind",
    "exact_latency",
    "product_latency",
]

LOGARITHM_LATENCY = 1
"""Cycles of a multiplier of fractions that adds logarithms."""

TABLE_LATENCY = 2
"""Cycles of a table of products of fractions."""

SCALE_LATENCY = 1
"""Cycles from the product of the fractions to that of the values."""


def exact_latency(bits: int, target: str) -> int:
    """Return the cycles of the exact product of fractions of ``bits`` bits, rounded or cut."""
    return significand_product(bits, target) + 1


def array_latency(bits: int) -> int:
    """Return the cycles of an array of partial products of fractions of ``bits`` bits."""
    return Schedule().tree(bits.bit_length()).latency + 1


def circuit_kind(name: str, bits: int) -> str:
    """Return the kind of the circuit of a named multiplier; what cuts nothing off is ``exact``."""
    named = multiplier(name)
    named.check(bits)
    whole = {"exact_nearest": True, "array": named.number >= bits, "drum": named.number > bits}
    return "exact" if whole.get(named.kind) else named.kind


def product_latency(name: str, bits: int, target: str) -> int:
    """Return the cycles of a multiplier of values by a named multiplier of fractions."""
    match circuit_kind(name, bits):
        case "exact":
            fractions = exact_latency(bits, target)
        case "drum":
            fractions = exact_latency(multiplier(name).number - 1, target)
        case "array":
            fractions = array_latency(bits)
        case _:
            fractions = LOGARITHM_LATENCY
    return fractions + SCALE_LATENCY


@dataclasses.dataclass(frozen=True)
class PeStages:
    """Enabled cycles in a PE of the array of approximate multipliers.

    Parameters
    ----------
    multiplier : int
        Latency of the multiplier.
    """

    multiplier: int

    @property
    def product(self) -> int:
        """From operands to their product: a register and the multiplier."""
        return 1 + self.multiplier

    @property
    def sum(self) -> int:
        """From operands to the sum with their product."""
        return self.product + ADDER_LATENCY
