"""Products of small formats: in TransformerEngine's order, in exact fractions, and compiled."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from sw.bfp import array, fast
from sw.formats import MX_FORMATS
from sw.formats import fast as formats_fast
from sw.formats.quantize import dequantize, quantize
from tests.bfp.reference import accumulate, to_binary32
from tests.formats import mx_arrays, mx_reference

NVFP4 = MX_FORMATS["nvfp4"]


def same(x: np.ndarray, y: np.ndarray) -> bool:
    return np.array_equal(x.view(np.uint32), y.view(np.uint32))


def operand(rows: int, k: int, seed: int) -> np.ndarray:
    """Numbers with heavy tails."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((rows, k)) * 2.0 ** rng.normal(0, 4, (rows, k))).astype(np.float32)


@pytest.mark.parametrize("block", [(16,), (16, 16)], ids=str)
def test_nvfp4(block):
    """128 x 128 x 512: codes, scales, sums and scales of tensors by the reference alone."""
    x, w = operand(128, 512, 1), operand(128, 512, 2) * np.float32(0.02)
    format = dataclasses.replace(NVFP4, block=block)
    amax = np.abs(x).max(), np.abs(w).max()
    a, scales_a = mx_arrays.quantize_nvfp4(x.reshape(-1, 16), NVFP4, float(amax[0]))
    if len(block) == 1:
        b, scales_b = mx_arrays.quantize_nvfp4(w.reshape(-1, 16), format, float(amax[1]))
        scales_b = scales_b.reshape(128, 32)
    else:
        tiles = w.reshape(8, 16, 32, 16).swapaxes(1, 2).reshape(-1, 256)
        b, scales_b = mx_arrays.quantize_nvfp4(tiles, format, float(amax[1]))
        b = b.reshape(8, 32, 16, 16).swapaxes(1, 2)
        scales_b = np.repeat(scales_b.reshape(8, 32), 16, 0)
    of_a = a.reshape(128, 512), scales_a.reshape(128, 32)
    of_b = b.reshape(128, 512), scales_b
    expected = mx_arrays.product(of_a, (of_b[0].T, of_b[1].T), *amax)
    for quantizer in (quantize, formats_fast.quantize):
        left, right = quantizer(x, NVFP4), quantizer(w, format).transposed
        for gemm in (array.gemm, fast.gemm):
            assert same(gemm(left, right), expected)
    turned = [(a[:, ::-1], scales[:, ::-1]) for a, scales in (of_a, of_b)]
    other = mx_arrays.product(turned[0], (turned[1][0].T, turned[1][1].T), *amax)
    assert not same(other, expected)


def test_nvfp4_in_fractions():
    """A few of its results from numbers as fractions, each sum rounded once."""
    x, w = operand(3, 512, 1), operand(2, 512, 2)
    a, b = quantize(x, NVFP4), quantize(w, NVFP4)
    got = array.gemm(a, b.transposed)
    for i in range(3):
        for j in range(2):
            sums = []
            for k in range(32):
                part = slice(16 * k, 16 * k + 16)
                total = sum(
                    Fraction(mx_reference.value(int(p), NVFP4.element))
                    * Fraction(mx_reference.value(int(q), NVFP4.element))
                    for p, q in zip(a.code[i, part], b.code[j, part], strict=True)
                )
                scale = mx_reference.E4M3[a.exponent[i, k]] * mx_reference.E4M3[b.exponent[j, k]]
                sums.append(to_binary32(total * scale))
            alpha = np.float32(a.amax * b.amax) / np.float32(2688**2)
            assert got[i, j] == np.float32(accumulate(sums, 1)) * alpha


PAIRS = [(name, name) for name in MX_FORMATS if name not in ("mxfp8_e5m2", "nvfp4_16x16")] + [
    ("nvfp4", "nvfp4_16x16"),
    ("mxfp8_e4m3", "mxfp4"),
    ("mxfp4", "mxint8"),
    ("nvfp4", "nvfp4:scale.four_over_six=true"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_compiled(pair):
    """The compiled product has the model's bits, with NaN and at either end of binary32."""
    formats = [array.read_format(name) for name in pair]
    for scale in (1, 2.0**62, 2.0**-60):
        x, w = (operand(19, 101, seed) * np.float32(scale) for seed in (3, 4))
        x[2, 50] = np.nan
        a, b = (formats_fast.quantize(v, f) for v, f in zip((x, w[:11]), formats, strict=True))
        got, expected = fast.gemm(a, b.transposed), array.gemm(a, b.transposed)
        assert same(got, expected)
        assert np.isnan(got[2]).all() and (scale > 1 or not np.isnan(got[3]).any())


@pytest.mark.parametrize("name", ["mxfp8_e4m3", "mxfp6_e3m2", "mxfp4"])
def test_exact_sums(name):
    """A product of one block is the exact sum of products of what the codes stand for."""
    format = MX_FORMATS[name]
    x, w = operand(4, 32, 5), operand(4, 32, 6)
    a, b = quantize(x, format), quantize(w, format)
    values = [[[Fraction(float(v)) for v in row] for row in dequantize(of)] for of in (a, b)]
    got = array.gemm(a, b.transposed)
    for i, row in enumerate(values[0]):
        for j, column in enumerate(values[1]):
            total = sum((p * q for p, q in zip(row, column, strict=True)), Fraction())
            assert got[i, j] == np.float32(to_binary32(total))
