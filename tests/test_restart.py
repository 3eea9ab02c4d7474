"""A circuit that starts anew, in Amaranth's simulator and in Verilog."""

import random

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.base.restart import Restarted
from hw.flow.emit import emit

from .clocked import drive
from .icarus import simulate

BITS = 8


class Count(Circuit):
    """Cycles since the reset."""

    def __init__(self) -> None:
        super().__init__({"o": Out(BITS)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.o + 1)
        return m


class Holder(Circuit):
    """A counter one room further in."""

    def __init__(self) -> None:
        super().__init__({"o": Out(BITS)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.count = count = Count()
        m.d.comb += self.o.eq(count.o)
        return m


class Top(Circuit):
    """One that starts anew, lower, and one that does not."""

    def __init__(self) -> None:
        members = {"aclk": In(1), "aresetn": In(1), "restart": In(1), "o": Out(2 * BITS)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.again = Restarted(again := Holder(), self.restart)
        m.submodules.on = on = Holder()
        m.d.comb += [
            ClockSignal().eq(self.aclk),
            ResetSignal().eq(~self.aresetn),
            self.o[:BITS].eq(again.o),
            self.o[BITS:].eq(on.o),
        ]
        return m


def cases() -> tuple[list[tuple[int, int]], list[int]]:
    """Return both inputs of each cycle, and what is given in it."""
    rng = random.Random(1)
    given = [(0, 0), *((rng.random() < 0.95, rng.random() < 0.1) for _ in range(200))]
    expected = []
    again = on = 0
    for aresetn, restart in given:
        expected.append(again | on << BITS)
        on = (on + 1) % (1 << BITS) if aresetn else 0
        again = (again + 1) % (1 << BITS) if aresetn and not restart else 0
    return given, expected


def test_in_amaranth():
    given, expected = cases()
    top = Top()
    found = []

    async def bench(ctx):
        for aresetn, restart in given:
            ctx.set(top.aresetn, aresetn)
            ctx.set(top.restart, restart)
            found.append(ctx.get(top.o))
            for clock in (1, 0):
                ctx.set(top.aclk, clock)
                await ctx.delay(1e-8)

    drive(top, bench, clock=False)
    assert found == expected


@pytest.mark.parametrize("fault", [False, True])
def test_in_verilog(tmp_path, fault):
    given, expected = cases()
    text = emit(Top(), "top").verilog
    if fault:
        assert ".rst(rst_or_restart)" in text
        text = text.replace(".rst(rst_or_restart)", ".rst(rst)")
    found = simulate(
        tmp_path,
        text,
        target="generic",
        ports={"aresetn": 1, "restart": 1},
        output="o",
        bits=2 * BITS,
        latency=0,
        beats=[aresetn | restart << 1 for aresetn, restart in given],
    )
    # After the first cycle, before which registers may have any value in Verilog.
    assert (found[1:] == expected[1:]) != fault
