"""The truncated array multiplier of fractions."""

import dataclasses
from typing import Any

from amaranth.hdl import Module

from sw.approx.stages import array_latency
from sw.stages import Schedule

from ..base.pipeline import register as hold
from ..cells.bit import Bit, bits, pack
from ..cells.carry import add
from ..cells.pipeline import register
from .exact import truncate
from .fractions import FractionMultiplier

__all__ = ["ArrayMultiplier"]

ZERO, ONE = Bit(0), Bit(1)


@dataclasses.dataclass(frozen=True)
class Term:
    """Part of a product: ``bits`` times ``2**weight``."""

    weight: int
    bits: list[Bit]


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
        stages = Schedule()
        while len(terms) > 1:
            if stages.full():
                terms = [
                    Term(t.weight, register(m, self.en, f"rows_{t.weight}", t.bits)) for t in terms
                ]
            pairs = zip(terms[::2], terms[1::2], strict=False)
            terms = [self._merge(m, *pair) for pair in pairs] + terms[len(terms) & ~1 :]
            stages.add()
        product = pack([ZERO] * cut + terms[0].bits)
        code = truncate(product, self.bits)
        m.d.comb += self.code.eq(hold(m, self.en, "code_", self.bits + 1, code))
        return m

    def _merge(self, m: Module, low: Term, high: Term) -> Term:
        """Add two neighbouring parts of the product."""
        at = high.weight - low.weight
        size = min(2 * self.bits + 2 - high.weight, max(len(low.bits) - at, len(high.bits)) + 1)
        x, y = ((part + [ZERO] * size)[:size] for part in (low.bits[at:], high.bits))
        return Term(low.weight, low.bits[:at] + add(m, self.target, x, y))
