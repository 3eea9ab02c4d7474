"""The walker of a window, against nested loops."""

import itertools
import random
from typing import Any

import pytest
from amaranth.hdl import Mux

from hw.accelerator.walker import WALKER_LATENCY, Walker
from sw.accelerator.coding import encode
from sw.accelerator.instructions import TABLE
from sw.accelerator.parameters import AcceleratorParameters

from .. import clocked
from ..faults import Fault, planted

PARAMETERS = AcceleratorParameters()
BY_NAME = {each.name: each for each in TABLE}
Window = dict[str, dict[str, int]]


def payloads(window: Window) -> list[tuple[int, int]]:
    """Return slots and payloads of a window's SETs."""
    return [
        (BY_NAME[f"vec.{name}"].slot or 0, encode(f"vec.{name}", **fields) >> 32)
        for name, fields in window.items()
    ]


def wrapped(value: int, bits: int) -> int:
    """Return a signed number of so many bits."""
    return (value + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def positions(window: Window) -> list[tuple[int, bool]]:
    """Return elements and whether they are inside, in order."""
    counters = [window.get(f"counter{k}", {}) for k in range(6)]
    bounds = window.get("bounds")
    found = []
    for indexes in itertools.product(*(range(each.get("count", 1)) for each in counters)):
        element, y, x = (
            start + sum(n * each.get(step, 0) for n, each in zip(indexes, counters, strict=True))
            for start, step in (
                (window["base"]["address"], "stride"),
                ((bounds or {}).get("y", 0), "ystep"),
                ((bounds or {}).get("x", 0), "xstep"),
            )
        )
        inside = not bounds or (
            0 <= wrapped(y, 16) < bounds["height"] and 0 <= wrapped(x, 16) < bounds["width"]
        )
        found.append((wrapped(element, 32), inside))
    return found


def some(rng: random.Random) -> Window:
    """Return a window at random, most counters of which are short."""
    window: Window = {
        "base": {"address": rng.randrange(1 << 32), "bank": rng.randrange(8), "single": 1}
    }
    for k in rng.sample(range(6), rng.randrange(7)):
        window[f"counter{k}"] = {
            "count": rng.choice((1, 2, 2, 3, 4)),
            "stride": rng.choice((1, -8, 640, rng.randrange(-(1 << 31), 1 << 31))),
            "ystep": rng.choice((0, 1, -1, -128)),
            "xstep": rng.choice((0, 1, 2, 127)),
        }
    if rng.random() < 0.6:
        window["bounds"] = {
            "y": rng.choice((-1, 0, 2, -32768)),
            "x": rng.choice((-2, 0, 32767)),
            "height": rng.choice((2, 3, 65535)),
            "width": rng.choice((1, 5, 65535)),
        }
    return window


def walked(windows: list[Window], seed: int) -> None:
    """Compare positions of windows set one after the other, each left and restarted once."""
    dut = Walker(parameters=PARAMETERS)
    rng = random.Random(seed)

    async def settle(ctx: Any) -> None:
        for n in range(WALKER_LATENCY):
            assert not n or not ctx.get(dut.ready)
            await ctx.tick()
            ctx.set(dut.set, 0)
            ctx.set(dut.restart, 0)
        assert ctx.get(dut.ready)

    async def bench(ctx: Any) -> None:
        for window in windows:
            sets = payloads(window)
            for n, (slot, payload) in enumerate(sets):
                ctx.set(dut.set, 1)
                ctx.set(dut.slot, slot)
                ctx.set(dut.payload, payload)
                if n < len(sets) - 1:
                    await ctx.tick()
            await settle(ctx)
            expected = positions(window)
            assert ctx.get(dut.bank) == window["base"]["bank"]
            assert ctx.get(dut.single)
            for count in (rng.randrange(len(expected)), len(expected) + 2):
                for n in range(count):
                    step = rng.random() < 0.8
                    while not step:
                        ctx.set(dut.step, 0)
                        await ctx.tick()
                        step = rng.random() < 0.8
                    found = ctx.get(dut.element), bool(ctx.get(dut.inside))
                    assert found == expected[n % len(expected)], f"position {n} of {window}"
                    ctx.set(dut.step, 1)
                    await ctx.tick()
                ctx.set(dut.step, 0)
                ctx.set(dut.restart, 1)
                await settle(ctx)

    clocked.drive(dut, bench)


def test_windows_at_random():
    rng = random.Random(1)
    walked([some(rng) for _ in range(30)], 2)


def test_a_long_counter():
    walked([{"base": {"address": 5, "bank": 1, "single": 1}, "counter5": {"count": 300}}], 3)


FAULTS = {
    "a counter not begun again": lambda s: s.lasts[4].eq(s.lasts[4]),
    "a level not begun again": lambda s: (
        s.move & s.moves_2,
        s.level_4.eq(s.level_4),
    ),
    "x unbounded": lambda s: (s.move, s.inside.eq(1)),
    "a base that leaves counters": lambda s: (s.set & (s.slot == 0), s.zeros[5].eq(s.zeros[5])),
    "ready too early": lambda s: (s.fresh, s.ready.eq(1)),
    "an unsigned step": lambda s: s.following[32:48].eq(Mux(s.moves_5, 0, s.following[32:48])),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assign = FAULTS[name]
    fault = Fault(Walker, lambda s: [made] if isinstance(made := assign(s), tuple) else made)
    with planted(fault), pytest.raises(AssertionError):
        test_windows_at_random()
