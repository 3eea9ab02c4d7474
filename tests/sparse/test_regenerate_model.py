"""The model of the weight regenerator: published values, a second reading, statistics, words."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw import cipher
from sw.cipher import encrypt
from sw.errors import UserError
from sw.formats import binary32
from sw.sparse.weight_regenerator import RegeneratorParameters, regenerate, sums

COUNT = 1 << 17
INDEX = np.arange(COUNT, dtype=np.uint32)


def rotated(value: int, places: int) -> int:
    return (value << places | value >> (16 - places)) & 0xFFFF


def speck_keys(words: list[int], rounds: int) -> list[int]:
    """Speck's own keys of a key of four words."""
    key, *rest = words
    keys = [key]
    for n in range(rounds - 1):
        word = (key + rotated(rest[n], 9)) & 0xFFFF ^ n
        rest.append(word)
        key = rotated(key, 2) ^ word
        keys.append(key)
    return keys


def test_published_value():
    """The test vector of Speck32/64 (Beaulieu et al., 2013, appendix C)."""
    keys = speck_keys([0x0100, 0x0908, 0x1110, 0x1918], 22)
    assert int(encrypt(keys, 0x6574694C)) == 0xA86842F2


def second(p: RegeneratorParameters, index: int, seed: int) -> int:
    """The sum of a weight, by integers."""
    x, y = index >> 16 & 0xFFFF, index & 0xFFFF
    for n in range(p.rounds):
        key = (seed >> 16 * (n % 2)) % 65536 ^ (0x9E37 * (n + 1)) % 65536
        x = (rotated(x, 9) + y) % 65536 ^ key
        y = rotated(y, 2) ^ x
    word, total = x << 16 | y, 0
    for _ in range(p.words):
        u, word = word % (1 << p.bits), word >> p.bits
        total += 2 * (u - (u >> (p.bits - 1) << p.bits)) + 1
    return total


def check(p: RegeneratorParameters, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 1 << 32, (5, 40))
    wanted = [[second(p, i, seed) for i in row] for row in index.tolist()]
    assert_equal(sums(p, index, seed=seed), np.array(wanted, np.int32), context={"parameters": p})


@pytest.mark.parametrize("words", [1, 2, 3, 4])
@pytest.mark.parametrize("rounds", [7, 8, 22])
def test_against_the_second_reading(words, rounds):
    for seed in (0, 1, 0xDEADBEEF):
        check(RegeneratorParameters(words=words, rounds=rounds), seed)


def test_planted_fault(monkeypatch):
    p = RegeneratorParameters()
    check(p, 1)
    monkeypatch.setattr(cipher, "ROUND_STEP", 0x9E39)
    with pytest.raises(MismatchError):
        check(p, 1)


@pytest.mark.parametrize("words", [1, 2, 3, 4])
@pytest.mark.parametrize("decay", [1.0, 0.9, 0.9**40, 1e30, 2e-38])
def test_products_are_exact_but_for_one_rounding(words, decay):
    p = RegeneratorParameters(words=words, least=0)
    total = sums(p, INDEX[:50], seed=3).tolist()
    for shift in (0, 10, 63):
        found = regenerate(p, INDEX[:50], seed=3, shift=shift, decay=decay)
        exact = [Fraction(t) * Fraction(float(np.float32(decay))) / 2**shift for t in total]
        wanted = [to_binary32(value) for value in exact]
        assert_equal(found, np.array(wanted, np.float32))


def to_binary32(value: Fraction) -> float:
    """Round to 24 bits and to nearest even; below the normal numbers is zero."""
    if not value:
        return 0.0
    exponent = math.floor(math.log2(abs(value))) - 23
    significand = round(value / Fraction(2) ** exponent)
    size = float(significand * Fraction(2) ** exponent)
    size = 0.0 if abs(size) < 2.0**-126 else size
    return math.copysign(size if abs(size) < 2.0**128 else math.inf, value)


