import numpy as np
import pytest

from sw import lfsr
from sw.errors import UserError

PERIOD = 2**32 - 1


def slow(state: int, shifts: tuple[int, int, int] = (13, 17, 5)) -> int:
    left, right, again = shifts
    state ^= state << left & PERIOD
    state ^= state >> right
    return state ^ (state << again & PERIOD)


def slow_words(seeds: list[int], beats: int, bits: int) -> list[list[int]]:
    """The words of lanes, step by step."""
    table = []
    for _ in range(beats):
        table.append([s >> (32 - bits) for s in seeds])
        seeds = [slow(s) for s in seeds]
    return table


def test_published_sequence():
    """Marsaglia's own example, "Xorshift RNGs" section 4: y = 2463534242 gives these."""
    expected = [2463534242, 723471715, 2497366906, 2064144800]
    assert lfsr.states(2463534242, 4).tolist() == expected


def mismatches(count: int) -> int:
    """Count the states that differ from those made step by step."""
    state, wrong = 12345, 0
    for got in lfsr.states(12345, count).tolist():
        wrong += got != state
        state = slow(state)
    return wrong


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000, 4097])
def test_states(count):
    assert len(lfsr.states(12345, count)) == count
    assert mismatches(count) == 0


def test_planted_fault(monkeypatch):
    power = lfsr.XORSHIFT.power
    powers = {1 << bit: power(1 << bit) for bit in range(9)} | {512: power(511)}
    monkeypatch.setattr(lfsr.Linear, "power", lambda self, steps: powers[steps])
    assert mismatches(512) == 0
    assert mismatches(513) == 1


def test_step_is_elementwise():
    states = lfsr.states(1, 1_000_000)
    assert states.dtype == np.uint32
    assert np.array_equal(lfsr.step(states[:-1]), states[1:])


def test_jump():
    states = lfsr.states(99, 2000)
    for steps in (0, 1, 2, 7, 64, 1023, 1999):
        assert lfsr.jump(99, steps) == states[steps]
    assert lfsr.jump(lfsr.jump(99, 12345), PERIOD - 12345) == 99


def test_period_is_full():
    """The order of the step divides 2**32 - 1 and none of its quotients by a prime."""
    ones = [1 << bit for bit in range(32)]
    assert [lfsr.jump(word, PERIOD) for word in ones] == ones
    for prime in (3, 5, 17, 257, 65537):
        assert [lfsr.jump(word, PERIOD // prime) for word in ones] != ones


def test_lane_seeds():
    for seed in (1, 2, 2**32 - 1):
        seeds = lfsr.lane_seeds(seed, 1024)
        assert len(set(seeds)) == 1024 and 0 not in seeds
        assert lfsr.lane_seeds(seed, 3) == seeds[:3]
        assert all(isinstance(s, int) for s in seeds)
    quarter = lfsr.LANE_STRIDE // 4
    assert lfsr.lane_seeds(7, 3) == [lfsr.jump(7, quarter * n) for n in (1, 5, 9)]


@pytest.mark.parametrize("bits", [1, 8, 24, 32])
@pytest.mark.parametrize("lanes", [1, 2, 7])
def test_random_words(lanes, bits):
    words = lfsr.random_words(beats=50, lanes=lanes, seed=3, bits=bits)
    assert words.tolist() == slow_words(lfsr.lane_seeds(3, lanes), 50, bits)
    assert words.tolist() != slow_words(lfsr.lane_seeds(4, lanes), 50, bits)


def test_words_are_even():
    words = lfsr.random_words(beats=50_000, lanes=4, seed=1, bits=8)
    counts = np.bincount(words.ravel(), minlength=256)
    assert abs(counts - 200_000 / 256).max() < 5 * (200_000 / 256) ** 0.5


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: lfsr.states(0, 1), "seed must be an integer from 1 to 4294967295, not 0"),
        (lambda: lfsr.jump(2**32, 1), "seed must be an integer from 1 to 4294967295"),
        (lambda: lfsr.lane_seeds(1, 0), "lanes must be an integer from 1 to 1024, not 0"),
        (
            lambda: lfsr.random_words(beats=1, lanes=1, seed=1, bits=33),
            "bits must be an integer from 1 to 32, not 33",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError, match=message):
        call()
