"""Linear generators, by the example of Marsaglia's xorshift32."""

import numpy as np
import pytest

from sw.lfsr import Linear

PERIOD = 2**32 - 1


def slow(state: int) -> int:
    """The generator with the shifts 13, 17, 5, J. Stat. Software 8(14), 2003."""
    state ^= state << 13 & PERIOD
    state ^= state >> 17
    return state ^ (state << 5 & PERIOD)


XORSHIFT = Linear(tuple(slow(1 << bit) for bit in range(32)))


def test_published_sequence():
    """Marsaglia's own example, "Xorshift RNGs" section 4: y = 2463534242 gives these."""
    expected = [2463534242, 723471715, 2497366906, 2064144800]
    assert XORSHIFT.orbit(2463534242, 1, 4).tolist() == expected


def mismatches(count: int) -> int:
    """Count the states that differ from those made step by step."""
    state, wrong = 12345, 0
    for got in XORSHIFT.orbit(12345, 1, count).tolist():
        wrong += got != state
        state = slow(state)
    return wrong


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000, 4097])
def test_states(count):
    assert len(XORSHIFT.orbit(12345, 1, count)) == count
    assert mismatches(count) == 0


def test_planted_fault(monkeypatch):
    power = XORSHIFT.power
    powers = {1 << bit: power(1 << bit) for bit in range(9)} | {512: power(511)}
    monkeypatch.setattr(Linear, "power", lambda self, steps: powers[steps])
    assert mismatches(512) == 0
    assert mismatches(513) == 1


def test_strides_and_several_starts():
    states = XORSHIFT.orbit(99, 1, 2000)
    assert states.dtype == np.uint32
    several = XORSHIFT.orbit(states[:3], 7, 200)
    for column in range(3):
        assert np.array_equal(several[:, column], states[column::7][:200])


def test_jump():
    states = XORSHIFT.orbit(99, 1, 2000)
    for steps in (0, 1, 2, 7, 64, 1023, 1999):
        assert XORSHIFT.jump(99, steps) == states[steps]
    assert XORSHIFT.jump(XORSHIFT.jump(99, 12345), PERIOD - 12345) == 99


def test_period_is_full():
    """The order of the step divides 2**32 - 1 and none of its quotients by a prime."""
    ones = [1 << bit for bit in range(32)]
    assert [XORSHIFT.jump(word, PERIOD) for word in ones] == ones
    for prime in (3, 5, 17, 257, 65537):
        assert [XORSHIFT.jump(word, PERIOD // prime) for word in ones] != ones


def test_tables_are_of_bytes():
    tables = XORSHIFT.tables(77)
    for state in (1, 0x12345678, PERIOD):
        parts = [tables[byte, state >> 8 * byte & 255] for byte in range(4)]
        assert np.bitwise_xor.reduce(parts) == XORSHIFT.jump(state, 77)
