"""The engine that moves words between external memory and the scratchpad, value by value."""

import dataclasses
import random
import re

import numpy as np
import pytest

from hw.accelerator.dma import DmaEngine
from hw.accelerator.dma_control import DmaControl
from hw.accelerator.dma_paths import DmaFetch, DmaLoad, DmaStore
from hw.bus.axi_master import AxiWriter
from hw.bus.bursts import Bursts
from sw.accelerator.parameters import AcceleratorParameters

from ..faults import Fault, planted
from .dma_bench import ORIGIN, SIZE, Move, commands, memories, moved, run

SMALL = AcceleratorParameters(
    rows=1, columns=1, lanes=4, banks=2, bank_words=32, port_bits=32, burst=4, outstanding=2
)
EVEN = AcceleratorParameters(banks=4, bank_words=32, port_bits=128)
WIDE = dataclasses.replace(EVEN, port_bits=256, burst=8)
PARAMETERS = {
    "32 of 128": SMALL,
    "32 of 256, single": dataclasses.replace(EVEN, port_bits=32, burst=1, outstanding=1),
    "128 of 256": EVEN,
    "256 of 256": WIDE,
    "512 of 512, 4 KiB": dataclasses.replace(EVEN, port_bits=512, burst=256, outstanding=3),
}
CAUSES = {"address": 2, "alignment": 4, "bus": 5}


