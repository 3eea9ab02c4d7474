"""What the models say of operands that they cannot take."""

import numpy as np
import pytest

from sw.bfp.array import ArrayParameters, gemm, matmul
from sw.bfp.dot import DotParameters, dot
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS
from sw.formats.blocks import Blocks, decode, encode
from sw.formats.converter import ConverterParameters, convert
from sw.formats.quantize import quantize, zero_setting_error


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda f: quantize(np.full(4, 0.1), f), "x must be an array of float32, not float64"),
        (lambda f: quantize(np.zeros((), np.float32), f), "x must have at least 1 axes for hbfp4"),
        (
            lambda f: quantize(np.zeros(4, np.float32), f, axis=1),
            "axis must be an integer from -1 to 0, not 1",
        ),
        (lambda f: quantize(np.zeros(4, np.float32), f), "random must be given: hbfp4 rounds"),
        (
            lambda f: quantize(np.zeros(4, np.float32), f, random=np.zeros(3, int)),
            r"random must have the shape \(4,\), not \(3,\)",
        ),
        (
            lambda f: quantize(np.zeros(4, np.float32), f, random=np.full(4, 256)),
            "random must be from 0 to 255, not 256 at index 0",
        ),
        (
            lambda f: zero_setting_error(np.zeros(4, int), f),
            "x must be an array of float32, not int64",
        ),
        (
            lambda f: encode(np.array([8]), f),
            "mantissa in hbfp4 must be from -7 to 7, not 8 at index 0",
        ),
        (
            lambda f: encode(np.array([1.0]), f),
            "mantissa in hbfp4 must be an array of integer, not float64",
        ),
        (
            lambda f: decode(np.array([16]), f),
            "code in hbfp4 must be from 0 to 15, not 16 at index 0",
        ),
        (
            lambda f: decode(np.array([1.0]), f),
            "code in hbfp4 must be an array of integer, not float64",
        ),
        (
            lambda f: Blocks.of(
                np.zeros((2, 65), np.int32),
                np.zeros((2, 1), np.int32),
                format=f,
                axis=1,
            ),
            r"exponent must have shape \(2, 2\) for a code of shape \(2, 65\) in hbfp4",
        ),
    ],
)
def test_errors_of_quantization(call, message):
    with pytest.raises(UserError, match=message):
        call(BLOCK_FORMATS["hbfp4"])


def ones(shape: tuple[int, ...], name: str = "mxint8", axis: int = 1) -> Blocks:
    return quantize(np.ones(shape, np.float32), BLOCK_FORMATS[name], axis=axis)


MXINT8 = DotParameters.make(preset="mxint8")
FLOATS = MXINT8.replace(lanes=32, operands="binary32")


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: gemm(ones((2, 3)), ones((2, 3), axis=0)),
            r"a and b must be \(m, k\) and \(k, n\), not \(2, 3\) and \(2, 3\)",
        ),
        (
            lambda: gemm(ones((2, 2)), ones((2, 2))),
            "a must be blocked along axis 1 and b along axis 0, not 1 and 1",
        ),
        (
            lambda: gemm(ones((2, 2)), ones((2, 2), "fb12", 0)),
            "blocks of a and b must divide one another, not 32 of mxint8 and 216 of fb12",
        ),
        (
            lambda: gemm(ones((2, 2)), ones((2, 2), axis=0), accumulators=3),
            "accumulators must be a power of two, not 3",
        ),
        (
            lambda: matmul(ArrayParameters(), ones((2, 2)), ones((2, 2), axis=0)),
            "a must be in hbfp8, not in mxint8",
        ),
        (
            lambda: matmul(
                ArrayParameters.make(preset="mxint8"), ones((2, 2)), ones((2, 2), "msfp16", 0)
            ),
            "b must be in mxint8, not in msfp16",
        ),
        (
            lambda: dot(MXINT8, ones((2, 2)), ones((2, 3))),
            r"a and b must have one shape and be blocked along their last axis, not \(2, 2\) along",
        ),
        (
            lambda: dot(MXINT8, ones((2, 2)), ones((2, 2), "msfp16")),
            "a and b must be in mxint8, not mxint8 and msfp16",
        ),
        (
            lambda: dot(MXINT8, np.ones(32), np.ones(32)),
            "a and b must be Blocks where operands are blocks",
        ),
        (
            lambda: dot(FLOATS, np.ones((1, 32), np.float32), np.ones((2, 32), np.float32)),
            r"a and b must have one shape, not \(1, 32\) and \(2, 32\)",
        ),
        (
            lambda: dot(FLOATS, ones((1, 32)), ones((1, 32))),
            "a and b must be float32 arrays where operands are binary32",
        ),
        (
            lambda: convert(ConverterParameters(), np.ones((2, 63), np.float32)),
            r"x must have the shape \(blocks, 64\), not \(2, 63\)",
        ),
        (
            lambda: convert(ConverterParameters(), np.ones((2, 64), float)),
            "x must be an array of float32, not float64",
        ),
        (
            lambda: convert(
                ConverterParameters(source="binary16"), np.full((1, 64), 65536, np.float32)
            ),
            "x must hold values of binary16, not 65536.0",
        ),
    ],
)
def test_errors_of_products(call, message):
    with pytest.raises(UserError, match=f"^{message}"):
        call()
