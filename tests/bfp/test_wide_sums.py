"""Sums of products beyond 62 bits, the widest that a block format allows."""

import dataclasses
import itertools

import numpy as np
import pytest

from sim.bfp.dot import simulate
from sw.bfp import fast
from sw.bfp.array import ArrayParameters, gemm, matmul
from sw.bfp.dot import DotParameters, dot
from sw.formats import BfpFormat, BlockFormat
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from tests.bfp import reference

WIDEST = BfpFormat(name="widest", mantissa_bits=24, sign_inside=False, block=(1 << 16,))
TWOS = BfpFormat(
    name="twos", mantissa_bits=24, sign_inside=False, block=(1 << 16,), symmetric=False
)


def blocks(mantissa: np.ndarray, format: BlockFormat, code: int = 127) -> Blocks:
    exponent = np.full((len(mantissa), 1), code)
    return Blocks.of(mantissa, exponent, format=format, axis=1)


def test_the_sum_of_65_bits():
    """65,536 times the square of 1.9999999, whose binary32 is 2 - 2**-23."""
    x = quantize(np.full((1, 1 << 16), 1.9999999, np.float32), WIDEST)
    expected = np.float32(262143.97)
    assert dot(DotParameters(format=WIDEST, lanes=1), x, x) == expected
    assert gemm(x, x.transposed) == expected
    assert matmul(ArrayParameters(format=WIDEST, lanes=1), x, x.transposed) == expected
    assert fast.gemm(x, x.transposed) == expected


def test_the_most_negative_by_itself():
    x = blocks(np.full((1, 1 << 16), -(1 << 24)), TWOS)
    assert dot(DotParameters(format=TWOS, lanes=1), x, x) == 4 * 65536
    assert gemm(x, x.transposed) == 4 * 65536


def rows(format: BlockFormat) -> np.ndarray:
    """Rows whose sums are of every size: extremes, random numbers, and what nearly cancels."""
    rng = np.random.default_rng(1)
    low, high = format.most_negative, format.largest
    random = rng.integers(low, high + 1, (3, 1 << 16))
    extreme = rng.choice([low, high], (2, 1 << 16))
    alike = np.full((2, 1 << 16), high)
    alike[1, ::2] = -high
    alike[1, 0] += 1  # all but cancels by the row above
    alike[1, 2] += 5
    few = np.zeros((2, 1 << 16), int)
    few[0, :3], few[1, -3:] = (low, high, 1), (3, high, low)
    return np.concatenate((random, extreme, alike, few))


@pytest.mark.parametrize("format", [WIDEST, TWOS], ids=lambda f: f.name)
def test_reference(format):
    q = rows(format)
    x = blocks(q, format)
    exact = [[int(v) for v in row] for row in q]
    product = gemm(x, x.transposed)
    for i, j in itertools.product(range(len(q)), repeat=2):
        expected = reference.block_sum(exact[i], exact[j], 127, 127, format)
        assert product[i, j] == expected
    for shift in range(len(q)):
        other = blocks(np.roll(q, shift, 0), format)
        found = dot(DotParameters(format=format, lanes=1), x, other)[:, 0]
        expected = [product[i, i - shift] for i in range(len(q))]
        assert found.tolist() == expected


@pytest.mark.parametrize("block", [32, 63, 64, 1 << 14])
def test_where_the_paths_meet(block):
    """Sums of 53, 54 and 62 bits and more."""
    rng = np.random.default_rng(block)
    format = BfpFormat(mantissa_bits=24, sign_inside=False, block=(block,))
    q = rng.integers(format.largest - 7, format.largest + 1, (6, block))
    q[3:] *= rng.choice([-1, 1], (3, block))
    x = blocks(q, format)
    exact = [[int(v) for v in row] for row in q]
    expected = [[reference.block_sum(a, b, 127, 127, format) for b in exact] for a in exact]
    assert gemm(x, x.transposed).tolist() == expected
    assert fast.gemm(x, x.transposed).tolist() == expected


def test_circuit():
    x = blocks(rows(TWOS)[[0, 3, 5, 6]], TWOS)
    y = blocks(rows(TWOS)[[1, 4, 6, 6]], TWOS)
    p = DotParameters(format=TWOS, lanes=1)
    values, _ = simulate(p, x, y)
    np.testing.assert_array_equal(values, dot(p, x, y))


@pytest.mark.parametrize(
    ("one", "expected"), [(1, 2.0**63 + 2.0**40), (0, 2.0**63), (-1, 2.0**63)], ids=str
)
def test_a_last_bit_decides_a_tie(one, expected):
    """2**63 + 2**39, half-way between two numbers of 24 bits, and one more or less."""
    a, b = np.zeros((2, 1, 1 << 16), np.int64)
    a[0, : 1 << 15] = b[0, : 1 << 15] = -(1 << 24)
    a[0, -2:], b[0, -2:] = (1 << 20, 1), (1 << 19, one)
    p = DotParameters(format=TWOS, lanes=1)
    x, y = blocks(a, TWOS), blocks(b, TWOS)
    assert dot(p, x, y) == expected / 2.0**46
    assert gemm(x, y.transposed) == expected / 2.0**46


@pytest.mark.parametrize(("one", "expected"), [(1, 2.0**53 + 2.0**30), (0, 2.0**53)], ids=str)
def test_a_last_bit_of_54_decides_a_tie(one, expected):
    """2**53 + 2**29 and one more, which binary64 does not hold."""
    format = dataclasses.replace(TWOS, block=(63,))
    a, b = np.zeros((2, 1, 63), np.int64)
    a[0, :32] = b[0, :32] = -(1 << 24)
    a[0, -2:], b[0, -2:] = (1 << 15, 1), (1 << 14, one)
    x, y = blocks(a, format), blocks(b, format)
    assert dot(DotParameters(format=format, lanes=1), x, y) == expected / 2.0**46
    assert gemm(x, y.transposed) == fast.gemm(x, y.transposed) == expected / 2.0**46
