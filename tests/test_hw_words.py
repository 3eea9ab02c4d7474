"""The circuit of random words against their definition, one at a time."""

import numpy as np
import pytest

from hw.formats.words import RandomWords
from tests import words_reference as reference

from .clocked import drive

KEY = reference.key(2024)


def run(dut: RandomWords, beats: int, starts: dict[int, int]) -> tuple[np.ndarray, list[int]]:
    """Return words beat by beat, and the beats in which the stream was exhausted.

    ``starts`` are the keys that are started before beats.
    """
    rng = np.random.default_rng(1)
    asked, found, ends = [], [], []

    async def bench(ctx):
        enabled, given = [], 0
        while len(found) < beats:
            if len(asked) in starts and len(asked) == len(found):
                ctx.set(dut.key, starts.pop(len(asked)))
                ctx.set(dut.restart, 1)
                ctx.set(dut.en, 0)
                ctx.set(dut.step, 0)
                await ctx.tick()
                ctx.set(dut.restart, 0)
                ctx.set(dut.key, 0)
            en, step = bool(rng.integers(2)), bool(rng.integers(4))
            # None may be under way when the key changes.
            step = step and len(asked) < min([*starts, beats])
            ctx.set(dut.en, en)
            ctx.set(dut.step, step)
            if en:
                enabled.append(step)
                if step and ctx.get(dut.exhausted):
                    ends.append(len(asked))
                asked.extend([True] * step)
            await ctx.tick()
            if en and len(enabled) >= dut.latency:
                if enabled[given]:
                    word = ctx.get(dut.o)
                    size = dut.bits
                    found.append([word >> n * size & (1 << size) - 1 for n in range(dut.lanes)])
                given += 1

    drive(dut, bench)
    return np.array(found), ends


@pytest.mark.parametrize("bits", [1, 3, 8, 11, 24, 32])
@pytest.mark.parametrize("lanes", [1, 2, 3, 4, 8, 9])
def test_words(lanes, bits):
    dut = RandomWords(lanes=lanes, bits=bits, key=KEY, first=0, stride=lanes)
    other = reference.key(1, step=5)
    found, ends = run(dut, 24, {9: other, 16: KEY})
    for beats, key in ((slice(0, 9), KEY), (slice(9, 16), other), (slice(16, 24), KEY)):
        expected = reference.words(key, found[beats].size, bits)
        assert found[beats].ravel().tolist() == expected
    assert ends == []


@pytest.mark.parametrize("turns, lanes", [(2, 4), (3, 4), (2, 16), (5, 3)])
def test_several_take_turns(turns, lanes):
    parts = []
    for turn in range(turns):
        dut = RandomWords(lanes=lanes, bits=8, key=KEY, first=turn * lanes, stride=turns * lanes)
        parts.append(run(dut, 8, {})[0])
    found = np.stack(parts, 1).ravel()
    assert found.tolist() == reference.words(KEY, found.size, 8)


@pytest.mark.parametrize("lanes, bits, fields", [(1, 8, 4), (8, 8, 4), (2, 24, 1), (3, 8, 4)])
def test_the_end_of_a_stream_is_told(lanes, bits, fields):
    """In the beat with its last word, or that would need one more."""
    first = (fields << 32) - 6 * lanes
    dut = RandomWords(lanes=lanes, bits=bits, key=KEY, first=first, stride=lanes)
    found, ends = run(dut, 8, {})
    assert found[:6].ravel().tolist() == reference.words(KEY, 6 * lanes, bits, first)
    assert ends == [5]


@pytest.mark.parametrize("lanes, first", [(4, 2), (4, 1), (2, 3)])
def test_a_stream_begins_within_a_block(lanes, first):
    dut = RandomWords(lanes=lanes, bits=8, key=KEY, first=first, stride=lanes)
    found, _ = run(dut, 8, {})
    assert found.ravel().tolist() == reference.words(KEY, 8 * lanes, 8, first)


def test_the_end_is_told_where_it_is_asked_for_alone():
    dut = RandomWords(lanes=1, bits=32, key=KEY, first=(1 << 32) - 1, stride=1)

    async def bench(ctx):
        for en, step in ((0, 0), (0, 1), (1, 0), (1, 1)):
            ctx.set(dut.en, en)
            ctx.set(dut.step, step)
            assert ctx.get(dut.exhausted) == (en and step)

    drive(dut, bench)
