"""Sums of products of small floats, exact and in windows, against fractions."""

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from sw.bfp import fast
from sw.bfp.array import ArrayParameters, gemm, matmul
from sw.bfp.dot import DotParameters, dot
from sw.bfp.window import Window
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, MxFormat, read_format
from sw.formats.blocks import Blocks
from sw.formats.element import ELEMENTS, FloatElement
from sw.formats.presets import MX_FORMATS
from sw.formats.quantize import dequantize, quantize
from sw.formats.scale import SCALES
from tests.bfp import floats, reference

NAMES = {
    "mxfp8_e4m3": "e4m3",
    "mxfp8_e5m2": "e5m2",
    "mxfp6_e2m3": "e2m3",
    "mxfp6_e3m2": "e3m2",
    "mxfp4": "e2m1",
    "nvfp4": "e2m1",
}


def blocks(format: Any, code: npt.ArrayLike, scale: npt.ArrayLike, **fields: Any) -> Blocks:
    codes, scales = np.asarray(code, np.uint32), np.asarray(scale, np.int32)
    return Blocks(code=codes, exponent=scales, format=format, axis=1, **fields)


def operand(format: Any, seed: int, rows: int = 5, count: int = 3) -> Blocks:
    """Any codes, of elements mostly within some binades, and of scales about 1."""
    rng = np.random.default_rng(seed)
    shape = rows, count * format.reduction
    code = rng.integers(0, 1 << format.element_bits, shape)
    few = rng.integers(0, 1 << format.element_bits, shape) & rng.integers(0, 256, (rows, 1))
    code = np.where(rng.random(shape) < 0.5, few, code)
    code[0] = format.element.largest_code | (1 << (format.element_bits - 1))
    middle = 56 if format.has_tensor_scale else 127
    scale = rng.integers(middle - 9, middle + 9, (rows, count))
    scale[1, 0] = format.nan_code
    amax = np.float32(3.5 if format.has_tensor_scale else 0)
    return blocks(format, code, scale, amax=amax)


def rounded(total: Any, a: int, b: int, *, unsigned_float: bool) -> float:
    scales = [floats.scale_value(c, unsigned_float=unsigned_float) for c in (a, b)]
    if scales[0] is None or scales[1] is None:
        return math.nan
    return reference.to_binary32(total * scales[0] * scales[1])


def expected_dots(name: str, x: Blocks, y: Blocks, window: int | None, lanes: int) -> list[Any]:
    element, step = NAMES[name], x.format.reduction
    results = []
    for row in range(x.shape[0]):
        for block in range(x.exponent.shape[1]):
            part = slice(block * step, (block + 1) * step)
            codes = x.code[row, part].tolist(), y.code[row, part].tolist()
            total = (
                floats.windowed_sum(element, *codes, window, lanes)
                if window
                else floats.block_sum(element, *codes)
            )
            scales = int(x.exponent[row, block]), int(y.exponent[row, block])
            results.append(rounded(total, *scales, unsigned_float=name == "nvfp4"))
    return results


CASES = [
    *((name, None, 8) for name in NAMES),
    ("mxfp8_e4m3", 20, 8),
    ("mxfp8_e4m3", 8, 32),
    ("mxfp8_e4m3", 12, 1),
    ("mxfp8_e4m3", 36, 4),
    ("mxfp8_e5m2", 24, 8),
    ("mxfp8_e5m2", 6, 16),
    ("mxfp8_e5m2", 64, 32),
    ("mxfp6_e3m2", 7, 2),
    ("mxfp4", 4, 8),
    ("nvfp4", 5, 16),
]


@pytest.mark.parametrize(("name", "window", "lanes"), CASES)
def test_dot(name, window, lanes):
    p = DotParameters(format=MX_FORMATS[name], lanes=lanes, window=window)
    x, y = operand(p.format, 1), operand(p.format, 2)
    expected = np.array(expected_dots(name, x, y, window, lanes), np.float32)
    np.testing.assert_array_equal(dot(p, x, y).ravel(), expected)


