"""A top for a sum of products, with a clock of its own."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib.wiring import In

from hw.bfp.product_sum import ProductSum
from hw.circuit import Circuit
from sw.bfp.dot import DotParameters


class Clocked(Circuit):
    """A sum of products with a clock of its own."""

    def __init__(self, *, parameters: DotParameters) -> None:
        self.inner = ProductSum(parameters=parameters)
        super().__init__({"aclk": In(1), **dict(self.inner.signature.members)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.aclk)
        m.submodules.inner = inner = self.inner
        for name in inner.signature.members:
            ours, theirs = getattr(self, name), getattr(inner, name)
            m.d.comb += ours.eq(theirs) if name == "sum" else theirs.eq(ours)
        return m
