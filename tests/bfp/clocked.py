"""A top for a circuit in the middle of others, with a clock of its own."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib.wiring import In

from hw.base.circuit import Circuit


class Clocked(Circuit):
    """A circuit with a clock of its own."""

    def __init__(self, *, inner: Circuit) -> None:
        self.inner = inner
        super().__init__({"aclk": In(1), **dict(inner.signature.members)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.aclk)
        m.submodules.inner = inner = self.inner
        for name, member in inner.signature.members.items():
            ours, theirs = getattr(self, name), getattr(inner, name)
            m.d.comb += theirs.eq(ours) if member.flow is In else ours.eq(theirs)
        return m
