"""The vector engine against a model of one command at a time, over a scratchpad of arrays."""

import dataclasses
import random
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from amaranth.hdl import Value

from hw.accelerator.lane import Lane, lane_latency
from hw.accelerator.ports import CAUSES
from hw.accelerator.reduce import ReduceLane, Reducer
from hw.accelerator.vector import VectorEngine
from hw.accelerator.vector_path import VectorPath
from hw.accelerator.writer import Writer
from sw.accelerator.functions import evaluate
from sw.accelerator.instructions import LANE_OPS, encode
from sw.accelerator.parameters import AcceleratorParameters
from sw.formats.binary32 import add, flush, multiply

from .. import clocked
from ..faults import Fault, planted
from .scratchpad import Scratchpad
from .test_walker import Window, positions

WIDE = AcceleratorParameters(banks=4, bank_words=64)
NARROW = AcceleratorParameters(rows=2, columns=2, lanes=4, banks=4, bank_words=64)
BOTH = pytest.mark.parametrize("p", [WIDE, NARROW], ids=["8", "4"])
Bits = npt.NDArray[np.uint32]

NAN = np.uint32(0x7FC00000)
SPECIAL = (
    (0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x807FFFFF, 0x00800000)
    + (0x80800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC00001)
    + (0x7F800001, 0x3F800000, 0xBF800000)
)
ONE_OPERAND = ("copy", "scale", "shift", "function")


@dataclasses.dataclass(frozen=True)
class Run:
    """An operation, and the windows that are set before it, by their numbers."""

    name: str
    fields: dict[str, int]
    windows: dict[int, Window] = dataclasses.field(default_factory=dict)

    def commands(self) -> Iterable[int]:
        """Give the instructions."""
        for number, window in self.windows.items():
            for name, fields in window.items():
                yield encode(f"vec.{name}", window=number, **fields)
        yield encode(f"vec.{self.name}", **self.fields)


def higher(x: Bits, y: Bits) -> Bits:
    """Return the greater of values of bits, the second if none is."""
    a, b = flush(x.view(np.float32)), flush(y.view(np.float32))
    some = np.where(a > b, a, b).view(np.uint32)
    return np.where(np.isnan(a) | np.isnan(b), NAN, some)


def both(operation: Callable[..., Any]) -> Callable[[Bits, Bits], Bits]:
    """Return an operation on bits."""
    return lambda x, y: operation(x.view(np.float32), y.view(np.float32)).view(np.uint32)


SUM, PRODUCT = both(add), both(multiply)


def lanes(op: str, x: Bits, y: Bits, s: Bits, function: int) -> Bits:
    """Return what a lane operation makes of bits."""
    a, b = (flush(each.view(np.float32)) for each in (x, y))
    return {
        "copy": lambda: x,
        "fill": lambda: s,
        "add": lambda: SUM(x, y),
        "sub": lambda: SUM(x, y ^ np.uint32(1 << 31)),
        "mul": lambda: PRODUCT(x, y),
        "scale": lambda: PRODUCT(x, s),
        "axpy": lambda: SUM(PRODUCT(x, s), y),
        "shift": lambda: SUM(x, s),
        "max": lambda: higher(x, y),
        "mask": lambda: np.where(b > 0, x, np.uint32(0)),
        "equal": lambda: (a == b).astype(np.float32).view(np.uint32),
        "function": lambda: evaluate(function, x.view(np.float32)).view(np.uint32),
    }[op]()


