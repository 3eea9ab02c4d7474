"""Jobs of the whole machine: how they begin, go on, fail, and are followed by others."""

import struct
from collections.abc import Sequence

import pytest
from amaranth.hdl import Signal

from hw.accelerator.machine import Accelerator
from sw.accelerator.instructions import ENGINES, encode
from sw.accelerator.parameters import AcceleratorParameters

from ..clocked import drive
from .axi_memory import AxiMemory

PARAMETERS = AcceleratorParameters(
    rows=2, columns=2, lanes=4, banks=4, bank_words=16, instructions=64, burst=4, watchdog=8
)
HALT = encode("halt")
SIZE, PROGRAM, SOURCE, RESULT, BAD = 0x4000, 0x1000, 0x2000, 0x3000, 0x3FF0
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

    async def start(self, program: Sequence[int], length: int | None = None) -> None:
        self.seen = {}
        size = 16 * len(program)
        self.memory.bytes[PROGRAM : PROGRAM + size] = b"".join(
            word.to_bytes(16, "little") for word in program
        )
        self.ctx.set(self.dut.job.program_low, PROGRAM)
        self.ctx.set(self.dut.job.program_length, len(program) if length is None else length)
        self.ctx.set(self.dut.start, 1)
        await self.tick()
        self.ctx.set(self.dut.start, 0)

    async def run(self, program: Sequence[int], **options: int) -> set[str]:
        """Run a program; return the flags that there were, each of them once."""
        await self.start(program, **options)
        for _ in range(5000):
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


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_two_jobs(stall):
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
        assert ctx.get(dut.cycles) == 0

    simulate(run, stall=stall)


SIGNAL = encode("signal", tokens=1)
SHORT = [window("vec", 0, bank=1), window("vec", 1)]
WRONG = {
    "illegal": ([*SHORT, 0, HALT], ("seq", 2)),
    "illegal ": ([*SHORT, encode("vec.map", inner=1, outer=1) | 1 << 46, HALT], ("vec", 2)),
    "address": (
        [*SHORT, window("vec", 1, address=16 * 4), encode("vec.map", inner=1, outer=1), HALT],
        ("vec", 3),
    ),
    "size": (
        [
            window("quant", 0),
            window("quant", 1, bank=1),
            encode("quant.quantize", inner=100, outer=1, blocks=1),
            HALT,
        ],
        ("quant", 2),
    ),
    "alignment": ([*load(SOURCE + 4, 0), HALT], ("dma", 2)),
    "bus": ([*load(BAD - 16, 0, words=2), HALT], ("dma", 2)),
    "bus ": ([*load(BAD, 0)[:2], encode("dma.store", rows=1, words=1), HALT], ("dma", 2)),
    "token": (
        [
            encode("loop", count=255),
            SIGNAL,
            encode("end"),
            window("vec", 1),
            encode("vec.scalar", signal=1),
            HALT,
        ],
        ("vec", 4),
    ),
    "watchdog": ([SIGNAL, encode("wait", tokens=2), HALT], ("seq", 1)),
}
CAUSES = ("illegal", "address", "size", "alignment", "bus", "token", "conflict", "watchdog")


def test_errors():
    async def run(bench: Bench) -> None:
        for name, (program, (engine, pc)) in WRONG.items():
            cause = name.strip()
            assert await bench.run(program) == {cause, "done"}
            assert bench.error() == (1 + CAUSES.index(cause), CODES[engine], pc), name
            await bench.sums()

    simulate(run, stall=0.2)


def test_two_writers_at_one_bank():
    move = [window("vec", 0, bank=3), window("vec", 1), encode("vec.map", inner=1, outer=0xFFFFFF)]

    async def run(bench: Bench) -> None:
        assert await bench.run([*move, *load(SOURCE, 3, words=16), HALT]) == {"conflict", "done"}
        assert bench.error()[:2] == (1 + CAUSES.index("conflict"), 0)
        await bench.sums()

    simulate(run)


def test_starts_that_are_refused():
    async def run(bench: Bench) -> None:
        for length in (0, 65):
            assert await bench.run([HALT], length=length) == {"refused"}
        await bench.start([HALT])
        bench.ctx.set(bench.dut.start, 1)
        await bench.tick()
        bench.ctx.set(bench.dut.start, 0)
        assert bench.seen["refused"] == 1
        while bench.ctx.get(bench.dut.busy):
            await bench.tick()
        assert bench.seen["done"] == 1

    simulate(run)


def test_aborts():
    """At any time it ends without ``done``, with all bursts at their end."""

    async def run(bench: Bench) -> None:
        ctx, dut, memory = bench.ctx, bench.dut, bench.memory
        for cycles in (0, 1, 13, 30, 47, 60, 90, 120):
            await bench.start(SUM)
            for _ in range(cycles):
                await bench.tick()
            ctx.set(dut.aborting, 1)
            await bench.tick()
            while not ctx.get(dut.idle):
                await bench.tick()
            await bench.tick()
            assert ctx.get(dut.idle) and not any(memory.under_way.values())
            assert bench.seen["done"] == 0 or cycles > 60
            ctx.set(dut.aborting, 0)
            await bench.sums()

    simulate(run, stall=0.3)
