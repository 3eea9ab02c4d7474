"""Pipeline stages of sums of products of small floats, for circuits and cycle models."""

import dataclasses
from typing import Any

from ..formats.element import ELEMENTS
from ..stages import Schedule, multiplier_schedule

__all__ = ["FloatStages", "Fp4Stages", "is_fp4"]

MAXIMUM_LEVELS = {"generic": 2, "ecp5": 2, "xilinx": 4}
"""Levels of comparisons of a few bits in a cycle."""


def is_fp4(parameters: Any) -> bool:
    """Return whether `DotParameters` are of exact sums of products of E2M1."""
    return parameters.format.element == ELEMENTS["e2m1"] and parameters.alignment is None


@dataclasses.dataclass(frozen=True)
class FloatStages:
    """Stages of the sum of a beat's products of floats."""

    parameters: Any
    """`DotParameters`."""

    @property
    def product(self) -> int:
        """Enabled cycles from registered operands to a product of significands, a register."""
        width = self.parameters.format.element.fraction_bits + 1
        return multiplier_schedule(width, False, self.parameters.target).latency + 1

    @property
    def maximum_levels(self) -> int:
        """Levels in a cycle of the tree of the largest exponent."""
        return MAXIMUM_LEVELS[self.parameters.target]

    @property
    def maximum(self) -> int:
        """Enabled cycles of that tree, under a window; a product is moved in part meanwhile."""
        levels = self.tree_levels - 1 if self.parameters.alignment else 0
        return max(1, -(-levels // self.maximum_levels))

    @property
    def tree_levels(self) -> int:
        """Levels of the adder tree, and one for the constants."""
        return (self.parameters.lanes - 1).bit_length() + 1

    def schedule(self) -> Schedule:
        """Return the registers up to a product that is moved to its place."""
        return Schedule(latency=self.product + self.maximum + 1)

    @property
    def total(self) -> int:
        """Enabled cycles to the sum of the products, as they were moved."""
        return self.schedule().tree(self.tree_levels).latency + 1

    @property
    def latency(self) -> int:
        """Enabled cycles to the sum in its place, which has a register under a window."""
        return self.total + bool(self.parameters.alignment)


@dataclasses.dataclass(frozen=True)
class Fp4Stages:
    """Stages of the sum of a beat's products of E2M1."""

    parameters: Any
    """`DotParameters`, which read these stages themselves."""

    @property
    def relative(self) -> bool:
        """Whether magnitudes are added by relative signs, and the sum gets its sign at last."""
        return self.parameters.target == "ecp5"

    def groups(self, terms: int) -> list[int]:
        """Return how many terms are added together, group by group, on a level of the tree."""
        if self.parameters.target != "xilinx":
            return [2] * (terms // 2) + [1] * (terms % 2)
        pairs = 1 - terms % 2
        triples, rest = divmod(terms - 2 * pairs, 3)
        return [2] * pairs + [3] * triples + [1] * rest

    @property
    def levels(self) -> int:
        """Levels of the tree."""
        count, terms = 0, self.parameters.lanes
        while terms > 1:
            count, terms = count + 1, len(self.groups(terms))
        return count

    @property
    def additions(self) -> int:
        """Levels of the tree, and one for the sign."""
        return self.levels + self.relative

    @property
    def depth(self) -> int:
        """How many additions a level counts as.

        The sum of three terms goes to a register: its own carries take a slice's other output.
        """
        return 2 if self.parameters.target == "xilinx" else 1

    def schedule(self) -> Schedule:
        """Return the registers up to a product; behind them its own addition, or as deep logic."""
        result = Schedule(latency=int(self.parameters.target != "generic"))
        result.add(self.parameters.target != "xilinx")
        return result

    @property
    def latency(self) -> int:
        """Enabled cycles from registered operands to the sum of their products."""
        result = self.schedule()
        for _ in range(self.additions):
            result.full()
            result.add(self.depth)
        return result.latency + 1
