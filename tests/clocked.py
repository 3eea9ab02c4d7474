"""Circuits driven by hand in Amaranth's simulator, and a top for those without a clock port."""

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from hw.base.circuit import Circuit

__all__ = ["Clocked", "drive"]

TestBench = Callable[[Any], Coroutine[Any, Any, None]]


def drive(
    dut: Any, *benches: TestBench, background: Iterable[TestBench] = (), clock: bool = True
) -> None:
    """Run a circuit until the benches end; those in the background go on as long.

    A circuit without a clock has none; without ``clock`` the benches give it.
    """
    simulator = Simulator(dut)
    if clock:
        simulator.add_clock(1e-6, if_exists=True)
    for bench in benches:
        simulator.add_testbench(bench)
    for bench in background:
        simulator.add_testbench(bench, background=True)
    simulator.run()


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
