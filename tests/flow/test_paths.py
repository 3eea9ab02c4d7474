"""Paths between ports that no register cuts, as the manifest has them."""

from typing import Any

import pytest
from amaranth.hdl import ClockDomain, ClockSignal, Instance, Module, ResetSignal, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.flow.emit import emit, generate
from hw.flow.rtlil import Emission
from hw.units import UNITS

from .circuits import Parity


def found(unit: str, *sets: str) -> list[tuple[str, str]]:
    design = generate(unit, UNITS[unit].parameters.make(overrides=sets))
    return [(start, end) for start, end in design.manifest["combinational"]]


class Inner(Circuit):
    """Bit 0 passes, bit 1 waits; the second half of ``pair`` is of both."""

    def __init__(self) -> None:
        super().__init__({"i": In(2), "gate": In(1), "pair": Out(2)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        late = Signal()
        m.d.sync += late.eq(self.i[1])
        m.d.comb += [self.pair[0].eq(self.i[0]), self.pair[1].eq(late & self.gate)]
        return m


class Outer(Circuit):
    """Two of them in a row, and a memory that is read at once and one that is not."""

    def __init__(self) -> None:
        ports = {"aclk": In(1), "aresetn": In(1), "a": In(1), "b": In(1), "gate": In(1)}
        results = ("straight", "waited", "gated", "top", "at_once", "clocked", "reset")
        super().__init__(ports | {"address": In(2), "pair": In(2)} | dict.fromkeys(results, Out(1)))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        m.submodules.first = first = Inner()
        m.submodules.second = second = Inner()
        m.submodules.words = words = Memory(shape=1, depth=4, init=[1, 0, 0, 1])
        at_once, clocked = words.read_port(domain="comb"), words.read_port()
        m.d.comb += [
            first.i[0].eq(self.a),
            first.i[1].eq(self.b),
            first.gate.eq(self.gate),
            second.i.eq(first.pair),
            second.gate.eq(self.a),
            self.straight.eq(second.pair[0]),
            self.waited.eq(second.pair[1]),
            self.gated.eq(first.pair[1]),
            self.top.eq(self.pair[1]),
            at_once.addr.eq(self.address),
            clocked.addr.eq(self.address),
            clocked.en.eq(1),
            self.at_once.eq(at_once.data),
            self.clocked.eq(clocked.data),
            self.reset.eq(ResetSignal()),
        ]
        return m


def test_each_bit_is_followed_through_modules_and_memories():
    assert emit(Outer(), "outer").manifest["combinational"] == [
        ["aresetn", "reset"],
        ["a", "straight"],
        ["a", "waited"],
        ["gate", "gated"],
        ["address", "at_once"],
        ["pair", "top"],
    ]


def test_a_primitive_passes_all_its_inputs():
    assert emit(Parity(), "parity").manifest["combinational"] == [["x", "o"]]


@pytest.mark.parametrize("unit", ["bfp_converter", "load_balancer", "weight_regenerator"])
def test_units_cut_by_registers_have_none(unit):
    assert not [pair for pair in found(unit) if "aresetn" not in pair]


def test_ready_of_a_register_slice_follows_that_behind():
    assert ("m_axis_tready", "s_axis_tready") in found("bfp_transposer")
    assert ("m_axis_tready", "m_axis_tvalid") not in found("bfp_transposer")


def test_operands_in_lockstep_wait_for_each_other():
    pairs = found("bfp_dot", "lanes=2")
    crossed = {("s_axis_a_tvalid", "s_axis_b_tready"), ("s_axis_b_tvalid", "s_axis_a_tready")}
    assert {pair for pair in pairs if "aresetn" not in pair} == crossed


def test_no_path_begins_or_ends_at_the_registers():
    for name in UNITS:
        for pair in found(name):
            assert not any(port.startswith("s_axi_") for port in pair if pair[0] != "aresetn")


class Looped(Circuit):
    """Two primitives that feed each other, as a clock and its PLL."""

    def __init__(self) -> None:
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        back = Signal()
        forth = Signal()
        m.submodules.first = Instance("FIRST", i_A=self.i, i_B=back, o_Z=forth)
        m.submodules.second = Instance("SECOND", i_A=forth, o_Z=back)
        m.d.comb += self.o.eq(back)
        return m


def test_a_loop_through_primitives_ends():
    assert Emission(Looped(), name="looped", prefix="looped_").combinational == [("i", "o")]
