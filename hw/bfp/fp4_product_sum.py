"""The exact sum of the products of two vectors of FP4 elements, E2M1."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters
from sw.bfp.stages import Fp4Stages

from ..base.circuit import Circuit
from ..base.pipeline import delay, wire
from ..cells.bit import Bit, bits, pack
from ..cells.carry import add, add_three
from ..cells.pipeline import register_bits
from .fp4_product import CODE_BITS, LARGEST, gated_product, looked_up_products, shifted_product

__all__ = ["Fp4ProductSum"]

ZERO = Bit(0)


@dataclasses.dataclass(frozen=True)
class Term:
    """A sum of ``lanes`` products from lane ``first`` on, in two's complement.

    Under signs and magnitudes (``ecp5``) ``bits`` are to be inverted where the signs of ``first``
    and ``second``, if any, differ, and are then the sum times the sign of ``first``.
    """

    bits: list[Bit]
    lanes: int
    first: int
    second: int | None = None


class Fp4ProductSum(Circuit):
    """Exact integer sum of ``lanes`` products of two vectors of E2M1, in units of 1/4.

    Latency is `latency` enabled cycles, interval one; `Fp4Stages` says where the registers are.
    A zero of either sign counts as zero. Products and additions depend on the target: ``xilinx``
    looks signed products up and adds three terms a cell, ``ecp5`` adds magnitudes with the signs
    of neighbours relative to one another, so that none is negated but the sum, others move signed
    products of significands.

    Parameters
    ----------
    parameters : DotParameters
        Format, whose element is E2M1, lanes and target.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(lanes * element_bits)
        Codes of elements, lane 0 lowest; expected straight from registers.
    sum : Out(signed(product_sum_bits))
        The sum, from registers.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        width = parameters.lanes * CODE_BITS
        super().__init__(
            {
                "en": In(1),
                **dict.fromkeys("ab", In(width)),
                "sum": Out(signed(parameters.product_sum_bits)),
            }
        )

    @functools.cached_property
    def stages(self) -> Fp4Stages:
        """Where the registers are."""
        return Fp4Stages(self.parameters)

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to sum."""
        return self.stages.latency

    def elaborate(self, platform: Any) -> Module:
        """Multiply, add groups of terms level by level, put the last sign in."""
        m = Module()
        terms = [Term(row, 1, i) for i, row in enumerate(self._products(m))]
        stages = self.stages.schedule()
        for level in range(self.stages.levels):
            if stages.full():
                terms = self._registered(m, level, terms)
            stages.add()
            terms = self._add_groups(m, terms, stages.latency)
        if self.stages.relative:
            if stages.full():
                terms = self._registered(m, self.stages.levels, terms)
            terms = [self._finish(m, terms[0], stages.latency)]
        whole = register_bits(m, self.en, "whole", terms[0].bits)
        m.d.comb += self.sum.eq(pack(whole))
        return m

    def _products(self, m: Module) -> Iterator[list[Bit]]:
        lanes = range(self.parameters.lanes)
        pairs = [
            tuple(bits(v.word_select(lane, CODE_BITS)) for v in (self.a, self.b)) for lane in lanes
        ]
        if self.parameters.target == "xilinx":
            for lane in lanes[::2]:
                yield from looked_up_products(m, self.en, f"product_{lane}", pairs[lane : lane + 2])
            return
        for lane, (a, b) in zip(lanes, pairs, strict=True):
            if self.stages.relative:
                yield [*gated_product(m, self.en, f"lane_{lane}", a, b), ZERO]
            else:
                yield shifted_product(m, f"lane_{lane}", a, b)

    def _registered(self, m: Module, level: int, terms: list[Term]) -> list[Term]:
        return [
            dataclasses.replace(
                term, bits=register_bits(m, self.en, f"terms_{level}_{i}", term.bits)
            )
            for i, term in enumerate(terms)
        ]

    def _add_groups(self, m: Module, terms: list[Term], stage: int) -> list[Term]:
        """Return the sums of a level's groups."""
        left, sums = iter(terms), []
        for size in self.stages.groups(len(terms)):
            group = [next(left) for _ in range(size)]
            lanes = sum(term.lanes for term in group)
            width = (lanes * LARGEST).bit_length() + 1
            rows = [(t.bits + [t.bits[-1]] * width)[:width] for t in group]
            first, second = group[0].first, None
            if self.stages.relative and size == 2:
                second = group[1].first
                flips = (
                    self._differ(m, group[0].second or first, second, stage),
                    self._differ(m, second, group[1].second, stage),
                )
                rows = [[bit ^ flip for bit in row] for row, flip in zip(rows, flips, strict=True)]
            total = rows[0]
            if size == 2:
                total = add(m, self.parameters.target, *rows)
            if size == 3:
                total = add_three(m, *rows)
            sums.append(Term(total, lanes, first, second))
        return sums

    def _sign(self, lane: int) -> Any:
        code_bits = range(CODE_BITS * lane, CODE_BITS * (lane + 1))
        return self.a[code_bits[-1]] ^ self.b[code_bits[-1]]

    def _differ(self, m: Module, first: int, second: int | None, stage: int) -> Bit:
        """Return whether the signs of two lanes differ, at a stage."""
        if second is None:
            return ZERO
        value = wire(
            m, f"differ_{first}_{second}_at_{stage}", 1, self._sign(first) ^ self._sign(second)
        )
        name = f"differ_{first}_{second}_{stage}"
        return Bit(delay(m, self.en, value, stage, name=name))

    def _finish(self, m: Module, term: Term, stage: int) -> Term:
        """Give the sum the sign of its first lane."""
        lanes = term.first if term.second is None else term.second, term.first
        flip, minus = (
            Bit(
                delay(
                    m, self.en, wire(m, f"sign_{i}", 1, self._sign(lane)), stage, name=f"sign_{i}"
                )
            )
            for i, lane in enumerate(lanes)
        )
        row = [bit ^ flip for bit in term.bits]
        return Term(add(m, self.parameters.target, row, [ZERO] * len(row), minus), term.lanes, 0)
