"""What `Blocks` and the models take: any integers that the format has codes for, nothing else."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from sw.bfp import fast
from sw.bfp.array import ArrayParameters, gemm, matmul
from sw.bfp.dot import DotParameters, dot
from sw.bfp.transposer import TransposerParameters, assemble, transpose
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS
from sw.formats import fast as formats_fast
from sw.formats.blocks import Blocks, encode
from sw.formats.quantize import dequantize, quantize
from tests import stimuli

HBFP8 = BLOCK_FORMATS["hbfp8"]
DOUBLES: Any = np.ones((2, 2))


def narrow(blocks: Blocks) -> Blocks:
    """The same numbers in the narrowest types."""
    small: Any = encode(blocks.mantissa.astype(np.int8), blocks.format).astype(np.uint8)
    codes: Any = blocks.exponent.astype(np.uint8)
    return dataclasses.replace(blocks, code=small, exponent=codes)


@pytest.mark.parametrize("name", ["mxint8", "msfp16", "fb16_sign_inside"])
def test_narrow_integers(name):
    format = BLOCK_FORMATS[name]
    x, y = stimuli.blocks(12, 3 * format.reduction, 1), stimuli.blocks(9, 3 * format.reduction, 2)
    a, b = quantize(x, format), quantize(y, format)
    expected = gemm(a, b.transposed)
    small = narrow(a), narrow(b).transposed
    for product in (gemm(*small), fast.gemm(*small), fast.gemm(a, small[1])):
        assert np.array_equal(product, expected, equal_nan=True)
    p = ArrayParameters(format=format, lanes=1)
    assert np.array_equal(matmul(p, *small), matmul(p, a, b.transposed), equal_nan=True)
    d = DotParameters(format=format, lanes=1)
    found = dot(d, narrow(a), narrow(a))
    assert np.array_equal(found, dot(d, a, a), equal_nan=True)
    assert np.array_equal(dequantize(narrow(a)), dequantize(a), equal_nan=True)


def make(mantissa: Any, exponent: Any, format: Any = HBFP8, axis: Any = -1) -> Blocks:
    return Blocks.of(mantissa, exponent, format=format, axis=axis)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make([[128]], [[3]]), "mantissa in hbfp8 must be from -127 to 127, not 128"),
        (lambda: make([[-128]], [[3]]), "mantissa in hbfp8 must be from -127 to 127, not -128"),
        (
            lambda: make([[-129]], [[3]], BLOCK_FORMATS["mxint8"]),
            "mantissa in mxint8 must be from -128 to 127, not -129",
        ),
        (lambda: make([[1]], [[1024]]), "exponent in hbfp8 must be from 0 to 1023, not 1024"),
        (lambda: make([[1]], [[-1]]), "exponent in hbfp8 must be from 0 to 1023, not -1"),
        (
            lambda: make([[1.0]], [[1]]),
            "mantissa in hbfp8 must be an array of integer, not float64",
        ),
        (lambda: make([[True]], [[1]]), "mantissa in hbfp8 must be an array of integer, not bool"),
        (lambda: make([[1]], [[1.0]]), "exponent in hbfp8 must be an array of integer, not float"),
        (
            lambda: make([[1]], [1]),
            "exponent must have shape .1, 1. for a code of shape .1, 1.",
        ),
        (lambda: make([[1]], [[1]], axis=2), "axis must be an integer from -2 to 1, not 2"),
        (lambda: make([[1]], [[1]], axis=None), "axis must be an integer from -2 to 1, not None"),
        (lambda: make([[1]], [[1]], axis=0.0), "axis must be an integer from -2 to 1, not 0.0"),
        (lambda: make([[1]], [[1]], "hbfp8"), "format must be of BlockFormat, not 'hbfp8'"),
        (
            lambda: formats_fast.quantize(DOUBLES, HBFP8),
            "x must be an array of float32, not float64",
        ),
        (
            lambda: formats_fast.zero_set(np.ones((), np.float32), HBFP8),
            "x must have at least 1 axes for hbfp8, not 0",
        ),
        (
            lambda: quantize(np.ones(3, np.float32), HBFP8, random=np.full(3, -1)),
            "random must be from 0 to 255, not -1",
        ),
        (
            lambda: transpose(TransposerParameters(), np.full((1, 8, 8), 0.5), [1], [True]),
            "code must be an array of integer, not float64",
        ),
        (
            lambda: transpose(TransposerParameters(), np.full((1, 8, 8), 256), [1], [True]),
            "code in hbfp8_8x8 must be from 0 to 255, not 256",
        ),
        (
            lambda: transpose(TransposerParameters(), np.full((1, 8, 8), 1), [1], [1]),
            "flags must be an array of bool, not int64",
        ),
        (
            lambda: assemble(np.ones((1, 8, 8), int), [5000], BLOCK_FORMATS["hbfp8_8x8"], (8, 8)),
            "exponent in hbfp8_8x8 must be from 0 to 1023, not 5000",
        ),
    ],
)
def test_refused(call, message):
    with pytest.raises(UserError, match=f"^{message}"):
        call()


def test_negative_axes_are_resolved():
    blocks = make(np.ones((3, 70), int), np.ones((3, 2), int))
    assert blocks.axis == 1 and blocks.transposed.axis == 0
    assert blocks.mantissa.dtype == blocks.exponent.dtype == np.int32