class Model:
    """Windows, scalar registers and a scratchpad, as commands in order leave them."""

    def __init__(self, memory: Scratchpad) -> None:
        self.p, self.values = memory.p, memory.values.copy()
        self.windows: list[Window] = [{"base": {"address": 0}}] * 3
        self.scalars = np.zeros(4, np.uint32)

    def run(self, run: Run) -> Bits:
        """Return the scratchpad after a run."""
        for number, window in run.windows.items():
            self.windows[number] = window
        if run.name == "scalar":
            self.scalars[run.fields.get("register", 0)] = self._read(1, 1, True)[0, 0]
        else:
            self._map(run.fields)
        return self.values.copy()

    def _places(self, number: int, count: int) -> list[tuple[int, bool]]:
        places = positions(self.windows[number])
        return [places[n % len(places)] for n in range(count)]

    def _read(self, number: int, count: int, single: bool = False) -> Bits:
        base, width = self.windows[number]["base"], self.p.values
        found = np.zeros((count, width), np.uint32)
        for n, (element, inside) in enumerate(self._places(number, count)):
            if inside:
                step = 0 if single or base.get("single") else 1
                at = element + step * np.arange(width)
                found[n] = self.values[base.get("bank", 0), at]
        return found

    def _map(self, fields: dict[str, int]) -> None:
        op = LANE_OPS[fields.get("lane", 0)]
        inner, outer = fields["inner"], fields["outer"]
        x = y = np.zeros((inner * outer, self.p.values), np.uint32)
        if op != "fill":
            x = self._read(1, inner * outer)
        if op not in (*ONE_OPERAND, "fill"):
            y = self._read(2, inner * outer)
        register = fields.get("scalar", 0)
        s = self.scalars[register - 1] if register else np.uint32(fields.get("imm", 0))
        result = lanes(op, x, y, np.full_like(x, s), fields.get("function", 0))
        if fields.get("relu"):
            value = result.view(np.float32)
            result = np.where(flush(value) > 0, result, np.where(np.isnan(value), NAN, 0))
            result = result.astype(np.uint32)
        if fields.get("reduce"):
            result = self._reduced(result.reshape(outer, inner, -1), fields)
        self._write(result)

    def _reduced(self, words: Bits, fields: dict[str, int]) -> Bits:
        """Reduce words along the second dimension, then perhaps lanes."""
        combine = SUM if fields["reduce"] == 1 else higher
        if fields["reduce"] == 1:
            partial = np.zeros((len(words), 8, self.p.values), np.uint32)
            for i in range(words.shape[1]):
                partial[:, i % 8] = SUM(partial[:, i % 8], words[:, i])
            while partial.shape[1] > 1:
                partial = SUM(partial[:, ::2], partial[:, 1::2])
            total = partial[:, 0]
        else:
            # Of what is below all else the first is the greater.
            total = higher(np.full_like(words[:, 0], 0xFF800000), words[:, 0])
            for i in range(1, words.shape[1]):
                total = higher(total, words[:, i])
        if fields.get("fold"):
            while total.shape[1] > 1:
                total = combine(total[:, ::2].copy(), total[:, 1::2].copy())
            total = np.repeat(total, self.p.values, axis=1)
        return total

    def _write(self, words: Bits) -> None:
        base = self.windows[0]["base"]
        places = self._places(0, len(words))
        for word, (element, inside) in zip(words, places, strict=True):
            if inside:
                width = 1 if base.get("single") else self.p.values
                self.values[base.get("bank", 0), element : element + width] = word[:width]


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


def play(
    p: AcceleratorParameters,
    runs: list[Run],
    *,
    seed: int = 0,
    late: float = 0.5,
    cause: int = 0,
) -> list[int]:
    """Have the engine do runs and compare; return the cycles of each, from its tokens on.

    ``late`` is the chance that a command, or a token, does not come in a cycle. With a ``cause``
    the last run fails.
    """
    dut = VectorEngine(parameters=p)
    memory = Scratchpad(p, seed)
    rng = random.Random(seed)
    memory.values[:] = some_values(rng, memory.values.size).reshape(memory.values.shape)
    model = Model(memory)
    commands = [(command, n) for n, run in enumerate(runs) for command in run.commands()]
    good = runs[:-1] if cause else runs
    expected = [model.run(run) for run in good] or [memory.values.copy()]
    found: list[int] = []

    async def source(ctx: Any) -> None:
        for command, pc in commands:
            while rng.random() < late:
                await ctx.tick()
            ctx.set(dut.command.valid, 1)
            ctx.set(dut.command.payload.word, command)
            ctx.set(dut.command.payload.pc, pc)
            while not ctx.get(dut.command.ready):
                await ctx.tick()
            await ctx.tick()
            ctx.set(dut.command.valid, 0)

    async def tokens(ctx: Any) -> None:
        granted = idle = since = 0
        while idle < 40:
            asks = ctx.get(dut.waiting) and rng.random() >= late
            if asks:
                assert ctx.get(dut.wait) == runs[granted].fields.get("wait", 0)
                granted, since = granted + 1, 0
            ctx.set(dut.granted, asks)
            since += 1
            assert since < 3000, f"stuck in run {len(found)}"
            signal = ctx.get(dut.signal)
            if signal:
                assert signal == runs[len(found)].fields["signal"]
                wrong = np.argwhere(memory.values != expected[len(found)])
                assert not len(wrong), f"{runs[len(found)]}: {wrong[0]}"
                found.append(since - 1)
            ended = len(found) == len(good) and (ctx.get(dut.error) or not cause)
            idle = idle + 1 if ended else 0
            assert ctx.get(dut.busy) or len(found) == granted
            await ctx.tick()
            ctx.set(dut.granted, 0)
        assert ctx.get(dut.error) == cause
        assert ctx.get(dut.busy) == bool(cause)
        if cause:
            assert ctx.get(dut.error_pc) == len(runs) - 1
            assert not ctx.get(dut.command.ready)
        else:
            assert (memory.values == expected[-1]).all()

    ports = {"x": dut.read_x, "y": dut.read_y}
    served = memory.serve(ports, {"write": dut.write})
    clocked.drive(dut, tokens, background=[served, source])
    return found


@BOTH
@pytest.mark.parametrize("seed", [1, 2])
def test_every_operation(p, seed):
    ops = [op for op in LANE_OPS if op != "function"] * 2
    random.Random(seed).shuffle(ops)
    play(p, some_runs(p, seed, ops), seed=seed)
