"""The reader of a window, against nested loops over a scratchpad of arrays."""

import random
from typing import Any

import numpy as np
import pytest

from hw.accelerator.reader import Reader
from hw.accelerator.walker import WALKER_LATENCY
from sw.accelerator.parameters import AcceleratorParameters

from .. import clocked
from ..faults import Fault, planted
from .scratchpad import Scratchpad
from .test_walker import Window, payloads, positions

PARAMETERS = AcceleratorParameters(banks=4, bank_words=64)
NARROW = AcceleratorParameters(rows=2, columns=2, lanes=4, banks=2, bank_words=32)


def words(memory: Scratchpad, window: Window, count: int, single: bool) -> list[int]:
    """Return the words of a window; those up to an address that has none."""
    p, values = memory.p, memory.p.values
    base = window["base"]
    places = positions(window)
    found = []
    for n in range(count):
        element, inside = places[n % len(places)]
        lane = element % values
        if not inside:
            found.append(0)
        elif (
            base.get("bank", 0) >= p.banks
            or not 0 <= element < p.bank_values
            or (lane and not single and not base.get("single"))
        ):
            break
        elif single or base.get("single"):
            value = int(memory.values[base.get("bank", 0), element])
            found.append(sum(value << 32 * v for v in range(values)))
        else:
            found.append(memory.word(base.get("bank", 0), element // values))
    return found


def some(p: AcceleratorParameters, rng: random.Random) -> Window:
    """Return a window that is in its bank, or nearly, at random."""
    single = int(rng.random() < 0.4)
    unit = 1 if single else p.values
    room = p.bank_values // unit
    window: Window = {
        "base": {
            "address": unit * rng.randrange(room // 2),
            "bank": rng.randrange(p.banks),
            "single": single,
        }
    }
    for k in rng.sample(range(6), 3):
        window[f"counter{k}"] = {
            "count": rng.randrange(1, 4),
            "stride": unit * rng.choice((0, 1, 2, room // 8)),
            "ystep": rng.choice((0, 1)),
            "xstep": rng.choice((0, 1, -1)),
        }
    if rng.random() < 0.5:
        window["bounds"] = {"y": -1, "x": rng.choice((-1, 1)), "height": 2, "width": 2}
    return window


def read(
    p: AcceleratorParameters,
    jobs: list[tuple[Window, int, int, bool]],
    *,
    pressure: float = 0.5,
    seed: int = 0,
) -> int:
    """Compare the words of windows, which are set if they are not the ones before.

    Return the cycles from the last start to its last word.
    """
    dut = Reader(parameters=p)
    memory = Scratchpad(p, seed)
    memory.values[:] = np.random.default_rng(seed).integers(1, 1 << 32, memory.values.shape)
    rng = random.Random(seed)
    cycles = 0

    async def bench(ctx: Any) -> None:
        nonlocal cycles
        for n, (window, inner, outer, single) in enumerate(jobs):
            again = n and window == jobs[n - 1][0]
            ctx.set(dut.set, not again)
            for slot, payload in [] if again else payloads(window):
                ctx.set(dut.slot, slot)
                ctx.set(dut.payload, payload)
                await ctx.tick()
            ctx.set(dut.set, 0)
            await ctx.tick().repeat(rng.choice((1, WALKER_LATENCY)) if pressure else WALKER_LATENCY)
            ctx.set(dut.inner, inner)
            ctx.set(dut.outer, outer)
            ctx.set(dut.single, single)
            ctx.set(dut.start, 1)
            expected = words(memory, window, inner * outer, single)
            ends = len(expected) < inner * outer
            found: list[int] = []
            cycles = idle = last = 0
            while len(found) < len(expected) or idle < 12:
                ctx.set(dut.o.ready, rng.random() >= pressure)
                if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                    found.append(ctx.get(dut.o.payload))
                    last = cycles
                idle = 0 if len(found) < len(expected) else idle + 1
                assert cycles < 20 + 8 * inner * outer, f"stuck after {len(found)} words"
                await ctx.tick()
                ctx.set(dut.start, 0)
                cycles += 1
            assert found == expected, f"{window}, {inner} x {outer}"
            assert ctx.get(dut.bad) == ends
            cycles = last
            if ends:
                return

    clocked.drive(dut, bench, background=[memory.serve({"port": dut.port})])
    return cycles


def jobs(p: AcceleratorParameters, count: int, seed: int) -> list[tuple[Window, int, int, bool]]:
    """Return jobs at random, none of which fails."""
    rng = random.Random(seed)
    memory = Scratchpad(p)
    found = []
    while len(found) < count:
        again = found and rng.random() < 0.3
        window = found[-1][0] if again else some(p, rng)
        job = window, rng.randrange(1, 9), rng.randrange(1, 5), rng.random() < 0.1
        if len(words(memory, job[0], job[1] * job[2], job[3])) == job[1] * job[2]:
            found.append(job)
    return found


@pytest.mark.parametrize("p", [PARAMETERS, NARROW], ids=["8", "4"])
def test_windows_at_random(p):
    read(p, jobs(p, 12, 3), seed=2)


def test_a_word_a_cycle():
    window = {"base": {"address": 0}, "counter5": {"count": 60, "stride": 8}}
    assert read(PARAMETERS, [(window, 20, 3, False)], pressure=0) == Reader.LATENCY + 59


@pytest.mark.parametrize(
    ("base", "stride"),
    [(4, 8), (8, 12), (8 * 64, 0), (8 * 62, 8), (-8, 8), (8, -8), (1 << 31, 8)],
)
def test_an_address_without_a_word_ends_it(base, stride):
    window = {"base": {"address": base % (1 << 32)}, "counter5": {"count": 9, "stride": stride}}
    read(PARAMETERS, [(window, 9, 1, False)], seed=3)


def test_a_bank_that_there_is_not_ends_it():
    read(PARAMETERS, [({"base": {"address": 0, "bank": 4}}, 1, 1, False)])


def test_an_address_outside_is_not_checked():
    window = {
        "base": {"address": 3 * 8 + 1},
        "bounds": {"y": 0, "x": 5, "height": 4, "width": 4},
    }
    read(PARAMETERS, [(window, 3, 1, False)])


FAULTS = {
    "more than the FIFO holds": lambda s: s.room.eq(8),
    "a word too few": lambda s: s.last.eq(s.last_inner & (s.outer_left <= 2)),
    "what is outside": lambda s: s.fifo.word.eq(s.port.data),
    "a window not begun again": lambda s: s.walker.restart.eq(0),
    "all lanes of a single element": lambda s: s.single_.eq(s.single),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    with planted(Fault(Reader, FAULTS[name])), pytest.raises(AssertionError):
        test_windows_at_random(PARAMETERS)
