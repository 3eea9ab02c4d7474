"""Jobs of the whole machine: how they begin, go on, fail, and are followed by others."""

import contextlib
import struct
from collections.abc import Sequence
from unittest import mock

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Out

from hw.accelerator import machine
from hw.accelerator.machine import Accelerator
from hw.accelerator.ports import engine_members, read_signature, write_signature
from hw.base.circuit import Circuit
from sw.accelerator.coding import encode
from sw.accelerator.instructions import ENGINES
from sw.accelerator.parameters import AcceleratorParameters

from ..clocked import drive
from ..faults import Fault, planted
from .axi_memory import AxiMemory

PARAMETERS = AcceleratorParameters(
    rows=2, columns=2, lanes=4, banks=4, bank_words=16, instructions=64, burst=4, watchdog=8
)
HALT = encode("halt")
SIZE, PROGRAM, SOURCE, RESULT, BAD = 0x4000, 0x1000, 0x2000, 0x3000, 0x3F00
CODES = ENGINES | {"": 0}


def floats(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def window(engine: str, number: int, **base: int) -> int:
    return encode(f"{engine}.base", window=number, **base)


def load(address: int, bank: int, **run: int) -> list[int]:
    base = [window("dma", 1, address=address), window("dma", 0, bank=bank)]
    return [*base, encode("dma.load", **{"rows": 1, "words": 1, **run})]


SUM = [
    # Two words to banks 0 and 1; their sum, four times, to bank 2, and from there outside.
    *load(SOURCE, 0, signal=1),
    *load(SOURCE + 16, 1, signal=2),
    window("vec", 0, bank=2),
    encode("vec.counter5", window=0, count=4, stride=4),
    window("vec", 1, bank=0),
    window("vec", 2, bank=1),
    encode("vec.map", lane=2, inner=1, outer=4, wait=3, signal=4),
    window("dma", 0, bank=2),
    encode("seta", address=5, value=RESULT),
    window("dma", 1, add=6),
    encode("dma.store", rows=1, words=4, wait=4),
    encode("event"),
    HALT,
]


class Bench:
    """A machine and its memory, cycle by cycle; counts the cycles of each flag, and of done."""

    def __init__(self, ctx, dut, memory: AxiMemory) -> None:
        self.ctx, self.dut, self.memory = ctx, dut, memory
        self.seen: dict[str, int] = {}

    async def tick(self) -> None:
        signals = {name: self.dut.flags[name] for name in self.dut.FLAGS} | {"done": self.dut.done}
        _, _, *values = await self.ctx.tick().sample(*signals.values())
        for name, value in zip(signals, values, strict=True):
            self.seen[name] = self.seen.get(name, 0) + value

    async def start(
        self, program: Sequence[int], length: int | None = None, at: int = PROGRAM
    ) -> None:
        self.seen = {}
        size = 16 * len(program)
        self.memory.bytes[at : at + size] = b"".join(
            word.to_bytes(16, "little") for word in program
        )
        self.ctx.set(self.dut.job.program_low, at)
        self.ctx.set(self.dut.job.program_length, len(program) if length is None else length)
        self.ctx.set(self.dut.start, 1)
        await self.tick()
        self.ctx.set(self.dut.start, 0)

    async def run(self, program: Sequence[int], **options: int) -> set[str]:
        """Run a program; return the flags that there were, each of them once."""
        await self.start(program, **options)
        for _ in range(3000):
            if not self.ctx.get(self.dut.busy):
                break
            await self.tick()
        else:
            raise AssertionError("stuck")
        assert set(self.seen.values()) <= {0, 1}
        return {name for name, count in self.seen.items() if count}

    async def sums(self) -> None:
        """Assert that the machine works."""
        x, y = [1.0, -2.0, 3.5, 0.0], [0.25, 2.0, 1e3, -7.0]
        self.memory.bytes[SOURCE : SOURCE + 32] = floats(x + y)
        self.memory.bytes[RESULT : RESULT + 80] = bytes(80)
        assert await self.run(SUM) == {"event", "done"}
        assert self.error() == (0, 0, 0)
        given = self.memory.bytes[RESULT : RESULT + 80]
        assert given == floats([1.25, 0.0, 1003.5, -7.0] * 4) + bytes(16)

    def error(self) -> tuple[int, int, int]:
        value = self.dut.error
        return tuple(self.ctx.get(part) for part in (value.cause, value.engine, value.pc))


class Master:
    """The members of a machine's master by their names in AXI4."""

    def __init__(self, dut: Accelerator) -> None:
        self.dut = dut

    def __getattr__(self, name: str) -> Signal:
        return getattr(self.dut, f"m_axi_{name}")


def simulate(run, *, stall: float = 0.0) -> None:
    dut = Accelerator(parameters=PARAMETERS)
    memory = AxiMemory(SIZE, stall=stall, bad=[BAD], burst=4, outstanding=4)

    async def bench(ctx) -> None:
        await run(Bench(ctx, dut, memory))

    drive(dut, bench, background=[memory.attach(Master(dut))])


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
    ("conflict", "", None, [*SHORT, FOREVER, *load(SOURCE, 1, words=16), HALT]),
    ("watchdog", "seq", 1, [ONE, encode("wait", tokens=2), HALT]),
]
CAUSES = ("illegal", "address", "size", "alignment", "bus", "token", "conflict", "watchdog")


async def errors(bench: Bench, cases) -> None:
    """Assert what programs fail of, one after the other, and that one works then."""
    for cause, engine, pc, program in cases:
        assert await bench.run(program) == {cause, "done"}
        found = bench.error()
        assert found[:2] == (1 + CAUSES.index(cause), CODES[engine]), cause
        assert pc is None or found[2] == pc, cause
    assert await bench.run([ONE, HALT], at=BAD) == {"bus", "done"}
    assert bench.error()[:2] == (1 + CAUSES.index("bus"), CODES["dma"])
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
