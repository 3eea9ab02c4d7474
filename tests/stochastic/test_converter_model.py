"""The model of the stochastic converter against a slow second reading, and its words."""

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.errors import UserError
from sw.formats import FLOAT_FORMATS, binary32
from sw.stochastic.bits import SHARES, BitSource
from sw.stochastic.converter import StochasticConverterParameters, convert
from tests.stochastic import reference
from tests.stochastic.stimuli import vectors


def check(p: StochasticConverterParameters, x: np.ndarray, first: int = 0) -> None:
    least = 2.0 ** (1 - FLOAT_FORMATS[p.source].bias)
    (source,) = reference.all_bits(p, [p.elements])
    bits, negative, codes = [], [], []
    for v, vector in enumerate(x.tolist()):
        flushed = [0.0 if abs(value) < least else value for value in vector]
        q, exponent = reference.magnitudes(p, flushed)
        begin = (first + v) * p.length
        bits.append(
            [
                [source.bit(e, begin + t, abs(q[e])) for e in range(p.elements)]
                for t in range(p.length)
            ]
        )
        negative.append([each < 0 for each in q])
        codes.append(255 if exponent is None else exponent + 126)
    got = convert(p, x, first=first)
    assert_equal(got.bits, np.array(bits))
    assert_equal(got.negative, np.array(negative))
    assert_equal(got.code, np.array(codes, np.int32))


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    "fields",
    [
        {"length": 16, "rounding": "truncate"},
        {"length": 4, "width": 8, "bits": 8, "form": "galois"},
        {"length": 1, "width": 32, "bits": 24, "seed": 2**32 - 1},
        {"length": 8, "bits": 3, "parallel": 8, "lanes": 5},
    ],
)
def test_against_the_second_reading(fields, share):
    p = StochasticConverterParameters(elements=5, share=share, **fields)
    check(p, vectors(24, 5, 1))
    check(p, vectors(3, 5, 2), first=7)


@pytest.mark.parametrize("source", ["bfloat16", "binary16"])
def test_sources(source):
    p = StochasticConverterParameters(elements=3, length=4, source=source)
    patterns = np.random.default_rng(3).integers(0, 1 << 16, (40, 3))
    check(p, binary32.from_bits(patterns, FLOAT_FORMATS[source]))


def test_what_is_exact():
    """The largest magnitude of the least scale is hit by all words but one; zero by none."""
    p = StochasticConverterParameters(elements=4, width=8, bits=8, length=256)
    streams = convert(p, np.array([[1.0, -0.5, 0.0, 2.0**-20]] * 255, np.float32))
    ones = streams.bits.sum((0, 1)).tolist()
    # Whole periods: 256 words of each of 255 vectors are 256 of them.
    assert ones == [256 * 255, 256 * 128, 0, 0]
    assert streams.negative.tolist() == 255 * [[False, True, False, False]]
    assert set(streams.code.tolist()) == {126}


def test_planted_faults(monkeypatch):
    p = StochasticConverterParameters(elements=5, width=8, bits=8, length=64)
    x = vectors(24, 5, 1)
    check(p, x)
    monkeypatch.setattr(BitSource, "inclusive", property(lambda source: False))
    with pytest.raises(MismatchError):
        check(p, x)


def test_period():
    assert StochasticConverterParameters(length=64, parallel=16, elements=16, lanes=2).period == 8
    assert StochasticConverterParameters(length=64, parallel=4, elements=16, lanes=2).period == 16


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: StochasticConverterParameters(elements=0),
            "elements must be an integer from 1 to 1024, not 0",
        ),
        (
            lambda: StochasticConverterParameters(elements=6, lanes=4),
            "lanes must divide elements, 6, not 4",
        ),
        (
            lambda: StochasticConverterParameters(
                elements=300, width=8, bits=8, share="independent"
            ),
            "width must be at least 9 for 300 shift registers",
        ),
        (
            lambda: convert(StochasticConverterParameters(), np.zeros((2, 5), np.float32)),
            "x must have the shape (vectors, 16), not (2, 5)",
        ),
        (
            lambda: convert(StochasticConverterParameters(), np.zeros((2, 16))),
            "x must be an array of float32, not float64",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError) as error:
        call()
    assert message in str(error.value)
