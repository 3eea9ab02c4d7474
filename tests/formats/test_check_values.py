"""Published check values of MX and NVFP4, as literals, of model, compiled loops and reference.

torchao: pytorch/ao 36027d82, `prototype/mx_formats` and its tests. TransformerEngine: d0067d06,
`custom_recipes/reference_nvfp4.py` and `ptx.cuh`. The lines of ``X`` were computed by a separate
reading of these in NumPy.
"""

import dataclasses

import numpy as np
import pytest

from sw.formats import MX_FORMATS, MxFormat, fast
from sw.formats.blocks import Blocks, decode
from sw.formats.quantize import dequantize, quantize
from sw.formats.tensor_scale import encode_factor, tensor_scale
from tests.formats import mx_arrays, mx_reference
from tests.formats.made import mx

FLT_MAX = float.fromhex("0x1.fffffep127")
E4M3 = {rule: mx("e4m3", rule) for rule in ("floor", "ceil", "rceil")}
NVFP4 = MX_FORMATS["nvfp4"]

X = np.array(
    [0, 0.1, -0.25, 0.3, 0.5, -0.75, 1, 1.25, -1.75, 2.5, 3.4, -3.5, 5, 6.9, -7, 0.01]
    + [0.02 * i for i in range(16)],
    np.float32,
)


def codes(x: np.ndarray, format: MxFormat, amax: float | None = None) -> tuple[list[int], int]:
    """The codes of a block and its scale, on which the quantizers and references agree."""
    plain, compiled = quantize(x, format, amax=amax), fast.quantize(x[None], format, amax=amax)
    found = plain.code.tolist(), int(plain.exponent[0])
    assert (compiled.code[0].tolist(), compiled.exponent[0, 0]) == found
    if format.has_tensor_scale:
        amax = float(plain.amax)
        expected = mx_reference.quantize_nvfp4(x.tolist(), format, [0] * x.size, amax)
        code, scale = mx_arrays.quantize_nvfp4(x[None], format, amax)
    else:
        expected = mx_reference.quantize_mx(x.tolist(), format, [0] * x.size)
        code, scale = mx_arrays.quantize_mx(x[None], format)
    assert (code[0].tolist(), scale[0]) == expected == found
    return found


def block(value: float) -> np.ndarray:
    return np.full(32, value, np.float32)


# torchao, test_mx_tensor.py: blocks of E4M3 whose elements are equal; scale and code.
@pytest.mark.parametrize(
    "value, rule, scale, code",
    [
        (448, "floor", 127, 0x7E),
        (448, "rceil", 127, 0x7E),
        (480, "floor", 127, 0x7E),
        (480, "rceil", 128, 0x77),
        (FLT_MAX, "floor", 246, 0x7E),
        (FLT_MAX, "rceil", 247, 0x78),
        (2.0**-126, "floor", 0, 0x40),
        (float.fromhex("0x1.c00002p1"), "floor", 120, 0x7E),  # 3.5 and a place more
        (float.fromhex("0x1.c00002p1"), "rceil", 121, 0x76),
    ],
)
def test_equal_elements(value, rule, scale, code):
    assert codes(block(value), E4M3[rule]) == ([code] * 32, scale)


# torchao: the scales alone of a block of 150.
@pytest.mark.parametrize("rule, scale", [("rceil", 126), ("ceil", 127)])
def test_scale_alone(rule, scale):
    assert codes(block(150), E4M3[rule])[1] == scale


@pytest.mark.parametrize("rule", ["floor", "rceil"])
def test_a_negative_subnormal(rule):
    """torchao: it is -0 in E4M3, flushed or not."""
    x = block(1)
    x[0] = -(2.0**-149)
    assert codes(x, E4M3[rule]) == ([0x80] + [0x78] * 31, 119)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rule", ["floor", "rceil"])
def test_one_strange_value(rule, strange):
    """torchao: the block is NaN."""
    x = block(1)
    x[5] = strange
    assert codes(x, E4M3[rule]) == ([0x7F] * 32, 255)


def test_zeros():
    """torchao: the lowest scale; the signs of zeros are kept."""
    x = block(0)
    x[3] = -0.0
    assert codes(x, E4M3["floor"]) == ([0, 0, 0, 0x80] + [0] * 28, 0)


# The lines of X: format, rules, scale and the first 16 codes in hexadecimal.
LINES = [
    ("e4m3", "floor even rceil", 121, "00 4d d8 5a 60 e4 68 6a ee 72 76 f6 7a 7e fe 32"),
    ("e4m3", "ceil", 122, "00 45 d0 52 58 dc 60 62 e6 6a 6e ee 72 76 f6 2a"),
    ("e5m2", "rceil", 114, "00 62 e8 69 6c ee 70 71 f3 75 77 f7 79 7b fb 55"),
    ("e2m3", "rceil", 127, "00 01 22 02 04 26 08 0a 2e 12 16 36 1a 1e 3e 00"),
    ("e3m2", "rceil", 125, "00 06 2c 0d 10 32 14 15 37 19 1b 3b 1d 1f 3f 01"),
    ("e2m1", "floor", 127, "0 0 8 1 1 a 2 2 c 4 5 e 6 7 f 0"),
    ("e2m1", "ceil even rceil", 128, "0 0 8 0 0 9 1 1 a 2 3 c 4 5 e 0"),
]


@pytest.mark.parametrize("element, rules, scale, line", LINES)
def test_line(element, rules, scale, line):
    for rule in rules.split():
        found, code = codes(X, mx(element, rule))
        assert (found[:16], code) == ([int(c, 16) for c in line.split()], scale)