def some(p: AcceleratorParameters, rng: random.Random, count: int) -> list[Move]:
    """Return moves at random whose rows are in their memories; rows of stores may overlap."""
    size = p.word_bits // 8
    moves = []
    while len(moves) < count:
        move = Move(
            kind=rng.choice(("load", "store")),
            bank=rng.randrange(p.banks),
            element=p.values * rng.randrange(p.bank_words),
            at=size * rng.randrange(SIZE // size),
            rows=rng.randrange(1, 5),
            words=rng.choice((1, 1, 2, 5, 9)),
            distance=size * rng.randrange(-12, 13),
            wait=rng.getrandbits(16),
            signal=rng.randrange(1, 1 << 16),
        )
        rows = [move.at + row * move.distance for row in range(move.rows)]
        inside = move.element // p.values + move.rows * move.words <= p.bank_words
        if inside and min(rows) >= 0 and max(rows) + move.words * size <= SIZE:
            moves.append(move)
    return moves


def check(p: AcceleratorParameters, *, count: int = 8, seed: int = 0, stall: float = 0.3) -> None:
    """Do moves at random; after each its words are where they belong, and nothing else is new."""
    rng = random.Random(seed)
    outside, inside = memories(p, seed, latency=rng.randrange(12), stall=stall)
    moves = some(p, rng, count)
    expected, values = outside.bytes.copy(), inside.values.copy()
    found = run(p, commands(moves), outside, inside, late=stall)
    assert found.error[0] == 0, f"error {found.error}"
    assert found.waits == [move.wait for move in moves]
    assert [mask for mask, *_ in found.signals] == [move.signal for move in moves]
    for move, (_, memory, words) in zip(moves, found.signals, strict=True):
        moved(p, move, expected, values)
        assert memory == expected, f"memory after {move}"
        assert np.array_equal(words, values), f"scratchpad after {move}"
    assert not any(map(any, inside.side))


@pytest.mark.parametrize("name", PARAMETERS)
def test_moves(name):
    check(PARAMETERS[name])


def test_no_burst_is_longer_than_it_may_be_and_rows_lie_behind_one_another():
    p = EVEN
    outside, inside = memories(p)
    # 34 beats from the last one before 4 KiB on.
    move = Move("load", 1, 0, at=4096 - 32, words=17)
    run(p, commands([move]), outside, inside)
    assert outside.bursts == [(4064, 2), (4096, 16), (4352, 16)]
    outside, inside = memories(p)
    move = Move("store", 1, 8, at=512, rows=3, words=1, distance=-64)
    run(p, commands([move]), outside, inside)
    assert outside.bursts == [(512, 2), (448, 2), (384, 2)]
    for row in range(3):
        stored = np.frombuffer(outside.bytes, "<u4", 8, 512 - 64 * row)
        assert np.array_equal(stored, inside.values[1, 8 + 8 * row : 16 + 8 * row])


def rate(p: AcceleratorParameters) -> None:
    """Check that a beat moves in each cycle, long rows or short ones, with a memory far away."""
    beats = p.word_bits // p.port_bits
    size = p.word_bits // 8
    for kind in ("load", "store"):
        for rows, words, distance in ((3, 10, 20 * size), (30, 1, 2 * size)):
            outside, inside = memories(p, latency=12)
            move = Move(kind, 0, 0, at=0, rows=rows, words=words, distance=distance)
            (cycles,) = run(p, commands([move]), outside, inside).runs
            least = rows * words * beats
            assert least < cycles < least + 30, f"{cycles} cycles for {least} beats of {move}"


def test_a_beat_a_cycle():
    rate(dataclasses.replace(EVEN, port_bits=32, outstanding=4))
    rate(dataclasses.replace(WIDE, outstanding=16))


MOVE = Move("load", 1, 0, at=0, rows=3, words=2, distance=64)
WRONG = {
    "an address within a word": ("alignment", dataclasses.replace(MOVE, at=36)),
    "a distance of half a word": (
        "alignment",
        dataclasses.replace(MOVE, kind="store", distance=16),
    ),
    "a negative element": ("address", dataclasses.replace(MOVE, element=-8)),
    "an element within a word": ("address", dataclasses.replace(MOVE, element=4)),
    "an element behind the bank": ("address", dataclasses.replace(MOVE, element=8 * 32)),
    "the last row leaves the bank": ("address", dataclasses.replace(MOVE, element=8 * 27)),
    "no such bank": ("address", dataclasses.replace(MOVE, bank=4)),
    "the bus": ("bus", dataclasses.replace(MOVE, at=512, distance=256)),
    "the bus, storing": ("bus", dataclasses.replace(MOVE, kind="store", at=512, distance=256)),
}


def fails(name: str, stall: float = 0.3) -> None:
    """Check an error's cause and place, and that nothing was written but what was addressed."""
    cause, move = WRONG[name]
    p = EVEN
    outside, inside = memories(p, 5, latency=9, stall=stall, bad=(768,))
    good = Move("store", 0, 0, at=8192)
    expected, values = outside.bytes.copy(), inside.values.copy()
    moved(p, good, expected, values)
    words = commands([good, move, good])
    found = run(p, words, outside, inside, late=stall)
    assert found.error == (CAUSES[cause], 5)
    assert len(found.signals) == 1
    new = np.nonzero(np.frombuffer(outside.bytes, np.uint8) != np.frombuffer(expected, np.uint8))
    size = p.word_bits // 8 * move.words
    rows = {move.at + row * move.distance + n for row in range(move.rows) for n in range(size)}
    assert move.kind == "store" or not len(new[0])
    assert set(new[0].tolist()) <= rows
    banks, elements = np.nonzero(inside.values != values)
    assert set(banks.tolist()) <= {move.bank}
    # Of a load whose second row is bad the first one may have come.
    most = 8 * 2 if cause == "bus" else 8 * 4
    assert move.kind == "load" or not len(elements)
    assert all(0 <= element - move.element < most for element in elements.tolist())


@pytest.mark.parametrize("name", WRONG)
def test_errors(name):
    fails(name)


def fetch(p: AcceleratorParameters, count: int, stall: float = 0.3) -> None:
    """Check that instructions come, then a move is done."""
    outside, inside = memories(p, 6, latency=3, stall=stall)
    step = max(16, p.port_bits // 8)
    at = 4096 - step
    move = Move("load", 0, 0, at=64)
    expected = [int.from_bytes(outside.bytes[at + 16 * n :][:16], "little") for n in range(count)]
    found = run(p, commands([move]), outside, inside, late=stall, fetch=(ORIGIN + at, count))
    assert found.fetched == expected
    assert [mask for mask, *_ in found.signals] == [1]
    outside, inside = memories(p, 6)
    found = run(p, [], outside, inside, fetch=(ORIGIN + at + step // 2, count))
    assert found.error == (CAUSES["alignment"], 0) and not found.fetched
    outside, inside = memories(p, 6, bad=(at + step,))
    found = run(p, [], outside, inside, fetch=(ORIGIN + at, 8))
    assert found.error == (CAUSES["bus"], 0)
    assert found.fetched == expected[: step // 16]


@pytest.mark.parametrize("name", ["32 of 128", "128 of 256", "256 of 256", "512 of 512, 4 KiB"])
def test_instructions(name):
    fetch(PARAMETERS[name], 7)


@pytest.mark.parametrize("kind", ["load", "store"])
def test_reset_when_idle(kind):
    p = EVEN
    for stop in (12, 31, 48):
        outside, inside = memories(p, 7, latency=7, stall=0.4)
        long = Move(kind, 0, 0, at=0, rows=8, words=4, distance=256)
        after = [Move("store", 1, 0, at=8192, words=3), Move("load", 0, 0, at=8192 - 32, words=2)]
        found = run(p, commands([long]), outside, inside, stop=stop, again=commands(after))
        assert [mask for mask, *_ in found.signals] == [1, 1]
        stored = np.frombuffer(outside.bytes, "<u4", 8 * 3, 8192)
        assert np.array_equal(stored, inside.values[1, :24])
        assert np.array_equal(inside.values[0, 8:16], stored[:8])


FAULTS = {
    "a burst goes on": (Fault(Bursts, lambda s: s.room.eq(15)), lambda: check(EVEN)),
    "a burst too many": (
        Fault(
            Bursts,
            lambda s: s.begin.eq(s.active & ~s.stop & (~s.o.valid | s.o.ready)),
            "too many bursts",
        ),
        lambda: check(EVEN),
    ),
    "an address is withdrawn": (
        Fault(Bursts, lambda s: s.o.valid.eq(s.begin), "took an offer back"),
        lambda: check(EVEN),
    ),
    "no last beat": (Fault(AxiWriter, lambda s: s.wlast.eq(0), "wlast"), lambda: check(EVEN)),
    "data do not wait": (
        Fault(AxiWriter, lambda s: s.wdata.eq(s.i.payload), "changed an offer"),
        lambda: check(EVEN),
    ),
    "all lanes are written": (
        Fault(DmaLoad, lambda s: s.write.lanes.eq(~s.part), "scratchpad"),
        lambda: check(EVEN),
    ),
    "a word too many is read": (
        Fault(DmaStore, lambda s: s.held.eq(0), "memory|stuck"),
        lambda: check(WIDE, count=20, seed=3, stall=0.7),
    ),
    "a word at a time": (
        Fault(DmaStore, lambda s: s.take.eq(s.en & (s.word != s.end) & (s.held == 0))),
        lambda: rate(dataclasses.replace(WIDE, outstanding=16)),
    ),
    "rows are not far enough": (
        Fault(DmaControl, lambda s: s.address.eq(s.address)),
        lambda: check(EVEN),
    ),
    "the end before the last beat": (
        Fault(DmaEngine, lambda s: s.control.reading.eq(0), "scratchpad"),
        lambda: check(EVEN),
    ),
    "a bad row is written": (
        Fault(DmaEngine, lambda s: s.good.eq(s.reader.o.valid)),
        lambda: fails("the bus"),
    ),
    "a bad answer is good": (
        Fault(DmaEngine, lambda s: s.failed.eq(0)),
        lambda: fails("the bus, storing"),
    ),
    "an instruction is lost": (
        Fault(DmaFetch, lambda s: [(s.start, s.left.eq(s.count - 1))]),
        lambda: fetch(WIDE, 7),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_found(name):
    fault, bench = FAULTS[name]
    with planted(fault), pytest.raises(AssertionError) as caught:
        bench()
    assert re.search(fault.sign, str(caught.value) or "wrong")
