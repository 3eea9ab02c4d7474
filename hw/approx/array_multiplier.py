"""The truncated array multiplier of fractions."""

from typing import Any

from amaranth.hdl import Module

from sw.approx.stages import array_latency
from sw.stages import Schedule

from ..base.pipeline import register
from ..cells.bit import Bit, bits, pack
from ..cells.tree import Term, add_terms
from .exact import truncate
from .fractions import FractionMultiplier

__all__ = ["ArrayMultiplier"]

ZERO, ONE = Bit(0), Bit(1)


class ArrayMultiplier(FractionMultiplier):
    """The sum of the partial products of high weight, truncated.

    Parameters
    ----------
    guard : int
        Places behind the product's fraction, below whose weight partial products are left out.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    def __init__(self, *, guard: int, bits: int, target: str) -> None:
        self.guard = guard
        self.target = target
        super().__init__(bits=bits)

    @property
    def latency(self) -> int:
        """Enabled cycles from fractions to code."""
        return array_latency(self.bits)

    def elaborate(self, platform: Any) -> Module:
        """Add the rows by a binary tree."""
        m = Module()
        cut = max(self.bits - self.guard, 0)
        a, b = ([*bits(fraction), ONE] for fraction in (self.x, self.y))
        terms = [Term(max(cut, i), [p & q for q in b[max(cut - i, 0) :]]) for i, p in enumerate(a)]
        total = add_terms(m, self.en, self.target, terms, Schedule(), 2 * self.bits + 2)
        code = truncate(pack([ZERO] * cut + total), self.bits)
        m.d.comb += self.code.eq(register(m, self.en, "code_", self.bits + 1, code))
        return m
