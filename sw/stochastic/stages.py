"""Pipeline stages of the outer product, which circuits are built by and cycle models read."""

import dataclasses
from typing import Any

from ..formats import BINARY32
from ..formats.binary32 import ADDER_LATENCY, FROM_INTEGER_LATENCY
from ..stages import float_product

__all__ = ["OuterStages", "banks"]

BANK = 4
"""Columns of a bank."""


def banks(columns: int) -> list[range]:
    """Return the columns of each bank; one counts a cycle behind the other.

    The bits of ``d`` then drive no more than a bank's elements in a cycle.
    """
    return [range(n, min(n + BANK, columns)) for n in range(0, columns, BANK)]


@dataclasses.dataclass(frozen=True)
class OuterStages:
    """Stages from a pair that is loaded to the results of its batch."""

    parameters: Any
    """`OuterProductParameters`, which read these stages themselves."""

    @property
    def counts(self) -> int:
        """Cycles from the start of a pair to its first counts."""
        return self.parameters.stream_cycles + 3

    @property
    def sums(self) -> int:
        """Cycles from the first counts of a batch's last group to its first word of sums."""
        return 3 + len(banks(self.parameters.columns))

    @property
    def scaled(self) -> int:
        """Enabled cycles from a sum to it in binary32, times the rate: a register more."""
        p = self.parameters
        product = float_product(BINARY32.fraction_bits, p.target) if p.rate == "free" else 0
        return FROM_INTEGER_LATENCY + 1 + product

    @property
    def result(self) -> int:
        """Enabled cycles from a sum to its result, subtracted from a weight if there is one."""
        return self.scaled + (ADDER_LATENCY if self.parameters.weights != "none" else 0)

    @property
    def results(self) -> int:
        """Cycles from a word of sums to its first results, with a register and a FIFO."""
        return 1 + self.result + 1