@pytest.mark.parametrize(("name", "window", "lanes"), CASES)
def test_gemm_is_made_of_dots(name, window, lanes):
    form = MX_FORMATS[name]
    p = ArrayParameters(format=form, lanes=lanes, window=window)
    x, y = operand(form, 3), operand(form, 4)
    one = p.dot
    expected = np.empty((5, 5), np.float32)
    factor = np.float32(1)
    if form.has_tensor_scale:
        factor = np.float32(np.float32(3.5) * np.float32(3.5)) / np.float32(36 * 448 * 448)
    for i in range(5):
        rolled = blocks(form, np.roll(y.code, i, 0), np.roll(y.exponent, i, 0), amax=y.amax)
        values = dot(one, x, rolled)
        total = np.zeros(5, np.float32)
        for block in range(3):
            total = total + values[:, block]
        for row in range(5):
            expected[row, row - i] = total[row] * factor
    found = gemm(x, y.transposed, window=one.alignment)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(fast.gemm(x, y.transposed, window=one.alignment), expected)
    if p.accumulators == 1:
        np.testing.assert_array_equal(matmul(p, x, y.transposed), expected)


def test_e5m2_beyond_sixty_two_bits():
    """32 times 57344**2; and a sum that is a tie but for its 61st bit."""
    form = MX_FORMATS["mxfp8_e5m2"]
    code = np.full((2, 32), 0x7B)
    x = blocks(form, code, np.full((2, 1), 127))
    assert gemm(x, x.transposed).tolist() == [[32 * 57344.0**2] * 2] * 2
    # 2**12 * 2**-8 is half of the last place of 2**14 * 2**14, of which 2**-16 * 2**-16 decides.
    a, b = np.zeros((2, 1, 32), int)
    a[0, :3], b[0, :3] = (0x74, 0x6C, 0x01), (0x74, 0x1C, 0x01)
    pair = [blocks(form, c, [[127]]) for c in (a, b)]
    for last, up in ((0x01, 32), (0x00, 0), (0x81, 0)):
        b[0, 2] = last
        pair[1] = blocks(form, b, [[127]])
        assert gemm(pair[0], pair[1].transposed) == 2.0**28 + up
        p = DotParameters(format=form, lanes=32)
        assert dot(p, *pair) == 2.0**28 + up


def test_a_window_by_hand():
    """448 * 448 and seven times 2**-9 * 448, below places that are kept."""
    form = MX_FORMATS["mxfp8_e4m3"]
    code = np.zeros((2, 32), int)
    code[0, :8], code[1, :8] = 0x7E, (0x7E, *[0x01] * 7)
    x, y = (blocks(form, row[None], [[127]]) for row in code)
    exact = 448.0 * 448 + 7 * 448 * 2.0**-9
    # Fields 15 + 15 = 30, so that E is 28 and the place of 2**(28 + 8 - bits) the lowest, where
    # the integer 4 is worth 2**-18: those of bits 17 and 16 are worth 2**-1 and 1. 448 * 2**-9
    # is 0.875.
    for bits, kept in ((20, 7 * 0.875), (19, 7 * 0.875), (18, 7 * 0.75), (17, 7 * 0.5), (16, 0.0)):
        p = DotParameters(format=form, lanes=8, window=bits)
        assert dot(p, x, y) == 448.0 * 448 + kept
    assert dot(DotParameters(format=form), x, y) == exact
    # One a beat, each is the largest of its own.
    assert dot(DotParameters(format=form, lanes=1, window=8), x, y) == exact


def test_products_of_zero_do_not_choose_the_window():
    """0 * 448 beside 2**-9 * 2**-9."""
    form = MX_FORMATS["mxfp8_e4m3"]
    code = np.zeros((2, 32), int)
    code[:, :3] = (0x00, 0x7F, 0x01), (0x7E, 0x7E, 0x01)
    x, y = (blocks(form, row[None], [[127]]) for row in code)
    assert dot(DotParameters(format=form, window=8), x, y) == 2.0**-18


