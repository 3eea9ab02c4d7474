"""Scales by deviation: examples by hand, and the compiled loops against the plain model."""

import numpy as np
import pytest

from sw.formats import MX_FORMATS, MxFormat
from sw.formats import fast_quest as fast
from sw.formats import quest as plain
from sw.formats.quantize import dequantize

from . import mx_stimuli

E2M1 = MX_FORMATS["mxfp4"]
HALF = [1.0, -1.0] * 16
"""Of deviation 1: 0.48708 is below 1/2, so that the scale is 1/4."""

EXAMPLES = [
    # Thresholds of magnitudes in units of the scale, ties toward zero; clipped from 6 on.
    (HALF, 125, [6, 14], [True, True]),
    ([2.0, -2.0] * 16, 126, [6, 14], [True, True]),
    # Deviation 2.0531 > 2 / 0.97416: the scale doubles between 2.053 and 2.0535.
    ([2.053, -2.053] * 16, 126, [6, 14], [True, True]),
    ([2.0535, -2.0535] * 16, 127, [4, 12], [True, True]),
    # A constant has no deviation, and 1e-8 lies between 2^-27 and 2^-26.
    ([3.0] * 32, 100, [7, 7], [False, False]),
    ([0.0] * 32, 100, [0, 0], [True, True]),
]


@pytest.mark.parametrize("module", [plain, fast])
def test_examples(module):
    for values, scale, codes, kept in EXAMPLES:
        blocks, mask = module.quantize_by_deviation(np.array([values], np.float32), E2M1)
        assert blocks.exponent.tolist() == [[scale]], values
        assert blocks.code[0, :2].tolist() == codes
        assert mask[0, :2].tolist() == kept


@pytest.mark.parametrize("module", [plain, fast])
def test_ties_go_toward_zero(module):
    """Thresholds times the scale of 1/4, in a block whose deviation is 0.675."""
    ties = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, 6.0], np.float32) / 4
    x = np.array([[*ties, *-ties, *[0.5, -0.5] * 8]], np.float32)
    blocks, mask = module.quantize_by_deviation(x, E2M1)
    assert blocks.exponent.tolist() == [[125]]
    assert blocks.code[0, :8].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert blocks.code[0, 8:16].tolist() == [8, 9, 10, 11, 12, 13, 14, 15]
    assert mask[0, :16].tolist() == ([True] * 7 + [False]) * 2
    assert dequantize(blocks)[0, :8].tolist() == [0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5]


@pytest.mark.parametrize("element", ["e2m1", "e4m3", "e5m2"])
def test_the_compiled_loops(element):
    """Of all kinds of blocks: far apart, subnormal, infinite sums, NaN, smaller last blocks."""
    format = MxFormat(element=element)
    x = mx_stimuli.blocks(3000, 45, format, 5).astype(np.float32)
    x[:7] = np.float32(3e38)
    x[7:9] = np.float32(1e-38)
    one, other = (module.quantize_by_deviation(x, format) for module in (plain, fast))
    assert np.array_equal(one[0].exponent, other[0].exponent)
    assert np.array_equal(one[0].code, other[0].code)
    assert np.array_equal(one[1], other[1])
    assert len(np.unique(one[0].exponent)) > 50
