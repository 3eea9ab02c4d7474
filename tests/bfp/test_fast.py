"""The compiled loops give the bits of the plain models."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from sw.bfp import fast
from sw.bfp.array import gemm
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, ROUNDINGS, BfpFormat, BlockFormat, read_format
from sw.formats import fast as formats_fast
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize, zero_set_counts
from sw.words import Words, stream_key
from tests import words_reference

RANDOM = Words(key=stream_key(7, step=3, layer=1), first=5)
WIDE = dataclasses.replace(BLOCK_FORMATS["hbfp8"], name="hbfp24", mantissa_bits=24)


def words_of(format: BlockFormat, shape: tuple[int, int], random: Words) -> np.ndarray:
    """The words of a matrix's elements, block by block, each with what fills up its last one."""
    side = format.reduction
    down = side if len(format.block) == 2 else 1
    rows, columns = -(-shape[0] // down), -(-shape[1] // side)
    count = rows * columns * format.block_elements
    words = words_reference.words(random.key, count, format.random_bits, random.first)
    words = np.reshape(words, (rows, columns, down, side)).swapaxes(1, 2)
    return words.reshape(rows * down, columns * side)[: shape[0], : shape[1]]


def matrices(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Any bit patterns, and numbers of like size with zeros among them."""
    rng = np.random.default_rng(3)
    near = rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 3, shape)
    near = (near * (rng.random(shape) < 0.9)).astype(np.float32)
    powers = (2.0 ** rng.integers(-2, 2, shape)).astype(np.float32)
    low = (near * np.float32(2**-120)).astype(np.float32)
    any_bits = rng.integers(0, 2**32, shape, np.uint32).view(np.float32)
    return [any_bits, near, powers, low]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_quantize(name, rounding):
    format = dataclasses.replace(BLOCK_FORMATS[name], rounding=rounding)
    words = words_of(format, (37, 2 * format.reduction + 5), RANDOM)
    for x in matrices((37, 2 * format.reduction + 5)):
        got = formats_fast.quantize(x, format, random=RANDOM)
        expected = quantize(x, format, axis=1, random=words)
        assert np.array_equal(got.mantissa, expected.mantissa)
        assert np.array_equal(got.exponent, expected.exponent)
        assert got.axis == expected.axis


@pytest.mark.parametrize(
    "pair",
    [
        ("fb12", "fb24"),
        ("hbfp8_8x8", "hbfp8_8x8"),
        ("mxint8",) * 2,
        ("hbfp6", "hbfp12"),
        (WIDE, WIDE),
        # Sums of 56 bits, of which the right one's have 24 or 38; the last ones of 70.
        ("mxfp8_e5m2", "mxfp8_e4m3"),
        ("mxfp8_e4m3", "mxfp8_e5m2"),
        ("mxfp8_e5m2", "mxfp8_e5m2"),
    ],
    ids=str,
)
def test_gemm(pair):
    formats = [read_format(name) for name in pair]
    k = 2 * formats[0].reduction + 5
    for x, y in zip(matrices((19, k)), matrices((11, k)), strict=True):
        for scale in (1, 2.0**60, 2.0**-66):
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                operands = (x * np.float32(scale), y * np.float32(scale))
            a, b = (
                formats_fast.quantize(v, f, random=RANDOM)
                for v, f in zip(operands, formats, strict=True)
            )
            got, expected = fast.gemm(a, b.transposed), gemm(a, b.transposed)
            assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize(
    ("last", "expected"), [(0x00, 565182464.0), (0x01, 565182528.0), (0x81, 565182464.0)]
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sign", [0x00, 0x80])
def test_the_rest_of_a_long_sum_decides_a_tie(last, expected, turned, sign):
    """22 * 57344 * 448 and half a last place, 32, and 2**-16 * 2**-9: 55 bits from end to end."""
    ones = np.full((1, 1), 127)
    left, right = read_format("mxfp8_e5m2"), read_format("mxfp8_e4m3")
    code = np.array([[0x7B] * 22 + [0x00] * 8 + [0x50, 0x01]])
    a = Blocks(code=code ^ sign, exponent=ones, format=left, axis=1)
    code = np.array([[0x7E] * 22 + [0x00] * 8 + [0x38, last]])
    b = Blocks(code=code, exponent=ones, format=right, axis=1)
    a, b = (b, a) if turned else (a, b)
    assert fast.gemm(a, b.transposed).tolist() == [[-expected if sign else expected]]


def test_sums_too_long_for_scales_with_significands():
    a, b = (read_format(f"nvfp4:element={name}") for name in ("e5m2", "e4m3"))
    x = [quantize(np.ones((1, 16), np.float32), each) for each in (a, b)]
    with pytest.raises(UserError, match="sums of products of up to 53 bits"):
        fast.gemm(x[0], x[1].transposed)


def test_rounding_at_the_least_normal_number():
    """Sums around 2**-126, where a subnormal would round to it and a flushed number is zero."""
    format = BfpFormat(mantissa_bits=16, sign_inside=False, exponent_bits=10, block=(1,))
    values = np.concatenate(
        [np.arange(65280, 65536), np.arange(32768, 33024), -np.arange(65280, 65536), [0, 0]]
    )
    a = Blocks.of(
        values[:, None].astype(np.int32),
        np.full((len(values), 1), 511 - 63, np.int32),
        format=format,
        axis=1,
    )
    others = np.arange(65280, 65536)
    b = Blocks.of(
        others[None].astype(np.int32),
        np.full((1, len(others)), 511 - 64, np.int32),
        format=format,
        axis=0,
    )
    got, expected = fast.gemm(a, b), gemm(a, b)
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))
    assert (got == 0).any() and (np.abs(got) == np.float32(2.0**-126)).any()


@pytest.mark.parametrize("bits", [1, 3, 8, 11, 17, 24])
@pytest.mark.parametrize("block", [(5,), (64,), (3, 3)], ids=str)
def test_words_of_any_width(bits, block):
    """Compiled, plain and one at a time, for a matrix whose last blocks are filled up."""
    format = BfpFormat(mantissa_bits=4, block=block, rounding="stochastic", random_bits=bits)
    x = np.random.default_rng(1).standard_normal((11, 67)).astype(np.float32)
    for first in (0, 1, 30):
        random = Words(key=stream_key(bits), first=first)
        got, plain = (
            formats_fast.quantize(x, format, random=random),
            quantize(x, format, random=random),
        )
        expected = quantize(x, format, axis=1, random=words_of(format, x.shape, random))
        assert np.array_equal(got.mantissa, expected.mantissa)
        assert np.array_equal(plain.mantissa, expected.mantissa)


def test_planted_fault(monkeypatch):
    monkeypatch.setitem(formats_fast.ROUNDINGS, "nearest_even", 0)
    with pytest.raises(AssertionError):
        test_quantize("mxint8", "nearest_even")


def test_errors():
    wide: Any = np.zeros((2, 2))
    with pytest.raises(UserError, match="x must be an array of float32, not float64"):
        formats_fast.quantize(wide, BLOCK_FORMATS["fb12"], random=RANDOM)
    with pytest.raises(UserError, match="a matrix has 2 axes, not 1"):
        _ = quantize(np.zeros(4, np.float32), BLOCK_FORMATS["fb12"]).transposed


@pytest.mark.parametrize(
    ("block", "shape"),
    [
        ((6,), (37,)),
        ((6,), (3, 2, 50)),
        ((8, 8), (19, 21)),
        ((1, 24), (5, 53)),
        ((1, 12, 3, 3), (3, 25, 7, 4)),
        ((1, 6, 3, 3), (2, 2, 7, 1, 1)),
        ((2, 3, 2), (5, 4, 7)),
        ((2, 3, 2, 2), (5, 4, 7, 3)),
        ((6,), (0, 6)),
    ],
)
def test_zero_set(block, shape):
    format = BfpFormat(mantissa_bits=5, block=block, rounding="truncate")
    for x in matrices(shape):
        x = np.where(np.isfinite(x), x, np.float32(1))
        zeros = formats_fast.zero_set(x, format)
        assert (zeros, x.size) == zero_set_counts(x, format)
        assert (
            formats_fast.zero_set(x[..., ::-1], format) == zero_set_counts(x[..., ::-1], format)[0]
        )
    x = matrices((4, 40))[0]
    rows = BfpFormat(block=(8,))
    assert formats_fast.zero_set(x, rows) == zero_set_counts(x, rows)[0]


def test_zero_set_by_hand():
    x = np.array([[1, 2**-7, 2**-6, 0], [0, 0, 0, 0]], np.float32)
    assert formats_fast.zero_set(x, BfpFormat(mantissa_bits=8, block=(4,))) == 2
    assert formats_fast.zero_set(x, BfpFormat(mantissa_bits=8, block=(2, 4))) == 6
