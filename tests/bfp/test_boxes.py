"""Boxes of tensors: FlexBlock's groups as its authors' simulator cuts them."""

import itertools

import numpy as np
import pytest

from sw.bfp.array import ArrayParameters, gemm
from sw.bfp.dot import DotParameters
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BOX_FORMATS, BfpFormat, fast
from sw.formats.cut import cut, join
from sw.formats.quantize import dequantize, quantize, zero_set_counts, zero_setting_error
from tests import stimuli
from tests.bfp import reference

BOX = BOX_FORMATS["fb12_box"]
SMALL = BfpFormat(name="small", mantissa_bits=3, block=(2, 3, 2), rounding="nearest_away")


def boxes(shape: tuple[int, ...], block: tuple[int, ...]):
    """Index and slices of every box of a tensor, those at the ends smaller."""
    lead = len(shape) - len(block)
    sides = (1,) * lead + block
    counts = [range(-(-n // side)) for n, side in zip(shape, sides, strict=True)]
    for index in itertools.product(*counts):
        where = zip(index, sides, shape, strict=True)
        yield index, tuple(slice(i * s, min((i + 1) * s, n)) for i, s, n in where)


@pytest.mark.parametrize(
    "format, shape",
    [
        (BOX, (2, 53, 7, 7)),  # 53 channels in 3 groups, a 7 x 7 kernel in 3 x 3 windows
        (BOX, (3, 50, 1, 1)),
        (BOX_FORMATS["fb24_box"], (2, 2, 7, 3, 4)),
        (BfpFormat(block=(1, 24), rounding="truncate"), (3, 50)),
        (SMALL, (3, 2, 4, 5)),
    ],
)
def test_reference(format, shape):
    x = stimuli.blocks(-(-np.prod(shape) // 8), 8, 3).ravel()[: np.prod(shape)].reshape(shape)
    blocks = quantize(x, format)
    zeros = wrong = 0
    for index, where in boxes(shape, format.block):
        values = [float(v) for v in x[where].flat]
        q, code, flags = reference.quantize_block(values, format, [0] * len(values))
        wrong += blocks.mantissa[where].ravel().tolist() != q
        wrong += int(blocks.exponent[index]) != code
        zeros += sum(flags)
    assert wrong == 0
    assert 0 < zeros < x.size
    assert zero_set_counts(x, format) == (zeros, x.size)
    assert zero_setting_error(x, format) == zeros / x.size
    assert blocks.axis is None


def test_values():
    x = np.zeros((1, 25, 3, 3), np.float32)
    x[0, :24] = 0.0625  # 4 places below the largest of their group, as one of all 216 is
    x[0, 3, 1, 2] = 1.9
    x[0, 24] = 0.0625  # a group of its own
    assert zero_set_counts(x, BOX) == (215, 225)
    values = dequantize(quantize(x, BOX))
    assert values[0, 3, 1, 2] == 1.875
    assert values.sum() == 1.875 + 9 * 0.0625


def test_a_row_of_a_matrix_is_a_flat_block():
    x = stimuli.blocks(10, 50, 4)
    row = BfpFormat(mantissa_bits=4, sign_inside=False, rounding="truncate", block=(1, 24))
    flat = BLOCK_FORMATS["fb12_linear"]
    by_row, along = quantize(x, row), quantize(x, flat)
    assert np.array_equal(by_row.mantissa, along.mantissa)
    assert np.array_equal(by_row.exponent, along.exponent)


@pytest.mark.parametrize("block", [(1, 5), (4, 3), (4, 4), (7,)])
def test_compiled(block):
    x = stimuli.blocks(9, 16, 5)
    format = BfpFormat(mantissa_bits=4, block=block)
    plain, compiled = quantize(x, format), fast.quantize(x, format)
    assert np.array_equal(plain.mantissa, compiled.mantissa)
    assert np.array_equal(plain.exponent, compiled.exponent)
    assert fast.zero_set(x, format) == zero_set_counts(x, format)[0]


def test_cut_and_join():
    x = np.arange(5 * 4 * 7).reshape(5, 4, 7)
    for axes, block in [((0, 1, 2), (2, 3, 4)), ((1, 2), (3, 3)), ((0,), (3,)), ((2,), (8,))]:
        assert np.array_equal(join(cut(x, axes, block), axes, block, x.shape), x)


def test_no_product_of_boxes():
    no = "block must be a length .* where matrices are multiplied, not the box 1x24x3x3 of fb12_box"
    for make in (DotParameters, ArrayParameters):
        with pytest.raises(UserError, match=no):
            make(format=BOX)
    row = quantize(np.ones((2, 24), np.float32), BfpFormat(block=(1, 24)))
    with pytest.raises(UserError, match="not the box 1x24 of custom"):
        gemm(row, row)
    with pytest.raises(UserError, match="not the box 1x24 of custom"):
        _ = row.transposed
    with pytest.raises(UserError, match="x must have at least 4 axes for fb12_box, not 2"):
        zero_setting_error(np.ones((2, 24), np.float32), BOX)
    with pytest.raises(UserError, match="x must have at least 4 axes for fb12_box, not 2"):
        fast.zero_set(np.ones((2, 24), np.float32), BOX)
