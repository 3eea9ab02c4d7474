"""The transposer on square blocks of small floats, whose codes it passes."""

import numpy as np
import pytest

from sim.bench import Stalls
from sim.bfp.transposer import regress, transpose
from sim.compare import assert_equal
from sw.bfp.transposer import TransposerParameters, tiles
from sw.formats import MX_FORMATS, read_format
from sw.formats.quantize import quantize


@pytest.mark.parametrize("format", ["nvfp4_16x16", "mxfp8_e4m3:block=8x8"])
def test_square_blocks_of_small_floats(format):
    p = TransposerParameters(format=read_format(format))
    assert regress(p, blocks=300, seed=1).message == ""
    assert regress(p, blocks=60, seed=2, stalls=Stalls(idle=0.3, back_pressure=0.5)).message == ""


def test_a_tensor_quantized_once_has_the_codes_of_its_transpose():
    # NVFP4 of weights: tiles of 16 x 16, so that both passes multiply the same numbers.
    p = TransposerParameters(format=MX_FORMATS["nvfp4_16x16"])
    x = np.random.default_rng(3).standard_normal((40, 24)).astype(np.float32)
    blocks = quantize(x, p.format)
    code, exponent = tiles(blocks, by_columns=True)
    given, scales = transpose(p, code, exponent, np.ones(len(exponent), np.bool_))
    turned = quantize(np.ascontiguousarray(x.T), p.format)
    assert turned.amax == blocks.amax
    wanted, same = tiles(turned)
    assert_equal(given, wanted)
    assert_equal(scales, same)
