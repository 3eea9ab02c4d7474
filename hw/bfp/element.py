"""One element of the array: a dot product that adds up a block's beats."""

import functools
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters

from ..base.circuit import Circuit
from .product_sum import ProductSum

__all__ = ["Element"]


class Element(Circuit):
    """Exact integer dot product of a block, ``lanes`` products a cycle.

    The operands are registered, so that ``b_next`` feeds the element below a cycle later. Latency
    from ``a`` and ``b`` to ``sum`` is `latency` enabled cycles. Where a block has several beats,
    ``first`` and ``add`` come `first_latency` after their beat.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(lanes * element_bits)
        A beat of each operand.
    b_next : Out(lanes * element_bits)
        ``b`` of the cycle before.
    first : In(1)
        The sum of products now at the accumulator starts a block.
    add : In(1)
        Clock enable of the accumulator, where there is a sum of products.
    sum : Out(signed(sum_bits))
        Sum over the block's beats so far.
    """

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        width = parameters.lanes * parameters.format.element_bits
        members: dict[str, Any] = {
            "en": In(1),
            "a": In(width),
            "b": In(width),
            "b_next": Out(width),
            "sum": Out(signed(parameters.sum_bits)),
        }
        if parameters.beats > 1:
            members |= {"first": In(1), "add": In(1)}
        super().__init__(members)

    @functools.cached_property
    def products(self) -> ProductSum:
        """The sum of a beat's products."""
        return ProductSum(parameters=self.parameters)

    @property
    def first_latency(self) -> int:
        """Enabled cycles from a beat to its sum of products."""
        return 1 + self.products.latency

    @property
    def latency(self) -> int:
        """Enabled cycles from a block's last beat to its sum."""
        return self.first_latency + (self.parameters.beats > 1)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.submodules.products = products = self.products
        a = Signal.like(self.a, reset_less=True)
        b = Signal.like(self.b, reset_less=True)
        with m.If(self.en):
            m.d.sync += [a.eq(self.a), b.eq(self.b)]
        m.d.comb += [
            products.en.eq(self.en),
            products.a.eq(a),
            products.b.eq(b),
            self.b_next.eq(b),
        ]
        if self.parameters.beats == 1:
            m.d.comb += self.sum.eq(products.sum)
            return m
        total = Signal.like(self.sum, reset_less=True)
        with m.If(self.add):
            m.d.sync += total.eq(Mux(self.first, 0, total) + products.sum)
        m.d.comb += self.sum.eq(total)
        return m
