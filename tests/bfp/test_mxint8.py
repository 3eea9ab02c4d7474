"""MXINT8 as OCP publishes it (MX 1.0, 5.3.2), and ties away from zero as microxcaling has them."""

import dataclasses

import numpy as np
import pytest

from sim.bfp.dot import simulate
from sw.bfp import fast
from sw.bfp.array import gemm
from sw.bfp.dot import DotParameters, dot
from sw.errors import UserError
from sw.formats import BFLOAT16, BINARY16, BLOCK_FORMATS, BfpFormat, BlockFormat, binary32
from sw.formats import fast as formats_fast
from sw.formats.blocks import Blocks, decode, encode
from sw.formats.converter import ConverterParameters, convert
from sw.formats.quantize import dequantize, quantize

MXINT8 = BLOCK_FORMATS["mxint8"]


def blocks(q: list[int], format: BlockFormat = MXINT8) -> Blocks:
    mantissa = np.resize(q, (1, 32))
    return Blocks.of(mantissa, np.full((1, 1), 127), format=format, axis=1)


def test_wire():
    assert decode([0xFF, 0x80, 0x81, 0x7F, 0x01, 0x00], MXINT8).tolist() == [
        -1,
        -128,
        -127,
        127,
        1,
        0,
    ]
    assert encode([-1, -128, -127, 127], MXINT8).tolist() == [0xFF, 0x80, 0x81, 0x7F]
    values = dequantize(blocks([-1, -128, 127, 64]))[0, :4]
    assert values.tolist() == [-1 / 64, -2.0, 127 / 64, 1.0]


def test_quantizers_do_not_make_the_most_negative():
    x = np.resize(np.array([-1.999, 1.999, -1.0, 0.5], np.float32), (1, 32))
    q = [-127, 127, -64, 32]
    assert quantize(x, MXINT8).mantissa[0, :4].tolist() == q
    assert formats_fast.quantize(x, MXINT8).mantissa[0, :4].tolist() == q
    code, *_ = convert(ConverterParameters.make(preset="mxint8"), x)
    assert decode(code, MXINT8)[0, :4].tolist() == q
    wider = dataclasses.replace(MXINT8, symmetric=False)
    assert quantize(x, wider).mantissa[0, :4].tolist() == [-128, 127, -64, 32]


@pytest.mark.parametrize("multiplier", ["logic", "dsp"])
def test_products_of_the_most_negative(multiplier):
    p = DotParameters.make(preset="mxint8", multiplier=multiplier)
    a = blocks([-128])
    b = blocks([-128, 127])
    assert dot(p, a, a) == 4 * 32
    assert dot(p, a, b) == 0.5  # 16 * 128 * (128 - 127) / 64**2
    assert gemm(a, a.transposed) == fast.gemm(a, a.transposed) == 4 * 32
    rows = [
        Blocks.of(
            np.concatenate((x.mantissa, y.mantissa)),
            np.full((2, 1), 127),
            format=MXINT8,
            axis=1,
        )
        for x, y in ((a, b), (a, a))
    ]
    assert simulate(p, *rows)[0].ravel().tolist() == [128.0, 0.5]


def test_packed_products_of_the_most_negative():
    """Two products of 5 bits in an 18 x 18 multiplier."""
    form = BfpFormat(name="int5", mantissa_bits=5, block=(32,), twos_complement=True)
    p = DotParameters(format=form, lanes=8, multiplier="dsp")
    a, b = blocks([-16, -16, -16, 15], form), blocks([-16, -16, 15, -16], form)
    exact = (256 + 256 - 240 - 240) * 8 / 8**2
    assert dot(p, a, b) == exact
    assert simulate(p, a, b)[0] == exact


def test_one_format_one_wire():
    assert dataclasses.replace(MXINT8, name="mine") == MXINT8
    signed = dataclasses.replace(MXINT8, twos_complement=False)
    assert signed != MXINT8
    assert decode([0xFF, 0x80], signed).tolist() == [-127, 0]
    assert signed.most_negative == -127
    with pytest.raises(UserError, match="symmetric must be true where twos_complement is false"):
        dataclasses.replace(signed, symmetric=False)


@pytest.mark.parametrize(
    ("rounding", "expected"),
    [
        ("nearest_away", [64, 1, -1, 2, -2, 3, -3, 0]),
        ("nearest_even", [64, 0, 0, 2, -2, 2, -2, 0]),
        ("truncate", [64, 0, 0, 1, -1, 2, -2, 0]),
    ],
)
def test_ties(rounding, expected):
    x = np.array([64, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49999997], np.float32) / np.float32(64)
    x = np.resize(x, (1, 32))
    format = dataclasses.replace(MXINT8, rounding=rounding)
    assert quantize(x, format).mantissa[0, :8].tolist() == expected
    assert formats_fast.quantize(x, format).mantissa[0, :8].tolist() == expected
    code, *_ = convert(ConverterParameters(format=format), x)
    assert decode(code, format)[0, :8].tolist() == expected


def test_zeros_of_blocks_have_no_sign():
    x = np.resize(np.array([-0.0, -1e-6, 1.0], np.float32), (1, 216))
    for name in ("fb12", "msfp16", "mxint8"):
        format = BLOCK_FORMATS[name]
        q = quantize(x, format)
        assert encode(q.mantissa, format)[0, :2].tolist() == [0, 0]
        assert not np.signbit(dequantize(q)[0, :2]).any()


def test_zeros_of_floats_keep_theirs():
    zero, one = np.array([-0.0, 1.0], np.float32)
    for format in (BFLOAT16, BINARY16):
        for found in (
            binary32.add(zero, zero, format),
            binary32.multiply(zero, one, format),
            binary32.rounded(zero, format),
            binary32.rounded(np.float32(-1e-40), format),
            binary32.from_bits(0x8000, format),
        ):
            assert found == 0 and np.signbit(found)
        assert binary32.to_bits(zero, format) == 0x8000
    assert np.signbit(binary32.from_integer(-1, -200))
    assert not np.signbit(binary32.add(one, -one))