def test_each_layer_has_its_shift():
    p = RegeneratorParameters()
    shift = np.arange(64)
    found = regenerate(p, np.full(64, 9), seed=1, shift=shift, decay=1.0)
    assert_equal(found, regenerate(p, 9, seed=1, shift=0) * np.ldexp(np.float32(1), -shift))


def test_decay():
    p = RegeneratorParameters(least=0.5)
    w = regenerate(p, INDEX, seed=1, shift=9)
    assert_equal(regenerate(p, INDEX, seed=1, shift=9, decay=0.75), binary32.multiply(w, 0.75))
    below = float(np.nextafter(np.float32(0.5), np.float32(0)))
    assert regenerate(p, INDEX, seed=1, shift=9, decay=0.5).any()
    for decay in (below, 0.0, -0.0):
        zeros = regenerate(p, INDEX[:9], seed=1, shift=9, decay=decay)
        assert zeros.view(np.uint32).tolist() == [0] * 9
    p = RegeneratorParameters(least=0)
    assert not regenerate(p, INDEX, seed=1, shift=0, decay=1e-39).any()
    for decay in (np.inf, np.nan, 1e39):
        lost = regenerate(p, INDEX[:9], seed=1, shift=0, decay=decay)
        assert lost.view(np.uint32).tolist() == [0x7FC00000] * 9


def test_check_values():
    """What must never change: weights of trained networks depend on it."""
    index = np.array([0, 1, 2, 12345, 2**32 - 1])
    wanted = {
        1: [9147103, -7890775, 2570535, 5304447, -7433965],
        2: [-92822, -79312, -31410, 123088, -25950],
        3: [1517, 1449, -71, -1087, 1361],
        4: [0, -262, -300, 690, -452],
    }
    for words, values in wanted.items():
        p = RegeneratorParameters(words=words)
        assert sums(p, index, seed=2020).tolist() == values
    w = regenerate(RegeneratorParameters(), index, seed=2020, shift=13, decay=0.9)
    bits = [0x00000000, 0xBCEBCCCC, 0xBD070000, 0x3D9B4000, 0xBD4B6666]
    assert w.view(np.uint32).tolist() == bits


@pytest.mark.parametrize("words", [1, 2, 3, 4])
def test_moments(words):
    """Within five standard errors: mean 0, the deviation stated, the kurtosis of the sum."""
    p = RegeneratorParameters(words=words)
    for seed in (1, 2, 2**31):
        value = sums(p, INDEX, seed=seed) / p.deviation
        kurtosis = 3 - 1.2 / words
        assert abs(value.mean()) < 5 / math.sqrt(COUNT)
        assert abs(value.var() - 1) < 5 * math.sqrt((kurtosis - 1) / COUNT)
        assert abs((value**4).mean() - kurtosis) < 5 * (value**4).std() / math.sqrt(COUNT)
        assert abs((value**3).mean()) < 5 * (value**3).std() / math.sqrt(COUNT)


def flips(a: np.ndarray, b: np.ndarray) -> float:
    """How far from a half the share of any bit's changes is, at worst."""
    changed = (a ^ b)[:, None] >> np.arange(32, dtype=np.uint32) & 1
    return float(np.abs(changed.mean(0) - 0.5).max())


@pytest.mark.parametrize("rounds", [7, 8])
def test_avalanche(rounds):
    """Each bit of the index changes each bit of the word half the time, to six deviations."""
    keys = RegeneratorParameters(rounds=rounds).keys(99)
    index = INDEX[: 1 << 14]
    for bit in range(32):
        others = encrypt(keys, index ^ np.uint32(1 << bit))
        assert flips(encrypt(keys, index), others) < 6 * 0.5 / math.sqrt(len(index))


@pytest.mark.parametrize("rounds, bound", [(8, 0.04), (10, 6 * 0.5 / 128)])
def test_avalanche_of_the_seed(rounds, bound):
    p = RegeneratorParameters(rounds=rounds)
    index = INDEX[: 1 << 14]
    for bit in range(32):
        others = encrypt(p.keys(99 ^ 1 << bit), index)
        assert flips(encrypt(p.keys(99), index), others) < bound


