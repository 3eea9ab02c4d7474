"""Random words against their definition; that none comes twice; that they look random."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from sim.words import start_words
from sw.cipher import encrypt
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BfpFormat, fast
from sw.formats.quantize import dequantize
from sw.words import Words, fields_of, splitmix64, stream_key
from tests import words_reference as reference

COUNT = 1 << 15
FRACTION: Any = 1.0
SHAPE: Any = 3


def test_splitmix64():
    """Values that other implementations give: of 0, and the first five of 1234567."""
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    assert [splitmix64(1234567, n) for n in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


def test_check_values():
    """What must never change: the weights of trained networks depend on it."""
    assert stream_key(1) == 0x5E41AB087439611E
    key = stream_key(2020, step=7, layer=3, use=4, part=1)
    assert key == 0x6DD9F4CAD8AD70E5
    assert Words(key=key).draw((6,), 8).tolist() == [84, 128, 52, 98, 178, 238]
    assert Words(key=key, first=2**34 - 2).draw((2,), 8).tolist() == [102, 95]


def test_keys_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    for _ in range(50):
        seed, step, layer, use, part = (int(rng.integers(0, 2**n)) for n in (32, 32, 16, 8, 8))
        got = stream_key(seed, step=step, layer=layer, use=use, part=part)
        assert got == reference.key(seed, step, layer, use, part)


@pytest.mark.parametrize("bits", range(1, 33))
def test_words_are_those_of_the_definition(bits):
    key = stream_key(5, step=bits)
    for first in (0, 1, 5, (fields_of(bits) << 32) - 40):
        got = Words(key=key, first=first).draw((5, 8), bits)
        assert got.dtype == np.uint32 and got.shape == (5, 8)
        assert got.ravel().tolist() == reference.words(key, 40, bits, first)
    assert Words(key=key).draw((0,), bits).shape == (0,)


def test_a_stream_goes_on_where_it_is_taken_up():
    whole = Words(key=9).draw((100,), 8)
    parts = [Words(key=9, first=first).draw((25,), 8) for first in (0, 25, 50, 75)]
    assert np.array_equal(whole, np.concatenate(parts))


def undo(key: int, seed: int) -> int:
    """Return the number of the stream that has a key: what SplitMix64 does can be undone."""

    def unshift(z: int, places: int) -> int:
        x = z
        for _ in range(64 // places + 1):
            x = z ^ x >> places
        return x

    z = unshift(key, 31) * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
    z = unshift(z, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
    z = unshift(z, 30) - reference.splitmix64(seed)[1]
    return (z * pow(0x9E3779B97F4A7C15, -1, 2**64) - 1) % 2**64


def test_streams_of_one_seed_have_different_keys():
    """The number of a stream, of all of its fields, follows from its key."""
    edges = (0, 1, 2**31, 2**32 - 1), (0, 1, 65535), (0, 1, 255), (0, 255)
    for step, layer, use, part in itertools.product(*edges):
        key = stream_key(3, step=step, layer=layer, use=use, part=part)
        assert undo(key, 3) == step << 32 | layer << 16 | use << 8 | part


def test_blocks_of_one_key_are_different():
    keys = Words(key=stream_key(1)).keys
    assert len(np.unique(encrypt(keys, np.arange(1 << 20)))) == 1 << 20


def test_a_training_of_resnet8_takes_no_word_twice():
    """54.6 million words a step: a generator of 32 bits repeats them after 78 steps."""
    steps, layers, uses = 200, 10, range(16)
    places = itertools.product(range(steps), range(layers), uses)
    keys = {stream_key(1, step=s, layer=n, use=u) for s, n, u in places}
    assert len(keys) == steps * layers * len(uses)
    assert steps * 54_600_000 > 2**32


def share_of_ones(words: np.ndarray, bits: int) -> np.ndarray:
    return (words.reshape(-1, 1) >> np.arange(bits, dtype=np.uint32) & 1).mean(0)


def streams() -> dict[str, list[np.ndarray]]:
    """Words of streams that are neighbours in one field."""
    fields = {
        "step": [{"step": n} for n in range(12)],
        "layer": [{"layer": n} for n in range(12)],
        "use": [{"use": n} for n in range(12)],
        "part": [{"part": n} for n in range(12)],
        "far": [{"step": 1 << n} for n in range(12)],
    }
    found = {
        name: [Words(key=stream_key(1, **each)).draw((COUNT,), 8) for each in of]
        for name, of in fields.items()
    }
    found["seed"] = [Words(key=stream_key(n)).draw((COUNT,), 8) for n in range(12)]
    return found


STREAMS = streams()


@pytest.mark.parametrize("name", STREAMS)
def test_bits_are_balanced(name):
    """Each bit is set half the time and each value comes alike often, to five deviations."""
    for words in STREAMS[name]:
        assert np.abs(share_of_ones(words, 8) - 0.5).max() < 5 * 0.5 / math.sqrt(COUNT)
        mean = COUNT / 256
        assert np.abs(np.bincount(words, minlength=256) - mean).max() < 5 * math.sqrt(mean)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_not_correlated(name):
    """Neither words nor single bits of neighbouring streams, at the same place or one beside."""
    bound = 5 / math.sqrt(COUNT)
    for shift in (0, 1):
        several = [np.roll(words, shift * n) for n, words in enumerate(STREAMS[name])]
        assert np.abs(np.corrcoef(several) - np.eye(len(several))).max() < bound
        tops = [words >> np.uint32(7) for words in several]
        assert np.abs(np.corrcoef(tops) - np.eye(len(tops))).max() < bound


LAGS = 1, 2, 3, 4, 5, 8, 16, 25, 32, 64, 128, 576, 1024


def correlation(words: np.ndarray, lag: int) -> float:
    """The largest of words, and of each bit of words, with those so many places later."""
    several = [words, *(words >> np.uint32(bit) & 1 for bit in range(8))]
    return max(abs(np.corrcoef(each[:-lag], each[lag:])[0, 1]) for each in several)


@pytest.mark.parametrize("lag", LAGS)
def test_neighbouring_elements_and_lanes_are_not_correlated(lag):
    for words in (STREAMS["step"][0], STREAMS["step"][3], STREAMS["layer"][5]):
        assert correlation(words, lag) < 5 / math.sqrt(COUNT)


def test_too_few_rounds_would_be_seen():
    """What the tests above are able to find: words of three rounds."""
    keys = Words(key=stream_key(1)).keys[:3]
    words = encrypt(keys, np.arange(COUNT)) & np.uint32(255)
    assert max(correlation(words, lag) for lag in LAGS) > 5 / math.sqrt(COUNT)


def test_every_bit_of_a_key_counts():
    """Each changes each bit of the word half the time, to six deviations."""
    numbers = np.arange(1 << 13)
    key = stream_key(77)
    before = encrypt(Words(key=key).keys, numbers)
    for step in range(64):
        other = stream_key(77, step=1 << step % 32, layer=step // 32)
        changed = before ^ encrypt(Words(key=other).keys, numbers)
        off = np.abs(share_of_ones(changed, 32) - 0.5).max()
        assert off < 6 * 0.5 / math.sqrt(len(numbers))


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_rounding_is_unbiased(bits):
    """The mean of many roundings of each number is the number, to four standard errors of all."""
    format = BfpFormat(
        mantissa_bits=5, sign_inside=True, block=(8,), rounding="stochastic", random_bits=bits
    )
    rng = np.random.default_rng(bits)
    x = (rng.integers(1, 1 << 20, (64, 8)) / 2.0**20).astype(np.float32)
    x[:, 0] = 1.5
    # What the random bits can tell apart.
    x = (np.floor(x * 2.0 ** (bits + 3)) / 2.0 ** (bits + 3)).astype(np.float32)
    trials = 400
    total = np.zeros(x.shape)
    for step in range(trials):
        random = Words(key=stream_key(1, step=step))
        total += dequantize(fast.quantize(x, format, random=random))
    place = 2.0**-3
    share = x / place - np.floor(x / place)
    errors = (total / trials - x) / place
    deviation = np.sqrt(share * (1 - share) / trials)
    assert (errors[deviation == 0] == 0).all()
    assert (np.abs(errors) <= 5 * deviation).all()
    assert abs(errors.sum()) < 4 * math.sqrt((deviation**2).sum())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: stream_key(2**32), "seed must be an integer from 0 to 4294967295"),
        (lambda: stream_key(1, step=-1), "step must be an integer from 0 to 4294967295, not -1"),
        (lambda: stream_key(1, layer=65536), "layer must be an integer from 0 to 65535"),
        (lambda: stream_key(1, use=256), "use must be an integer from 0 to 255, not 256"),
        (lambda: stream_key(1, part=FRACTION), "part must be an integer from 0 to 255, not 1.0"),
        (lambda: Words(key=2**64), "key must be an integer from 0 to 18446744073709551615"),
        (lambda: Words(key=0, first=-1), "first must be an integer from 0"),
        (lambda: Words(key=0).draw(SHAPE, 8), "shape must be a tuple of extents, not 3"),
        (lambda: Words(key=0).draw((FRACTION,), 8), "extent of shape must be an integer from 0 to"),
        (lambda: Words(key=0).blocks(-1, 8), "count must be an integer from 0 to"),
        (lambda: splitmix64(-1), "state must be an integer from 0 to 18446744073709551615, not -1"),
        (lambda: Words(key=0).draw((1,), 33), "bits must be an integer from 1 to 32, not 33"),
        (
            lambda: Words(key=0, first=2**34 - 3).draw((4,), 8),
            "a stream has 17179869184 random words of 8 bits, not 17179869185: start another",
        ),
        (
            lambda: fast.quantize(np.ones((1, 64), np.float32), BLOCK_FORMATS["hbfp6"]),
            "random must be given: hbfp6 rounds stochastically",
        ),
        (
            lambda: fast.quantize(
                np.ones((1, 64), np.float32),
                BLOCK_FORMATS["hbfp6"],
                random=Words(key=0, first=2**34 - 63),
            ),
            "a stream has 17179869184 random words of 8 bits, not 17179869185: start another",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError, match=message):
        call()


def test_a_stream_has_a_first_word():
    for key, first in ((0, 0), (2**64 - 1, 2**37)):
        assert Words(key=key, first=first).first == first
    with pytest.raises(UserError, match="^first must be an integer from 0 to 137438953472, not "):
        Words(key=1, first=2**37 + 1)
    with pytest.raises(UserError, match="^key must be an integer from 0 to 18446744073709551615"):
        Words(key=2**64)


def test_registers_start_a_stream_from_its_first_word():
    writes = [("stream_a_low", 0x89ABCDEF), ("stream_a_high", 0x01234567), ("restart", 1)]
    assert start_words({"_a": Words(key=0x0123456789ABCDEF)}) == writes
    with pytest.raises(UserError, match="^first must be an integer from 0 to 0, not 1"):
        start_words({"_a": Words(key=0, first=1)})