def test_nvfp4_line():
    """Of X in a tensor of 8: S_enc 336, scale 7C, enc 0.87499994."""
    found, code = codes(X[:16], NVFP4, 8.0)
    assert found == [int(c, 16) for c in "0 0 8 1 1 9 2 2 b 4 5 d 6 7 f 0".split()]
    assert code == 0x7C
    scale = tensor_scale(NVFP4, np.float32(8))
    assert scale == 336
    assert encode_factor(NVFP4, np.array([0x7C]), scale)[0] == np.float32(0.87499994)


def test_nvfp4_steps():
    """-4, -3.5 .. 3.5 in a tensor of 4: scale 7E, enc 1.5."""
    found, code = codes(np.arange(-8, 8, dtype=np.float32) / 2, NVFP4, 4.0)
    assert found == [int(c, 16) for c in "f f e e d c b a 0 2 3 4 5 6 6 7".split()]
    assert code == 0x7E
    factor = encode_factor(NVFP4, np.array([0x7E]), tensor_scale(NVFP4, np.float32(4)))
    assert factor[0] == np.float32(1.5)


def test_e2m1_numbers():
    """OCP MX 1.0: the codes 0 .. 7 and 8 .. 15."""
    numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    format = MX_FORMATS["mxfp4"]
    assert (decode(np.arange(16), format) / 2.0).tolist() == numbers + [-v for v in numbers]


def test_e2m1_ties():
    """.25 -> 0, .75 -> 2, 1.25 -> 2, 1.75 -> 4, 2.5 -> 4, 3.5 -> 6, 5 -> 6, -0 -> 8 (codes)."""
    x = np.array([6, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, -0.0], np.float32)
    assert codes(x, MX_FORMATS["mxfp4"]) == ([7, 0, 2, 2, 4, 4, 6, 6, 8], 127)
    away = dataclasses.replace(MX_FORMATS["mxfp4"], rounding="nearest_away")
    # microxcaling 7bc41952: its "nearest" is half away from zero.
    assert codes(x, away) == ([7, 1, 2, 3, 4, 5, 6, 7, 8], 127)


# OCP MX 1.0: largest number and its code, emax, least number, code of NaN.
ELEMENTS = [
    ("e2m1", 6, 0x7, 2, 0.5, 0),
    ("e2m3", 7.5, 0x1F, 2, 0.125, 0),
    ("e3m2", 28, 0x1F, 4, 0.0625, 0),
    ("e4m3", 448, 0x7E, 8, 2.0**-9, 0x7F),
    ("e5m2", 57344, 0x7B, 15, 2.0**-16, 0x7F),
    ("int8", 127 / 64, 0x7F, 0, 1 / 64, 0),
]


@pytest.mark.parametrize("name, largest, code, emax, least, nan", ELEMENTS)
def test_elements(name, largest, code, emax, least, nan):
    format = mx(name)
    element = format.element
    unit = 2.0**-element.places
    assert (element.largest * unit, element.emax, element.nan_code) == (largest, emax, nan)
    assert unit == least
    assert decode(np.array([code, 1]), format).tolist() == [element.largest, 1]
    x = np.array([largest, -largest], np.float32)
    blocks = quantize(x, format)
    negative = 0x81 if name == "int8" else code | 1 << element.bits - 1
    assert blocks.code.tolist() == [code, negative]
    assert dequantize(blocks).tolist() == [largest, -largest]


def test_dequantize():
    """Every code under some scales, with infinities and NaN, beside the reference."""
    for name in MX_FORMATS:
        format = dataclasses.replace(MX_FORMATS[name], block=(4,))
        count = 1 << format.element_bits
        for scale in (0, 1, 60, 118, 126, 127, 200, 254, 255):
            scale = min(scale, format.nan_code)
            blocks = Blocks(
                code=np.arange(count, dtype=np.uint32),
                exponent=np.full(count // 4, scale, np.int32),
                format=format,
                axis=0,
                amax=np.float32(3 if format.has_tensor_scale else 0),
            )
            expected = [mx_reference.dequantize(c, scale, format, 3.0) for c in range(count)]
            got, expected = dequantize(blocks), np.array(expected, np.float32)
            assert np.array_equal(got, expected, equal_nan=True)
            assert ((np.signbit(got) == np.signbit(expected)) | np.isnan(got)).all()


FOUR_OVER_SIX = NVFP4.changed({"scale": {"four_over_six": True}})


@pytest.mark.parametrize(
    "x, code, scale",
    [
        # base 8 / 6: 1.375 makes 8 to 8.25; 1.5 * base is 2, which has all without an error.
        ([8, -6, 4, 1, 0], [6, 0xD, 4, 1, 0], 0x40),
        # base 1: 1 and 1.5 have 6 without an error, the former is kept.
        ([6, -6, 0, -0.0], [7, 0xF, 0, 8], 0x38),
        # base 1: 1 has 5 as 4, 1.5 has it as 4.5; 6 has no error.
        ([6, 5], [6, 5], 0x3C),
        # base 1: 1 has 3 and 4 as they are, 1.5 as 3 and 4.5 or 3.
        ([6, 3, 4, 4], [7, 5, 6, 6], 0x38),
    ],
)
def test_four_over_six(x, code, scale):
    """By hand, in a tensor of 1536, whose S_enc is 1 (arXiv 2512.02010; TransformerEngine)."""
    assert tensor_scale(FOUR_OVER_SIX, np.float32(1536)) == 1
    zeros = [0] * (16 - len(x))
    found = codes(np.array(x + zeros, np.float32), FOUR_OVER_SIX, 1536.0)
    assert found == (code + zeros, scale)