def correlations(value: np.ndarray) -> float:
    """The largest correlation of a sequence and itself so many places later."""
    lags = (1, 2, 3, 4, 8, 9, 16, 25, 64, 256, 576, 1024)
    return max(abs(np.corrcoef(value[:-lag], value[lag:])[0, 1]) for lag in lags)


def test_neighbours_are_not_correlated():
    p = RegeneratorParameters()
    for seed in (0, 1, 12345):
        assert correlations(sums(p, INDEX, seed=seed)) < 5 / math.sqrt(COUNT)
        assert correlations(np.abs(sums(p, INDEX, seed=seed))) < 5 / math.sqrt(COUNT)
    by_seed = [sums(p, INDEX, seed=seed) for seed in range(8)]
    others = np.corrcoef(by_seed) - np.eye(8)
    assert np.abs(others).max() < 5 / math.sqrt(COUNT)
    # Too few rounds would be seen.
    assert correlations(encrypt(p.keys(1)[:4], INDEX).view(np.int32)) > 0.02


def test_no_two_weights_share_a_word():
    words = encrypt(RegeneratorParameters().keys(5), INDEX * np.uint32(0x9E3779B1))
    assert len(np.unique(words)) == COUNT


def test_it_is_not_linear():
    """The words of four indices that cancel do not, as those of a linear generator would."""
    keys = RegeneratorParameters().keys(5)
    a, b = np.random.default_rng(1).integers(0, 1 << 32, (2, 4096)).astype(np.uint32)
    quads = a, b, a ^ np.uint32(1), b ^ np.uint32(1)

    def cancelled(words: list[np.ndarray]) -> float:
        return float((words[0] ^ words[1] ^ words[2] ^ words[3] == 0).mean())

    def xorshift(x: np.ndarray) -> np.ndarray:
        x = x ^ x << np.uint32(13)
        x = x ^ x >> np.uint32(17)
        return x ^ x << np.uint32(5)

    assert cancelled([xorshift(i ^ np.uint32(5)) for i in quads]) == 1
    assert cancelled([encrypt(keys, i) for i in quads]) == 0


@pytest.mark.parametrize("words", [1, 2, 3, 4])
@pytest.mark.parametrize("fan_in", [1, 9, 27, 784, 4608])
def test_he_deviation(words, fan_in):
    p = RegeneratorParameters(words=words)
    w = regenerate(p, INDEX, seed=4, shift=p.shift_for(fan_in))
    assert 2**-0.51 < w.std() / math.sqrt(2 / fan_in) < 2**0.51


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: RegeneratorParameters(lanes=0), "lanes must be an integer from 1 to 16, not 0"),
        (lambda: RegeneratorParameters(words=5), "words must be an integer from 1 to 4, not 5"),
        (lambda: RegeneratorParameters(rounds=6), "rounds must be an integer from 7 to 22, not 6"),
        (lambda: RegeneratorParameters(layers=65), "layers must be an integer from 1 to 64"),
        (
            lambda: RegeneratorParameters(layers=12),
            "layers must be a power of two from 1 to 64, not 12",
        ),
        (lambda: RegeneratorParameters(least=2), "least must be a number from 0 to 1, not 2"),
        (lambda: RegeneratorParameters(least=True), "least must be a number from 0 to 1, not True"),
        (lambda: RegeneratorParameters().keys(-1), "seed must be an integer from 0 to 4294967295"),
        (lambda: RegeneratorParameters().shift_for(0), "fan_in must be an integer from 1 to"),
        (
            lambda: regenerate(RegeneratorParameters(), [0.5], seed=1, shift=1),
            "index must be an array of integer, not float64",
        ),
        (
            lambda: regenerate(RegeneratorParameters(), [5], seed=1, shift=[1, 64]),
            "shift must be from 0 to 63, not 64 at index 1",
        ),
        (
            lambda: regenerate(RegeneratorParameters(), [5], seed=1, shift=1, decay=-0.5),
            "decay must be a number that is not negative, not -0.5",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError) as error:
        call()
    assert message in str(error.value)
