"""Stochastic rounding to small floats: every threshold counted, and its bias."""

import dataclasses

import numpy as np
import pytest

from sw.formats import MX_FORMATS, MxFormat, fast
from sw.formats.quantize import dequantize, quantize
from sw.words import Words, stream_key

R = np.arange(256)
MXFP4 = dataclasses.replace(MX_FORMATS["mxfp4"], rounding="stochastic")


def counts(value: float, format: MxFormat = MXFP4, top: float = 6) -> dict[float, int]:
    """How often a number becomes which, of all words, in blocks whose largest one is ``top``."""
    words = np.arange(1 << format.random_bits)
    x = np.full((len(words), 2), value, np.float32)
    x[:, 1] = top
    got = quantize(x, format, random=np.stack((words, words), 1))
    values, number = np.unique(dequantize(got)[:, 0], return_counts=True)
    return dict(zip(values.tolist(), number.tolist(), strict=True))


# TransformerEngine d0067d06, `ptx.cuh`, of all 256 r.
@pytest.mark.parametrize(
    "value, expected",
    [
        (0.1, {0: 205, 0.5: 51}),
        (2.2, {2: 205, 3: 51}),
        (3.6, {3: 103, 4: 153}),
        (4.5, {4: 192, 6: 64}),
        (7, {6: 256}),
        (-0.1, {-0.0: 205, -0.5: 51}),
        (-3.6, {-3: 103, -4: 153}),
    ],
)
def test_all_words(value, expected):
    assert counts(value) == expected


@pytest.mark.parametrize("name", ["mxfp4", "mxfp6_e2m3", "mxfp6_e3m2", "mxfp8_e4m3", "mxfp8_e5m2"])
def test_every_threshold(name):
    """Between neighbours, of 256 words as many round up as the part has whole 256ths."""
    format = dataclasses.replace(MX_FORMATS[name], rounding="stochastic", block=(4,))
    element = format.element
    numbers = np.unique(np.abs(element.decode(np.arange(1 << element.bits)))) * 2.0**-element.places
    low, step = numbers[:-1], np.diff(numbers)
    for part, ups in ((0, 0), (1 / 512, 0), (1 / 256, 1), (0.7, 179), (511 / 512, 255)):
        x = np.stack((low + part * step, *[np.full(len(low), numbers[-1])] * 3), 1)
        x = np.repeat(x.astype(np.float32)[None], 256, 0)
        words = np.broadcast_to(R[:, None, None], x.shape)
        got = dequantize(quantize(x, format, random=words))[..., 0]
        up = got == numbers[1:].astype(np.float32)
        assert (up | (got == low.astype(np.float32))).all()
        assert np.array_equal(up.sum(0), np.full(len(low), ups))
        assert np.array_equal(up.sum(1), len(low) * (R >= 256 - ups))


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_other_widths(bits):
    """Of 2**bits words as many round up as the part has whole 2**-bits."""
    format = dataclasses.replace(MXFP4, random_bits=bits)
    up = int(0.3 * 2**bits)
    expected = {2: 2**bits - up, 3: up} if up else {2: 2**bits}
    assert counts(2.3, format) == expected


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4", "mxfp8_e4m3"])
def test_bias(name):
    """The mean error is within 4 standard errors of what leaving out less than 1/256 makes."""
    format = dataclasses.replace(MX_FORMATS[name], rounding="stochastic")
    rng = np.random.default_rng(5)
    x = rng.uniform(0.5, 4, (2048, 256)).astype(np.float32)
    x[:, ::16] = 6  # the largest of every block: scales are 1
    amax = np.float32(2688) if format.has_tensor_scale else None
    if name == "mxfp8_e4m3":
        x *= np.float32(64)
    got = fast.quantize(x, format, random=Words(key=stream_key(3)), amax=amax)
    step, kept = steps(x, format)
    error = (dequantize(got).astype(np.float64) - x) / step
    bias = (kept - x) / step
    assert -1 / 256 < bias.min() and bias.max() == 0 and bias.mean() < -1 / 1024
    part = error - bias
    assert abs(part.mean()) <= 4 * part.std() / np.sqrt(part.size)


def steps(x: np.ndarray, format: MxFormat) -> tuple[np.ndarray, np.ndarray]:
    """The distance of the neighbours of numbers, and what is left of these in 256ths of it."""
    element = format.element
    numbers = np.unique(np.abs(element.decode(np.arange(1 << element.bits)))) * 2.0**-element.places
    step = np.diff(numbers, append=2 * numbers[-1])[np.searchsorted(numbers, x, "right") - 1]
    return step, np.floor(x / step * 256) * step / 256
