"""The conversion to blocks in NumPy against a reference in exact fractions."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, binary32
from sw.formats.blocks import decode
from sw.formats.converter import ConverterParameters, convert
from sw.formats.quantize import quantize
from tests import stimuli, words_reference
from tests.bfp import reference


@pytest.mark.parametrize("lanes", [1, 4, 54])
@pytest.mark.parametrize("source", FLOAT_FORMATS)
@pytest.mark.parametrize("rounding", ["truncate", "stochastic"])
def test_convert(rounding, source, lanes):
    format = dataclasses.replace(BLOCK_FORMATS["fb16"], rounding=rounding)
    p = ConverterParameters(format=format, source=source, lanes=lanes, seed=5)
    kind = FLOAT_FORMATS[source]
    if source == "binary32":
        x = stimuli.blocks(30, 108, 8)
    else:
        patterns = np.random.default_rng(1).integers(0, 1 << 16, (30, 108))
        patterns[:25] &= ~(1 << (kind.fraction_bits + 1))  # no infinity, no NaN
        x = binary32.from_bits(patterns, kind)
    code, exponent, zero_set = convert(p, x)
    mantissa = decode(code, format)
    random = iter(words_reference.words(words_reference.key(5), x.size, 8))
    least = 2.0 ** (1 - kind.bias)
    for row, *got in zip(x.tolist(), mantissa, exponent, zero_set, strict=True):
        words = list(itertools.islice(random, 108))
        row = [math.copysign(0.0, v) if abs(v) < least else v for v in row]
        assert [g.tolist() for g in got] == list(reference.quantize_block(row, format, words))


def test_convert_streams_square_blocks_row_by_row():
    p = ConverterParameters.make(preset="hbfp6_8x8", lanes=4)
    x = stimuli.blocks(3, 64, 9)
    words = np.reshape(words_reference.words(words_reference.key(1), 192, 8), (24, 8))
    blocks = quantize(x.reshape(24, 8), p.format, random=words)
    code, exponent, _ = convert(p, x)
    assert np.array_equal(blocks.code.reshape(3, 64), code)
    assert np.array_equal(blocks.exponent[:, 0], exponent)
