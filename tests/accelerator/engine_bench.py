"""An engine alone, in Amaranth's simulator: its commands, its tokens, and a scratchpad."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import Value

from sw.accelerator.parameters import AcceleratorParameters

from .. import clocked
from .scratchpad import Scratchpad

__all__ = ["Found", "Giver", "put_slice", "random_scratchpad", "run_engine", "same"]

AFTER_ERROR = 40


def random_scratchpad(p: AcceleratorParameters, seed: int) -> Scratchpad:
    """Return a scratchpad of anything."""
    rng = np.random.default_rng(seed)
    memory = Scratchpad(p, seed)
    memory.values = rng.integers(0, 1 << 32, memory.values.shape, np.uint32)
    noise = random.Random(seed)
    memory.side = [[noise.getrandbits(p.side_bits) for _ in bank] for bank in memory.side]
    return memory


def put_slice(
    memory: Scratchpad, bank: int, word: int, number: int, codes: np.ndarray, exponent: int
) -> None:
    """Write a slice of a panel's word: elements of a row, and their exponent."""
    p = memory.p
    form, lanes = p.format, p.slice_bits // 32
    packed = sum(int(code) << n * form.element_bits for n, code in enumerate(codes))
    at = word * p.values + number * lanes
    for lane in range(lanes):
        memory.values[bank, at + lane] = packed >> 32 * lane & 0xFFFFFFFF
    mask = (1 << form.exponent_bits) - 1
    low = number * form.exponent_bits
    kept = memory.side[bank][word] & ~(mask << low)
    memory.side[bank][word] = kept | int(exponent) << low


def same(a: Scratchpad, b: Scratchpad) -> bool:
    """Tell whether all of two scratchpads is equal."""
    return np.array_equal(a.values, b.values) and a.side == b.side


@dataclasses.dataclass
class Found:
    """What an engine did: cycles of each RUN, its signals, its error and where."""

    runs: list[int] = dataclasses.field(default_factory=list)
    signals: list[int] = dataclasses.field(default_factory=list)
    error: int = 0
    error_pc: int = 0


@dataclasses.dataclass
class Giver:
    """Gives an engine its commands, in order, and its tokens.

    The number of each is its place; ``late`` is the chance of a cycle in which a command, or a
    token, is not there yet.
    """

    ctx: Any
    dut: Any
    words: Sequence[int]
    rng: random.Random
    late: float
    given: int = 0
    offered: bool = False
    waited: bool = False

    @property
    def done(self) -> bool:
        """Whether all were taken."""
        return self.given == len(self.words)

    def offer(self) -> bool:
        """Offer the next one; return whether tokens that are waited for are granted."""
        ctx, dut = self.ctx, self.dut
        self.offered = self.offered or (not self.done and self.rng.random() >= self.late)
        ctx.set(dut.command.valid, self.offered)
        if self.offered:
            word = self.given << 128 | self.words[self.given]
            ctx.set(Value.cast(dut.command.payload), word)
        # As of `Tokens`, not in the first cycle of waiting.
        waits = ctx.get(dut.waiting)
        granted = self.waited and waits and self.rng.random() >= self.late
        ctx.set(dut.granted, granted)
        self.waited = waits and not granted
        return granted

    def taken(self) -> bool:
        """Return whether that which is offered is taken in this cycle, and go on to the next."""
        if not self.offered or not self.ctx.get(self.dut.command.ready):
            return False
        self.given, self.offered = self.given + 1, False
        return True


def run_engine(
    dut: Any,
    memory: Scratchpad,
    commands: Sequence[int],
    *,
    reads: Sequence[str],
    seed: int = 0,
    late: float = 0.0,
    most: int = 700,
) -> Found:
    """Give an engine its commands, as `Giver` does, until it is not busy."""
    rng = random.Random(seed)
    found = Found()

    async def bench(ctx: Any) -> None:
        giver = Giver(ctx, dut, commands, rng, late)
        began, failed = 0, 0
        for cycle in range(most):
            if giver.offer():
                began = cycle
            if ctx.get(dut.signal):
                found.signals.append(ctx.get(dut.signal))
                found.runs.append(cycle - began)
            found.error, found.error_pc = ctx.get(dut.error), ctx.get(dut.error_pc)
            if giver.taken():
                assert not found.error
            failed += found.error != 0
            if failed > AFTER_ERROR or (giver.done and not ctx.get(dut.busy)):
                return
            await ctx.tick()
        raise AssertionError(f"not done after {most} cycles, {giver.given} commands taken")

    ports = {name: getattr(dut, name) for name in reads}
    clocked.drive(dut, bench, background=[memory.serve(ports, {"write": dut.write})])
    return found
