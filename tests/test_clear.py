"""The command that clears flags and counters, of each unit."""

import pytest

from tests.bus import Bus, simulate
from tests.small import DIRECTED, PARAMETERS

# Flags that the beats below do not set in any unit.
RARE = {"access", "aborted", "overflow", "underflow", "restarted", "exhausted"}
START = ("control.start", 1)


@pytest.mark.parametrize("unit", DIRECTED)
def test_clear_after_the_streams(unit):
    # In Amaranth's simulator, which takes commands at any time. First all bits of the data are one:
    # NaN, and padding bits that are set; then elements 1 and 0. All beats but entries have tlast.
    given, writes = DIRECTED[unit], DIRECTED[unit].writes

    async def stream(bus: Bus, sources: list[str]) -> None:
        left = {name: given.given(name) for name in sources}
        got = cycle = 0
        while got < given.outputs:
            cycle += 1
            for i, name in enumerate(sources):
                # One operand comes later than the other, both later than they could be taken.
                bus.set(f"{name}_tvalid", left[name] > 0 and cycle > 5 + 3 * i)
                bus.set(f"{name}_tlast", name != "s_axis_table" or left[name] == 1)
                bus.set(f"{name}_tdata", -1 if left[name] > given.BEATS // 2 else 0x3F800000)
            bus.set("m_axis_tready", cycle > 80)
            for name in sources:
                left[name] -= bus.get(f"{name}_tvalid") & bus.get(f"{name}_tready")
            got += bus.get("m_axis_tvalid") & bus.get("m_axis_tready")
            await bus.tick()

    async def interrupt(bus: Bus, names: list[str], seen: set[str]) -> None:
        """Each event raises irq under its own enable alone, and is cleared alone."""
        for name in names:
            await bus.write(f"interrupt_enable.{name}", 1)
            assert bus.get("irq") == (name in seen), name
        await bus.write("interrupt_enable", 0xFFFFFFFF)
        for name in names:
            assert bus.get("irq") == bool(seen)
            await bus.write(f"status.{name}", 1)
            await bus.tick(2)
            seen = seen - {name}
            assert await status(bus) == seen
        assert bus.get("irq") == 0

    async def status(bus: Bus) -> set[str]:
        word = await bus.read("status")
        fields = {n.partition(".")[2]: p for n, (p, _) in bus.fields.items() if "status." in n}
        return {name for name, place in fields.items() if word >> place & 1} - {"busy"}

    async def bench(bus: Bus) -> None:
        core = bus.top.core
        names = ["access", "aborted", *(["done"] if core.JOBS else []), *core.FLAGS]
        counters = [
            r.name for r in core.registers if r.access == "ro" and r.name not in given.states
        ]
        sources = [name for name in bus.top.streams if name.startswith("s")]
        for clears in (False, True):
            await bus.reset()
            for name, value in (*writes, *writes[-1:]):
                await bus.write(name, value)
            await stream(bus, sources)
            await bus.tick(4)
            seen = set(names) - RARE - set(given.unset)
            assert await status(bus) == seen
            if not clears:
                await interrupt(bus, names, seen)
        for name in counters:
            value = await bus.read(name)
            assert value > 0, name
        await bus.write("control.clear", 1)
        done = {"done"} if core.JOBS else set()
        assert await status(bus) == done
        for name in counters:
            value = await bus.read(name)
            # Those without jobs go on to wait for elements, but for requests only behind a load.
            waits = name in ("input_stalls", "vector_stalls") and given.independent
            assert 0 < value < 40 if waits else value == 0, name
        if core.JOBS:
            for name, value in (("blocks", 0), START):
                await bus.write(name, value)
            assert await status(bus) == done | {"refused"}
            for name, value in (("blocks", 3), START):
                await bus.write(name, value)
            assert await status(bus) == {"refused"}

    simulate(unit, PARAMETERS[unit], bench)
