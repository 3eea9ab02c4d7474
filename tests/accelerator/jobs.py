"""Jobs of the whole machine in Amaranth's simulator, with a memory."""

import struct
from collections.abc import Sequence

from amaranth.hdl import Signal

from hw.accelerator.machine import Accelerator
from sw.accelerator.coding import encode
from sw.accelerator.instructions import ENGINES
from sw.accelerator.parameters import AcceleratorParameters

from ..clocked import drive
from .axi_memory import AxiMemory
from .wrong_programs import CAUSES

__all__ = [
    "BAD",
    "HALT",
    "PARAMETERS",
    "PROGRAM",
    "RESULT",
    "SOURCE",
    "SUM",
    "Bench",
    "load",
    "simulate",
    "window",
]

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
    """A machine and its memory, cycle by cycle; counts the cycles of each flag, and of done.

    A job has ``most`` cycles.
    """

    most = 2500

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
        for _ in range(self.most):
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

    async def fails(
        self, cause: str, engine: str, pc: int | None, program: Sequence[int], **options: int
    ) -> None:
        """Assert of what a program fails; with None its instruction has no number."""
        assert await self.run(program, **options) == {cause, "done"}
        code, who, number = self.error()
        assert (code, who) == (1 + CAUSES.index(cause), CODES[engine]), cause
        assert pc is None or number == pc, cause

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
