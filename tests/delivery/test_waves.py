"""Timing diagrams: drawn as WaveDrom has them, and as the circuit moves."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from delivery.sheet.control import diagrams
from delivery.sheet.document import Figure
from delivery.sheet.facts import Facts
from delivery.sheet.waves import Lane, Wave, draw, lanes, source
from examples.own_unit.clip import UNIT
from hw.bus.top import AxiTop
from tests.bus import Bus
from tests.clocked import drive

from .sheets import Borrowed

OWN = "examples.own_unit.clip:UNIT"


def shown(start: str) -> dict[str, str]:
    """Return the waves of the diagram whose caption begins so, a level a cycle."""
    facts = Facts(Borrowed(unit_name=OWN, parameters=UNIT.small))
    [section] = diagrams(facts)
    figures = [b for b in section.blocks if isinstance(b, Figure) and b.caption.startswith(start)]
    assert len(figures) == 1
    found = re.findall(r'"name": "(.*?)", "wave": "(.*?)"', figures[0].wave)
    levels = {}
    for name, wave in found:
        level, cycles = "x", ""
        for state in wave:
            level = level if state == "." else state
            cycles += level
        levels[name] = cycles
    return levels


def signals(top: AxiTop) -> dict[str, Any]:
    """Return what diagrams show that is no port: a bit each, by its name there."""
    slave = top.registers_slave
    found = {}
    for name in ("control", "status"):
        [register] = [r for r in top.registers if r.name == name]
        for n, field in enumerate(register.fields):
            found[f"{name}.{field.name}"] = getattr(slave, f"reg_{name}")[n]
    return found


def check(
    start: str, *, address: int = 0, data: int = 0, before: bool = True, inner: str = ""
) -> None:
    """Drive a unit's inputs as a diagram has them, and compare its outputs with it."""
    levels = shown(start)
    top = UNIT.top(UNIT.small)
    inside = signals(top)
    directions = {n: m.flow.name for n, m in top.signature.members.items()}

    async def bench(ctx: Any) -> None:
        bus = Bus(ctx, top)
        for name, value in (("m_axis_tready", 1), ("s_axi_bready", 1), ("s_axi_rready", 1)):
            bus.set(name, value)
        bus.set("s_axi_awaddr", address)
        bus.set("s_axi_wdata", data)
        bus.set("s_axi_wstrb", 15)
        if before:
            await bus.reset()
            await bus.tick(2)
        command = "control.abort" in levels
        if command:
            # Written now, it is there in the next cycle.
            bus.set("s_axi_awvalid", 1)
            bus.set("s_axi_wvalid", 1)
        for cycle in range(len(levels["aclk"])):
            for name, wave in levels.items():
                if directions.get(name) == "In" and name != "aclk" and wave[cycle] in "01":
                    bus.set(name, int(wave[cycle]))
            await ctx.delay(1e-9)
            for name, wave in levels.items():
                if wave[cycle] not in "01" or name == "aclk":
                    continue
                found = ctx.get(inside[name]) if name in inside else bus.get(name)
                assert found == int(wave[cycle]), (name, cycle)
            taken = bus.get("s_axi_awready")
            await bus.tick()
            if command and taken:
                bus.set("s_axi_awvalid", 0)
                bus.set("s_axi_wvalid", 0)

    drive(top, bench, clock=False)


def test_reset_and_registers_move_as_drawn():
    check("Reset", before=False)
    check("Register write", address=0x24)
    check("Register read")


def test_an_abort_moves_as_drawn():
    check("Abort", address=0x10, data=2)


def test_a_wave_that_is_wrong_is_found(monkeypatch):
    late = {"aclk": "pppp", "s_axi_arvalid": "0110", "s_axi_arready": "0100"}
    monkeypatch.setitem(check.__globals__, "shown", lambda _: late)
    with pytest.raises(AssertionError, match="s_axi_arready"):
        check("Register read")


def test_latency_is_that_of_the_circuit():
    """A value that is taken in cycle t is offered at t + 2, as the diagram of latency says."""
    assert shown("Latency: 2 cycles")
    top = UNIT.top(UNIT.small)

    async def bench(ctx: Any) -> None:
        bus = Bus(ctx, top)
        bus.set("m_axis_tready", 1)
        await bus.reset()
        await bus.tick(2)
        offered = []
        for cycle in range(5):
            bus.set("s_axis_tvalid", int(cycle == 0))
            await ctx.delay(1e-9)
            offered.append(bus.get("m_axis_tvalid"))
            await bus.tick()
        assert offered == [0, 0, 1, 0, 0]

    drive(top, bench, clock=False)


def test_drawings_have_what_is_said():
    wave = Wave("two", lanes(("aclk", "p..."), ("d", "x=|=", "A<", "B"), ("v", "01.0")))
    assert wave.lanes[1] == Lane("d", "x=|=", ("A<", "B"))
    assert '{"name": "d", "wave": "x=|=", "data": ["A<", "B"]}' in source(wave)
    tree = ET.fromstring(draw(wave))
    texts = [each.text for each in tree.iter() if each.tag.endswith("text")]
    assert texts == ["aclk", "d", "A<", "B", "v"]
