"""Composition of sums of digit products to the sum of a mode's products."""

import functools
import itertools
from operator import or_
from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGIT_BITS, DIGITS, MultimodeParameters
from sw.bfp.stages import COMPOSER_LATENCY

from ...base.circuit import Circuit
from ...base.pipeline import register

__all__ = ["Composer"]


class Composer(Circuit):
    """Adder tree of those digit products of one of ``rows`` PEs that belong to one result.

    Each product has the weight of its digits' places in their words, so that a result of mantissas
    that are ``p`` digits up in their words comes out ``p`` digits too high. Latency is `latency`
    enabled cycles, interval one.

    Members
    -------
    en : In(1)
        Clock enable.
    totals : In(rows * sum(total_bits))
        The PEs' totals.
    row : In(rows)
        One-hot: the PE.
    mask : In(16)
        The totals that belong to the result.
    sum : Out(signed(sum_bits))
        Their weighted sum, from registers.
    """

    latency = COMPOSER_LATENCY

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "en": In(1),
                "totals": In(p.rows * sum(p.total_bits)),
                "row": In(p.rows),
                "mask": In(DIGITS**2),
                "sum": Out(signed(p.sum_bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Choose, put together pairs of digits to mantissas of 8 bits, then those to 16."""
        m = Module()
        p, start = self.parameters, 0
        terms: dict[tuple[int, int], Signal] = {}
        for n, size in enumerate(p.total_bits):
            starts = range(start, len(self.totals), sum(p.total_bits))
            options = [
                self.totals[at : at + size] & (self.row[r] & self.mask[n]).replicate(size)
                for r, at in enumerate(starts)
            ]
            start += size
            chosen = functools.reduce(or_, options).as_signed()
            total = register(m, self.en, f"total_{n}", signed(size), chosen)
            terms[divmod(n, DIGITS)] = total
        for digits in (1, 2):
            terms = {
                (i, j): self._join(m, f"sum_{2 * digits}_{i}_{j}", terms, i, j, digits)
                for i, j in itertools.product(range(DIGITS // (2 * digits)), repeat=2)
            }
        m.d.comb += self.sum.eq(terms[0, 0])
        return m

    def _join(
        self,
        m: Module,
        name: str,
        terms: dict[tuple[int, int], Signal],
        i: int,
        j: int,
        digits: int,
    ) -> Signal:
        """Return the sum of two by two terms of ``digits``, by their weights, from a register."""
        low, up, left, high = (terms[2 * i + x, 2 * j + y] for x in (0, 1) for y in (0, 1))
        step = DIGIT_BITS * digits
        total = low + (high << 2 * step) + ((up + left) << step)
        return register(m, self.en, name, total.shape(), total)
