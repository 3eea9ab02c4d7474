"""The vector engine beside its model: commands at random, and failures."""

import dataclasses
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Module, ResetInserter, Signal

from hw.accelerator.vector import VectorEngine
from sw.accelerator.coding import encode
from sw.accelerator.instructions import LANE_OPS
from sw.accelerator.parameters import AcceleratorParameters

from .. import clocked
from .scratchpad import Scratchpad
from .test_walker import Window
from .vector_model import Bits, Model, Run

__all__ = ["Failure", "play", "some_runs"]

SPECIAL = (
    (0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000)
    + (0x80800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001)
    + (0x7F800001, 0x3F800000, 0xBF800000)
)


def some_values(rng: random.Random, count: int) -> Bits:
    """Return bits of values, some of which are special, others equal or nearly so."""
    found = [
        rng.choice(SPECIAL)
        if rng.random() < 0.15
        else rng.choice((rng.getrandbits(32), 0x3F800000 ^ rng.getrandbits(3), 0x40000000))
        ^ rng.getrandbits(1) << 31
        for _ in range(count)
    ]
    return np.array(found, np.uint32)


def some_window(p: AcceleratorParameters, rng: random.Random, banks: Iterable[int]) -> Window:
    """Return a window of which every address is good."""
    single = int(rng.random() < 0.25)
    unit = 1 if single else p.values
    window: Window = {
        "base": {
            "address": unit * rng.randrange(p.bank_values // unit // 4),
            "bank": rng.choice(list(banks)),
            "single": single,
        }
    }
    for k in rng.sample(range(6), rng.randrange(4)):
        window[f"counter{k}"] = {
            "count": rng.randrange(1, 5),
            "stride": unit * rng.choice((0, 1, 3, 4)),
            "ystep": rng.choice((0, 1)),
            "xstep": rng.choice((0, 1, -1)),
        }
    if rng.random() < 0.25:
        window["bounds"] = {"y": -1, "x": rng.choice((0, 1)), "height": 3, "width": 2}
    return window


def some_run(p: AcceleratorParameters, rng: random.Random, op: str, **fields: int) -> Run:
    """Return a run of an operation, from two banks to others."""
    windows = {n: some_window(p, rng, (0, 1) if n else (2, 3)) for n in range(3)}
    reduce = fields.get("reduce", rng.choice((0, 0, 1, 2)))
    given = {
        "lane": LANE_OPS.index(op),
        "reduce": reduce,
        "fold": int(reduce and rng.random() < 0.5),
        "relu": rng.randrange(2),
        "scalar": rng.choice((0, 0, 1, 2, 3, 4)),
        "function": rng.randrange(1, 5) if op == "function" else 0,
        "inner": rng.choice((1, 2, 7, 8, 9, 20)) if op != "function" else rng.randrange(1, 4),
        "outer": rng.randrange(1, 4),
        "imm": int(some_values(rng, 1)[0]),
        "wait": rng.choice((0, rng.getrandbits(16))),
        "signal": rng.randrange(1, 1 << 16),
    }
    # Some windows stay as they are, but for those of an operation before, and begin again.
    if rng.random() < 0.2:
        windows = {}
    return Run("map", given | fields, windows)


def some_runs(p: AcceleratorParameters, seed: int, ops: Iterable[str]) -> list[Run]:
    """Return runs of operations, each with a scalar register that is set before."""
    rng = random.Random(seed)
    found = []
    for op in ops:
        if not found or rng.random() < 0.5:
            window = some_window(p, rng, (0, 1))
            window["base"]["address"] += rng.randrange(p.values)
            fields = {"register": rng.randrange(4), "signal": 1 << rng.randrange(16)}
            found.append(Run("scalar", fields, {1: window}))
            found.append(dataclasses.replace(some_run(p, rng, op), windows={}))
            base = {"address": 0, "bank": 1}
            found[-1].windows.update({1: {"base": base}, 0: some_window(p, rng, (2, 3))})
        else:
            found.append(some_run(p, rng, op))
    return found


@dataclasses.dataclass(frozen=True)
class Failure:
    """A run that stops the engine, for a cause; ``done`` is what it does before."""

    run: Run
    cause: int
    done: Run | None = None


class _Bench:
    """Commands and tokens for an engine, late at random, and what comes of them."""

    def __init__(self, p: AcceleratorParameters, seed: int, late: float) -> None:
        self.dut = VectorEngine(parameters=p)
        self.memory = Scratchpad(p, seed)
        self.late = late
        self.rng = random.Random(seed)
        values = self.memory.values
        values[:] = some_values(self.rng, values.size).reshape(values.shape)
        self.model = Model(self.memory)
        self.cycles: list[int] = []
        self.given: list[tuple[int, int]] = []

    async def source(self, ctx: Any) -> None:
        """Give commands; ever so, since more may come."""
        port = self.dut.command
        while True:
            offered = self.given and self.rng.random() >= self.late
            if offered:
                ctx.set(port.payload.word, self.given[0][0])
                ctx.set(port.payload.pc, self.given[0][1])
            ctx.set(port.valid, bool(offered))
            taken = False
            while offered and not taken and self.given:
                taken = ctx.get(port.ready)
                await ctx.tick()
            if taken:
                self.given.pop(0)
            elif not offered:
                await ctx.tick()

    async def do(self, ctx: Any, run: Run, pc: int) -> None:
        """Do a run; compare the scratchpad as its signal comes."""
        dut = self.dut
        expected = self.model.run(run)
        self.given += [(command, pc) for command in run.commands()]
        await self._grant(ctx, run)
        cycles = 1
        while not ctx.get(dut.signal):
            assert cycles < 3000, f"{run} does not end"
            assert ctx.get(dut.busy), "idle too early"
            await ctx.tick()
            cycles += 1
        self.cycles.append(cycles)
        assert ctx.get(dut.signal) == run.fields["signal"]
        wrong = np.argwhere(self.memory.values != expected)
        assert not len(wrong), f"{run}: {wrong[0]}"
        await ctx.tick()
        assert not ctx.get(dut.signal)

    async def _grant(self, ctx: Any, run: Run) -> None:
        """Grant the tokens of a run, some time after it asks for them."""
        dut = self.dut
        for _ in range(400):
            if ctx.get(dut.waiting) and self.rng.random() >= self.late:
                assert ctx.get(dut.wait) == run.fields.get("wait", 0)
                ctx.set(dut.granted, 1)
                await ctx.tick()
                ctx.set(dut.granted, 0)
                return
            if ctx.get(dut.error):
                return
            await ctx.tick()
        raise AssertionError(f"{run} does not begin")

    async def fail(self, ctx: Any, failure: Failure, pc: int) -> None:
        """Have a run fail; compare what it leaves."""
        dut = self.dut
        expected = self.model.run(failure.done) if failure.done else self.model.values
        self.given += [(command, pc) for command in failure.run.commands()]
        self.given += [(encode("vec.base", bank=1), 99)]
        await self._grant(ctx, failure.run)
        for _ in range(60):
            assert not ctx.get(dut.signal)
            await ctx.tick()
        assert (ctx.get(dut.error), ctx.get(dut.error_pc)) == (failure.cause, pc), failure
        assert (self.memory.values == expected).all(), failure
        assert not ctx.get(dut.command.ready)
        self.given.clear()
        await ctx.tick()


def play(
    p: AcceleratorParameters, runs: Sequence[Run | Failure], *, seed: int = 0, late: float = 0.5
) -> list[int]:
    """Have the engine do runs and compare; return the cycles of each, from its tokens on.

    ``late`` is the chance that a command, or a token, does not come in a cycle. After a failure the
    engine is reset.
    """
    bench = _Bench(p, seed, late)
    dut, reset, top = bench.dut, Signal(), Module()
    top.submodules.dut = ResetInserter(reset)(dut)

    async def work(ctx: Any) -> None:
        for pc, run in enumerate(runs):
            if isinstance(run, Run):
                await bench.do(ctx, run, pc)
                continue
            await bench.fail(ctx, run, pc)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            bench.model = Model(bench.memory)
        await ctx.tick()
        assert not ctx.get(dut.busy)

    ports = {"x": dut.read_x, "y": dut.read_y}
    served = bench.memory.serve(ports, {"write": dut.write})
    clocked.drive(top, work, background=[served, bench.source])
    return bench.cycles
