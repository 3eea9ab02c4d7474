"""The exact sum of the products of two vectors of FP4 elements, E2M1."""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from amaranth.hdl import Module

from sw.bfp.float_stages import Fp4Stages

from ..base.pipeline import delay
from ..cells.bit import Bit, bits, pack
from ..cells.carry import add, add_three
from ..cells.pipeline import register_bits
from .fp4_product import CODE_BITS, LARGEST, gated_product, looked_up_products, shifted_product
from .vector_product import VectorProduct

__all__ = ["Fp4ProductSum"]

ZERO = Bit(0)


@dataclasses.dataclass(frozen=True)
class Term:
    """A sum of products, in two's complement.

    Under relative signs it is that of lane ``first`` times ``bits``, which are inverted where the
    signs of ``first`` and ``second`` differ.

    Parameters
    ----------
    bits : list of Bit
        The sum.
    lanes : int
        How many products it has.
    first, second : int
        Lanes; the same of a single product.
    """

    bits: list[Bit]
    lanes: int
    first: int
    second: int

    def extended(self, size: int) -> list[Bit]:
        """Return ``size`` bits."""
        return (self.bits + [self.bits[-1]] * size)[:size]


class Fp4ProductSum(VectorProduct):
    """Exact integer sum of ``lanes`` products of two vectors of E2M1, in units of 1/4.

    Latency is `latency` enabled cycles, interval one; `Fp4Stages` says where the registers are. A
    zero of either sign counts as zero. Products are those of `fp4_product` for the target. In
    ``xilinx`` a carry cell adds three terms. In ``ecp5``, whose cells have two inputs to spare, the
    terms are magnitudes; x - y is the inverse of the sum of y and x's inverse, so that no sign
    brings a carry but that of the sum.

    Parameters, of a format of E2M1, and members are those of `VectorProduct`.
    """

    @functools.cached_property
    def stages(self) -> Fp4Stages:
        """Where the registers are."""
        return Fp4Stages(self.parameters)

    def elaborate(self, platform: Any) -> Module:
        """Multiply, add groups of terms level by level, put the last sign in."""
        m = Module()
        terms = [Term(row, 1, i, i) for i, row in enumerate(self._products(m))]
        stages = self.stages.schedule()
        for level in range(self.stages.additions):
            if stages.full():
                terms = [self._registered(m, f"terms_{level}_{i}", t) for i, t in enumerate(terms)]
            stages.add(self.stages.depth)
            if level == self.stages.levels:
                terms = [self._signed(m, terms[0], stages.latency)]
                break
            left = iter(terms)
            groups = [[next(left) for _ in range(n)] for n in self.stages.groups(len(terms))]
            # Backwards: what is left over on a level is added on the next one.
            terms = [self._sum(m, group, stages.latency) for group in groups[::-1]]
        whole = self._registered(m, "whole", terms[0])
        m.d.comb += self.sum.eq(pack(whole.bits))
        return m

    def _registered(self, m: Module, name: str, term: Term) -> Term:
        """Register a term, the wires of inverted bits as they are."""
        inverted = [bit.table == 0b01 and len(bit.inputs) == 1 for bit in term.bits]
        row = [~bit if inverse else bit for bit, inverse in zip(term.bits, inverted, strict=True)]
        row = register_bits(m, self.en, name, row)
        row = [~bit if inverse else bit for bit, inverse in zip(row, inverted, strict=True)]
        return dataclasses.replace(term, bits=row)

    def _products(self, m: Module) -> Iterator[list[Bit]]:
        lanes = range(self.parameters.lanes)
        codes = [[bits(v.word_select(lane, CODE_BITS)) for v in (self.a, self.b)] for lane in lanes]
        pairs = [(a, b) for a, b in codes]
        if self.parameters.target == "xilinx":
            for lane in lanes[::2]:
                yield from looked_up_products(m, self.en, f"product_{lane}", pairs[lane : lane + 2])
            return
        for lane, (a, b) in zip(lanes, pairs, strict=True):
            if self.stages.relative:
                yield gated_product(m, self.en, f"product_{lane}", a, b)
            else:
                yield shifted_product(m, f"product_{lane}", a, b)

    def _sum(self, m: Module, group: list[Term], stage: int) -> Term:
        """Return the sum of up to three terms."""
        if len(group) == 1:
            return group[0]
        first, second = group[0].first, group[1].first
        lanes = sum(term.lanes for term in group)
        rows = [term.extended((lanes * LARGEST).bit_length() + 1) for term in group]
        if self.stages.relative:
            pairs = (group[0].second, second), (second, group[1].second)
            flips = [self._sign(m, stage, *pair) for pair in pairs]
            rows = [[bit ^ flip for bit in row] for row, flip in zip(rows, flips, strict=True)]
        if len(rows) == 3:
            return Term(add_three(m, *rows), lanes, first, second)
        x, y = rows
        return Term(add(m, self.parameters.target, x, y), lanes, first, second)

    def _signed(self, m: Module, term: Term, stage: int) -> Term:
        """Return the sum times the sign of its first lane, which it is relative to."""
        minus, flip = (self._sign(m, stage, lane) for lane in (term.first, term.second))
        row = [bit ^ flip for bit in term.bits]
        zero = [ZERO] * len(row)
        return dataclasses.replace(term, bits=add(m, self.parameters.target, row, zero, minus))

    def _sign(self, m: Module, stage: int, *lanes: int) -> Bit:
        """Return at a stage the sign of a lane's product, or of two lanes' relative to another."""
        if len(set(lanes)) < len(lanes):
            return ZERO
        name = "_".join(["sign", *map(str, lanes), "at", str(stage)])
        tops = [CODE_BITS * lane + CODE_BITS - 1 for lane in lanes]
        value = pack([Bit(v[top]) for top in tops for v in (self.a, self.b)]).xor()
        return Bit(delay(m, self.en, value, stage, name=name))
