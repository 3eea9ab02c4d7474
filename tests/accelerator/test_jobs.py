"""Jobs of the whole machine: how they begin, go on, fail, and are followed by others."""

import contextlib
from collections.abc import Sequence
from unittest import mock

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Out

from hw.accelerator import machine
from hw.accelerator.machine import Accelerator
from hw.accelerator.ports import engine_members, read_signature, write_signature
from hw.base.circuit import Circuit
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters

from ..faults import Fault, planted
from .jobs import BAD, HALT, PARAMETERS, PROGRAM, RESULT, SOURCE, SUM, Bench, load, simulate, window


def test_jobs_without_stalls():
    async def run(bench: Bench) -> None:
        ctx, dut = bench.ctx, bench.dut
        for _ in range(2):
            await bench.sums()
        for _ in range(2):
            await bench.tick()
        assert ctx.get(dut.instructions) == 2 * len(SUM)
        assert 0 < ctx.get(dut.dma_starved) < ctx.get(dut.dma_busy) < ctx.get(dut.cycles)
        assert ctx.get(dut.quant_busy) == ctx.get(dut.prod_busy) == 0
        ctx.set(dut.clear, 1)
        await bench.tick()
        ctx.set(dut.clear, 0)
        assert ctx.get(dut.cycles) == 0
        assert await bench.run([HALT]) == {"done"}
        for _ in range(2):
            await bench.tick()
        assert ctx.get(dut.cycles) == PARAMETERS.timing.latency

    simulate(run)


ONE = encode("signal", tokens=1)
SHORT = [window("vec", 0, bank=1), window("vec", 1)]
COPY = encode("vec.map", inner=1, outer=1)
FOREVER = encode("vec.map", inner=1, outer=0xFFFFFF)
TOO_MUCH = encode("quant.quantize", inner=100, outer=1, blocks=1)
GIVES = encode("vec.scalar", signal=1)
STORE = encode("dma.store", rows=1, words=1)
LOAD_GIVES = encode("dma.load", rows=1, words=1, signal=1)
WRONG = [
    ("illegal", "seq", 2, [*SHORT, 0, HALT]),
    ("illegal", "vec", 2, [*SHORT, COPY | 1 << 46, HALT]),
    ("address", "vec", 3, [*SHORT, window("vec", 1, address=16 * 4), COPY, HALT]),
    ("size", "quant", 2, [window("quant", 0), window("quant", 1, bank=1), TOO_MUCH, HALT]),
    ("alignment", "dma", 2, [*load(SOURCE + 4, 0), HALT]),
    ("bus", "dma", 2, [*load(BAD - 16, 0, words=2), HALT]),
    ("bus", "dma", 2, [*load(BAD, 0)[:2], STORE, HALT]),
    (
        "token",
        "vec",
        4,
        [encode("loop", count=255), ONE, encode("end"), window("vec", 1), GIVES, HALT],
    ),
    (
        "token",
        "dma",
        5,
        [encode("loop", count=255), ONE, encode("end"), *load(SOURCE, 0)[:2], LOAD_GIVES, HALT],
    ),
    ("conflict", "", None, [*SHORT, FOREVER, *load(SOURCE, 1, words=16), HALT]),
    ("watchdog", "seq", 1, [ONE, encode("wait", tokens=2), HALT]),
]


async def errors(bench: Bench, cases) -> None:
    """Assert what programs fail of, one after the other, and that one works then."""
    for cause, engine, pc, program in cases:
        await bench.fails(cause, engine, pc, program)
    await bench.fails("bus", "dma", None, [ONE, HALT], at=BAD)
    await bench.sums()


async def refusals(bench: Bench) -> None:
    """Assert that starts are refused, and disturb nothing."""
    for length in (0, PARAMETERS.instructions + 1):
        assert await bench.run([HALT], length=length) == {"refused"}
    assert await bench.run([HALT], at=PROGRAM + 8) == {"refused"}
    await bench.start([HALT])
    bench.ctx.set(bench.dut.start, 1)
    await bench.tick()
    bench.ctx.set(bench.dut.start, 0)
    while bench.ctx.get(bench.dut.busy):
        await bench.tick()
    assert bench.seen["refused"] == bench.seen["done"] == 1


async def aborts(bench: Bench, times: Sequence[int]) -> None:
    """Assert that after some cycles a job ends without ``done``, all bursts at their end."""
    ctx, dut = bench.ctx, bench.dut
    for cycles in times:
        await bench.start(SUM)
        for _ in range(cycles):
            await bench.tick()
        assert bench.seen["done"] == 0
        ctx.set(dut.aborting, 1)
        await bench.tick()
        while not ctx.get(dut.idle):
            await bench.tick()
        await bench.tick()
        assert ctx.get(dut.idle) and not any(bench.memory.under_way.values())
        assert bench.seen["done"] == 0
        ctx.set(dut.aborting, 0)
        await bench.sums()


def test_jobs_that_fail():
    async def run(bench: Bench) -> None:
        await errors(bench, WRONG)
        await refusals(bench)
        await aborts(bench, (0, 13, 30, 47, 70))

    simulate(run, stall=0.3)


class Idle(Circuit):
    """An engine that takes commands and does nothing, so that less is simulated."""

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        members = {name: Out(read_signature(parameters)) for name in ("read", "read_a", "read_b")}
        super().__init__(members | engine_members() | {"write": Out(write_signature(parameters))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.command.ready.eq(1)
        return m


MOVE = [
    *load(SOURCE, 0, words=5),
    window("dma", 1, address=RESULT),
    encode("dma.store", rows=1, words=5),
    HALT,
]
BREAK = [*load(BAD, 0, rows=3, words=5, distance=-256), *MOVE]


def move_and_fail() -> None:
    async def run(bench: Bench) -> None:
        for program in (MOVE, [ONE, encode("wait", tokens=2), *MOVE], MOVE, BREAK):
            bench.memory.bytes[SOURCE : SOURCE + 80] = bench.memory.random.randbytes(80)
            flags = await bench.run(program)
            assert not any(bench.memory.under_way.values())
            moved = bench.memory.bytes[SOURCE : SOURCE + 80]
            failed = bench.error()[0]
            assert len(flags) == (2 if failed else 1)
            assert failed == {len(MOVE): 0, len(MOVE) + 2: 8, len(MOVE) + 3: 5}[len(program)]
            assert failed or bench.memory.bytes[RESULT : RESULT + 80] == moved

    idle = {name: (Idle, ports) for name, (_, ports) in machine._ENGINES.items() if name != "dma"}
    idle["vec"] = (Idle, ("read_a", "read_b"))
    with mock.patch.dict(machine._ENGINES, idle):
        simulate(run, stall=0.3)


FAULTS = {
    "": lambda s: [],
    "done comes before the last burst's end": lambda s: s.drained.eq(s.dma.stop),
    "a barrier waits for nothing": lambda s: s.sequencer.idle.eq(1),
    "the cause is not kept": lambda s: s.error.cause.eq(0),
    "a flag is another": lambda s: s.flags.watchdog.eq(s.flags.bus),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults(name):
    caught = pytest.raises(AssertionError) if name else contextlib.nullcontext()
    with planted(Fault(Accelerator, FAULTS[name])), caught:
        move_and_fail()
