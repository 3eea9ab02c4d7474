"""The engine that moves words, in Amaranth's simulator, between two memories."""

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from amaranth.hdl import ResetInserter, Signal

from hw.accelerator.dma import DmaEngine
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters

from .. import clocked
from .axi_memory import AxiMemory
from .engine_bench import Giver
from .scratchpad import Scratchpad

__all__ = ["ORIGIN", "SIZE", "Found", "Move", "commands", "memories", "moved", "run"]

ORIGIN = 0xA5_0000_0000
SIZE = 1 << 14
SETTLE = 30


@dataclasses.dataclass(frozen=True)
class Move:
    """A load or a store: ``at`` is the external byte, from the first one of memory on."""

    kind: str
    bank: int
    element: int
    at: int
    rows: int = 1
    words: int = 1
    distance: int = 0
    wait: int = 0
    signal: int = 1


@dataclasses.dataclass
class Found:
    """What an engine did.

    Attributes
    ----------
    runs : list of int
        Cycles from the tokens to the signal of each run.
    signals : list of tuple
        Mask, and what external memory and the scratchpad held then.
    """

    runs: list[int] = dataclasses.field(default_factory=list)
    signals: list[tuple[int, bytes, np.ndarray]] = dataclasses.field(default_factory=list)
    waits: list[int] = dataclasses.field(default_factory=list)
    fetched: list[int] = dataclasses.field(default_factory=list)
    error: tuple[int, int] = (0, 0)


def memories(
    p: AcceleratorParameters, seed: int = 0, **options: Any
) -> tuple[AxiMemory, Scratchpad]:
    """Return both memories with anything in them."""
    most = min(p.burst, 8 * 4096 // p.port_bits)
    options |= {"burst": most, "outstanding": p.outstanding, "seed": seed}
    outside, inside = AxiMemory(SIZE, origin=ORIGIN, **options), Scratchpad(p, seed)
    rng = np.random.default_rng(seed)
    inside.values = rng.integers(0, 1 << 32, inside.values.shape, np.uint32)
    return outside, inside


def commands(moves: Sequence[Move]) -> list[int]:
    """Return the instructions of moves."""
    words = []
    for move in moves:
        base = move.element & 0xFFFFFFFF
        words += [
            encode("dma.base", window=0, address=base, bank=move.bank),
            encode("dma.base", window=1, address=(ORIGIN + move.at) % (1 << 40)),
            encode(
                f"dma.{move.kind}",
                wait=move.wait,
                signal=move.signal,
                rows=move.rows,
                words=move.words,
                distance=move.distance,
            ),
        ]
    return words


def moved(p: AcceleratorParameters, move: Move, outside: bytearray, inside: np.ndarray) -> None:
    """Do what a move asks for, value by value."""
    for row in range(move.rows):
        for n in range(move.words * p.values):
            at = move.at + row * move.distance + 4 * n
            element = move.element + row * move.words * p.values + n
            if move.kind == "load":
                inside[move.bank, element] = int.from_bytes(outside[at : at + 4], "little")
            else:
                outside[at : at + 4] = int(inside[move.bank, element]).to_bytes(4, "little")


def run(
    p: AcceleratorParameters,
    words: Sequence[int],
    outside: AxiMemory,
    inside: Scratchpad,
    *,
    late: float = 0.0,
    fetch: tuple[int, int] | None = None,
    stop: int | None = None,
    again: Sequence[int] = (),
) -> Found:
    """Give an engine its commands, and return when it has done them, or after an error.

    ``late`` is the chance of a cycle in which something is not there, or not taken, yet; ``fetch``
    asks first for so many instructions at an address. After ``stop`` cycles the engine is stopped,
    then reset, and given the commands ``again``.
    """
    reset = Signal()
    dut = DmaEngine(parameters=p)
    found = Found()
    rng = random.Random(1)

    async def bench(ctx: Any) -> None:
        asked = None
        if fetch is not None:
            asked = fetch[1]
            ctx.set(dut.fetch.payload.address, fetch[0])
            ctx.set(dut.fetch.payload.count, fetch[1])
        if stop is None:
            await _give(ctx, dut, words, asked)
            return
        await _give(ctx, dut, words, None, most=stop)
        ctx.set(dut.stop, 1)
        ctx.set(dut.command.valid, 0)
        held = inside.values.copy()
        while not ctx.get(dut.idle):
            assert outside.cycle < 10_000, "never idle"
            await ctx.tick()
        # The bench of the memory, too, has seen the last answer then.
        await ctx.tick()
        # A beat that came in the cycle before the stop is on its way.
        assert (held != inside.values).sum() <= p.port_bits // 32
        assert not any(outside.under_way.values()) and not outside.beats
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(dut.stop, 0)
        found.runs.clear()
        found.signals.clear()
        await _give(ctx, dut, again, None)

    async def _give(
        ctx: Any, dut: Any, words: Sequence[int], asked: int | None, most: int = 9_000
    ) -> None:
        giver = Giver(ctx, dut, words, rng, late)
        began, quiet = 0, 0
        for cycle in range(most):
            ctx.set(dut.fetch.valid, asked is not None)
            ctx.set(dut.fetched.ready, rng.random() >= late)
            if giver.offer():
                began = cycle
                found.waits.append(ctx.get(dut.wait))
            if ctx.get(dut.signal):
                assert not found.error[0], "a signal after an error"
                held = bytes(outside.bytes), inside.values.copy()
                found.signals.append((ctx.get(dut.signal), *held))
                found.runs.append(cycle - began)
            found.error = ctx.get(dut.error), ctx.get(dut.error_pc)
            if giver.taken():
                assert not found.error[0], "a command after an error"
            done = giver.done and asked is None and not ctx.get(dut.busy)
            quiet = quiet + 1 if (done or found.error[0]) and ctx.get(dut.idle) else 0
            if quiet > SETTLE:
                assert not any(outside.under_way.values()) and not outside.beats
                return
            # What depends on the memory's bench is looked at when all benches have had their turn.
            *_, asks, comes, word = await ctx.tick().sample(
                dut.fetch.valid & dut.fetch.ready,
                dut.fetched.valid & dut.fetched.ready,
                dut.fetched.payload,
            )
            asked = None if asks else asked
            if comes:
                found.fetched.append(word)
        assert most < 9_000, "stuck"

    benches = [outside.attach(dut), inside.serve({"read": dut.read}, {"write": dut.write})]
    clocked.drive(ResetInserter(reset)(dut), bench, background=benches)
    return found
