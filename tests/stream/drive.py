"""Streams of a circuit in Amaranth's simulator, with stalls at random on every port."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.hdl import Module, Signal, Value

from .. import clocked

__all__ = ["drive"]


def drive(
    dut: Any,
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, int],
    *,
    seed: int = 0,
    idle: float = 0.0,
    pressure: float = 0.0,
    watch: Sequence[str] = (),
    hold: Mapping[str, int] | None = None,
    start: str = "",
) -> tuple[dict[str, list[int]], int, dict[str, int]]:
    """Give payloads to inputs and take so many of outputs; return these, the cycles and events.

    ``idle`` is the chance of a cycle in which a source has nothing, ``pressure`` of one in which a
    sink takes nothing; ``watch`` names ports whose cycles of 1 are counted, ``hold`` has values of
    ports that stay, ``start`` names one that is 1 in the first cycle. An output that takes an
    offer back, or changes it, is an AssertionError.
    """
    rng = random.Random(seed)
    found: dict[str, list[int]] = {name: [] for name in outputs}
    events = dict.fromkeys(watch, 0)
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        given = dict.fromkeys(inputs, 0)
        offered = dict.fromkeys(inputs, False)
        pending: dict[str, int] = {}
        for name, value in (hold or {}).items():
            ctx.set(Value.cast(getattr(dut, name)), value)
        while any(len(found[name]) < count for name, count in outputs.items()):
            assert cycles < 100_000, f"stuck with {found}"
            for name, payloads in inputs.items():
                port = getattr(dut, name)
                offered[name] |= given[name] < len(payloads) and rng.random() >= idle
                ctx.set(port.valid, offered[name])
                if offered[name]:
                    ctx.set(Value.cast(port.payload), payloads[given[name]])
            if start:
                ctx.set(getattr(dut, start), cycles == 0)
            for name in outputs:
                ctx.set(getattr(dut, name).ready, rng.random() >= pressure)
            for name in watch:
                events[name] += ctx.get(Value.cast(getattr(dut, name)))
            for name in inputs:
                if offered[name] and ctx.get(getattr(dut, name).ready):
                    given[name] += 1
                    offered[name] = False
            for name, taken in found.items():
                port = getattr(dut, name)
                payload = ctx.get(Value.cast(port.payload))
                if name in pending:
                    assert ctx.get(port.valid), f"{name} took an offer back"
                    assert payload == pending.pop(name), f"{name} changed an offer"
                if ctx.get(port.valid):
                    if ctx.get(port.ready):
                        taken.append(payload)
                    else:
                        pending[name] = payload
            await ctx.tick()
            cycles += 1

    # A circuit without registers has no clock for the bench to wait for.
    top = Module()
    top.submodules.dut = dut
    top.d.sync += Signal().eq(1)
    clocked.drive(top, bench)
    return found, cycles, events