def test_nvfp4_product_in_the_order_of_the_reference():
    """TransformerEngine's: blocks in order in binary32, then the scales of both tensors."""
    rng = np.random.default_rng(5)
    form = MX_FORMATS["nvfp4"]
    x, y = (rng.standard_normal((128, 512)).astype(np.float32) for _ in range(2))
    a, b = quantize(x, form), quantize(y, form)
    # Elements and scales of blocks alone; either is exact in binary32.
    qa, qb = (dequantize(dataclasses.replace(v, amax=np.float32(2688))) for v in (a, b))
    total = np.zeros((128, 128), np.float32)
    for k in range(0, 512, 16):
        part = qa[:, k : k + 16].astype(np.float64) @ qb[:, k : k + 16].astype(np.float64).T
        assert (part == part.astype(np.float32)).all()
        total = total + part.astype(np.float32)
    tensors = np.float32(np.abs(x).max()) * np.float32(np.abs(y).max())
    total = total * (tensors / np.float32(36 * 448 * 448))
    assert np.array_equal(gemm(a, b.transposed), total)
    assert np.array_equal(fast.gemm(a, b.transposed), total)


WIDE = MxFormat(element=ELEMENTS["e5m2"], scale=SCALES["ue4m3"])

REFUSED = [
    (
        {"format": "hbfp8", "window": 20},
        "window has no effect in hbfp8: its products have no exponents",
    ),
    ({"format": "mxfp8_e4m3", "window": 7}, "window must be an integer from 8 to 36, not 7"),
    ({"format": "mxfp8_e4m3", "window": 37}, "window must be an integer from 8 to 36, not 37"),
    (
        {"format": "mxfp4", "multiplier": "dsp"},
        "multiplier must be logic in mxfp4, whose significands are few bits, not 'dsp'",
    ),
    (
        {"format": "mxfp4", "operands": "binary32", "lanes": 32},
        (
            "operands must be block in mxfp4: only formats of block floating point are converted "
            "inside"
        ),
    ),
    (
        {"format": WIDE},
        (
            "format must have sums of products of up to 53 bits under a scale with a significand, "
            "not 70 as custom"
        ),
    ),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED)
def test_refused(fields, words):
    with pytest.raises(UserError) as caught:
        DotParameters(**fields)
    assert str(caught.value) == words


def test_windows_of_products_are_checked():
    x = operand(MX_FORMATS["mxfp8_e4m3"], 1)
    window = Window(FloatElement(exponent_bits=2, fraction_bits=3), 9, 8)
    with pytest.raises(UserError, match=r"^window must be one of the elements of mxfp8_e4m3"):
        gemm(x, x.transposed, window=window)
    window = Window(ELEMENTS["e4m3"], 20, 5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match=r"^window.lanes must divide the block of 32"):
        gemm(x, x.transposed, window=window)
    wide = blocks(WIDE, x.code, x.exponent % 99, amax=np.float32(1))
    with pytest.raises(UserError, match=r"^format must have sums of products of up to 53 bits"):
        gemm(wide, wide.transposed)


def test_presets():
    assert set(MX_FORMATS) <= set(DotParameters.PRESETS) == set(ArrayParameters.PRESETS)
    made = {name: DotParameters.make(preset=name) for name in MX_FORMATS}
    assert {name: p.window for name, p in made.items() if p.window} == {"mxfp8_e5m2": 24}
    assert {p.lanes for p in made.values()} == {8}
    # Sums as facts about the formats give them: 42 and 70 bits.
    assert [made[f"mxfp8_{e}"].sum_bits for e in ("e4m3", "e5m2")] == [42, 70]
    assert DotParameters.make(preset="mxfp8_e5m2", overrides=["window=30"]).window == 30


def test_a_window_changes_the_digest_alone_where_there_is_one():
    """Configurations of before are those of before; these are the digests of then."""
    p = DotParameters(format=BLOCK_FORMATS["hbfp4"])
    assert p.digest == "6dd4d445968c3528"
    assert ArrayParameters(format=BLOCK_FORMATS["hbfp4"]).digest == "16042b2596313ccb"
    form = read_format("mxfp8_e4m3")
    assert len({DotParameters(format=form, window=w).digest for w in (None, 20, 21)}) == 3
