"""The command that clears flags and counters, of each unit."""

from typing import Any

import pytest
from amaranth.sim import Simulator

from hw.units import UNITS
from tests.small import BEATS, CASES, START, beats

# Registers that are read alone, but are no counters.
STATES = ("table", "estimate")
# Flags that the beats below do not set, in any unit and in some.
RARE = {"busy", "overflow", "underflow", "restarted", "exhausted"}
MISSED = {
    "load_balancer": {"saturated"},
    "csb_decoder": {"overlong"},
    "weight_regenerator": {"nan"},
}


@pytest.mark.parametrize("unit", CASES)
def test_clear_after_the_streams(unit):
    # In Amaranth's simulator, which takes commands at any time. First all bits of the data are one:
    # NaN, and padding bits that are set; then elements 1 and 0. All beats but entries have tlast.
    parameters, writes, outputs = CASES[unit]
    top = UNITS[unit].top(parameters)
    jobs = top.core.JOBS
    addresses = {register.name: 4 * i for i, register in enumerate(top.registers)}
    commands = {"control.start": ("control", 1), "control.clear": ("control", 2 if jobs else 1)}
    counters = [r.name for r in top.core.registers if r.access == "ro" and r.name not in STATES]
    sources = [name for name in top.streams if name.startswith("s")]

    async def tick(ctx: Any) -> None:
        for clock in (1, 0):
            ctx.set(top.aclk, clock)
            await ctx.delay(1e-8)

    async def access(ctx: Any, kind: str, name: str, value: int = 0) -> int:
        name, value = commands.get(name, (name, value))
        ctx.set(getattr(top, f"s_axi_a{kind}addr"), addresses[name])
        requests = [f"a{kind}"] + ["w"] * (kind == "w")
        answer = "b" if kind == "w" else "r"
        ctx.set(top.s_axi_wdata, value)
        ctx.set(top.s_axi_wstrb, 15)
        for channel in requests:
            ctx.set(getattr(top, f"s_axi_{channel}valid"), 1)
        ctx.set(getattr(top, f"s_axi_{answer}ready"), 1)
        while not ctx.get(getattr(top, f"s_axi_{answer}valid")):
            taken = [c for c in requests if ctx.get(getattr(top, f"s_axi_{c}ready"))]
            await tick(ctx)
            for channel in taken:
                ctx.set(getattr(top, f"s_axi_{channel}valid"), 0)
        data = ctx.get(top.s_axi_rdata)
        await tick(ctx)
        ctx.set(getattr(top, f"s_axi_{answer}ready"), 0)
        return data

    async def stream(ctx: Any) -> None:
        left = {name: beats(name) for name in sources}
        given = cycle = 0
        while given < outputs:
            cycle += 1
            for i, name in enumerate(sources):
                # One operand comes later than the other, both later than they could be taken.
                ctx.set(getattr(top, f"{name}_tvalid"), left[name] > 0 and cycle > 5 + 3 * i)
                last = name != "s_axis_table" or left[name] == 1
                ctx.set(getattr(top, f"{name}_tlast"), last)
                data = -1 if left[name] > BEATS // 2 else 0x3F800000
                ctx.set(getattr(top, f"{name}_tdata"), data)
            ctx.set(top.m_axis_tready, cycle > 80)
            for name in sources:
                shake = (getattr(top, f"{name}_t{s}") for s in ("valid", "ready"))
                left[name] -= all([ctx.get(s) for s in shake])
            given += ctx.get(top.m_axis_tvalid) and ctx.get(top.m_axis_tready)
            await tick(ctx)

    async def bench(ctx: Any) -> None:
        await tick(ctx)
        ctx.set(top.aresetn, 1)
        for name, value in (*writes, *writes[-1:]):
            await access(ctx, "w", name, value)
        await stream(ctx)
        for _ in range(4):
            await tick(ctx)
        status = await access(ctx, "r", "status")
        names = [*(["busy", "done"] if jobs else []), *top.core.FLAGS]
        seen = set(names) - RARE - MISSED.get(unit, set())
        assert {n for i, n in enumerate(names) if status >> i & 1} == seen
        for name in counters:
            value = await access(ctx, "r", name)
            assert value > 0, name
        await access(ctx, "w", "control.clear")
        state = 2 if jobs else 0  # done
        assert await access(ctx, "r", "status") == state
        for name in counters:
            value = await access(ctx, "r", name)
            # Those without jobs go on to wait for elements, but for requests only behind a load.
            waits = name in ("input_stalls", "vector_stalls") and unit != "csb_decoder"
            assert 0 < value < 40 if waits else value == 0, name
        if jobs:
            for name, value in (("blocks", 0), START):
                await access(ctx, "w", name, value)
            assert await access(ctx, "r", "status") == state + (1 << names.index("refused"))

    simulator = Simulator(top)
    simulator.add_testbench(bench)
    simulator.run()
