"""Shapes and axes of quantized arrays, and the codes of their elements on a wire."""

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BfpFormat
from sw.formats.blocks import decode, encode
from sw.formats.quantize import dequantize, quantize
from tests import stimuli


@pytest.mark.parametrize("shape", [(1,), (7,), (0,), (3, 0), (0, 3), (2, 3, 5), (2, 1, 9, 20)])
@pytest.mark.parametrize("name", ["mxint8", "hbfp8_8x8"])
def test_shapes(name, shape):
    format = BLOCK_FORMATS[name]
    x = np.ones(shape, np.float32)
    words = np.zeros(shape, np.uint8)
    if len(shape) < len(format.block):
        with pytest.raises(UserError, match="x must have at least 2 axes for hbfp8_8x8, not 1"):
            quantize(x, format, random=words)
        return
    blocks = quantize(x, format, random=words)
    assert blocks.shape == dequantize(blocks).shape == shape
    expected = list(shape)
    for axis in range(-len(format.block), 0):
        expected[axis] = -(-shape[axis] // format.reduction)
    assert list(blocks.exponent.shape) == expected


def test_axis_of_higher_ranks():
    x = stimuli.blocks(6 * 5, 40, 2).reshape(6, 5, 40)
    format = BLOCK_FORMATS["mxint8"]
    last = quantize(x, format)
    for axis in (0, 1, -3, -2):
        moved = quantize(np.moveaxis(x, -1, axis), format, axis=axis)
        assert np.array_equal(np.moveaxis(moved.mantissa, axis, -1), last.mantissa)
        assert np.array_equal(np.moveaxis(moved.exponent, axis, -1), last.exponent)
        assert moved.axis == axis % 3


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_wire_codes(bits, symmetric):
    format = BfpFormat(mantissa_bits=bits, symmetric=symmetric)
    q = np.arange(format.most_negative, format.largest + 1)
    codes = encode(q, format)
    assert codes.dtype == np.uint32
    half = 2 ** (bits - 1)
    expected = [half - v if symmetric and v < 0 else v % 2**bits for v in q.tolist()]
    assert codes.tolist() == expected
    assert decode(codes, format).tolist() == q.tolist()
    assert decode(np.array([half]), format).tolist() == [0 if symmetric else -half]
