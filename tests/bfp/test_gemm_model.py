"""The models of matrix and dot products against sums in their documented order."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest

import sw.bfp.array as array_module
import sw.bfp.dot as dot_module
from sw.bfp.array import ArrayParameters, gemm, matmul
from sw.bfp.dot import DotParameters, dot
from sw.formats import BLOCK_FORMATS, BfpFormat, BlockFormat, binary32
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from tests import stimuli, words_reference
from tests.bfp import reference

NAN = 0x7FC00000


def slow_bits(values: list[float]) -> list[int]:
    patterns = np.array(values, np.float32).view(np.uint32)
    return [NAN if math.isnan(v) else int(p) for v, p in zip(values, patterns, strict=True)]


def blocks_of(x: np.ndarray, format: BlockFormat, axis: int, seed: int) -> Blocks:
    random = stimuli.words(x.shape, format.random_bits, seed)
    return quantize(x, format, axis=axis, random=random)


PLAIN = range(-9, 10)
WILD = (-70, 0, 0, 61)
TINY = (-66, -62)


def operands(
    format: BlockFormat, m: int, k: int, n: int, seed: int, scales: Sequence[int] = PLAIN
) -> tuple[Blocks, Blocks]:
    """Matrices (m, k) and (k, n) with a few NaN, each block scaled by a power of two."""
    rng = np.random.default_rng(seed)
    pair = []
    for shape in ((m, k), (n, k)):
        side = format.reduction
        scale = rng.choice(scales, (1, -(-k // side)))
        x = np.ldexp(rng.standard_normal(shape), np.repeat(scale, side, 1)[:, :k])
        x = x.astype(np.float32)
        special = rng.random(shape)
        x[special < 0.02] = 0
        x[special > 1 - 0.2 / max(m, n, k)] = np.nan
        pair.append(x)
    a, b = pair
    return blocks_of(a, format, 1, seed), blocks_of(np.ascontiguousarray(b.T), format, 0, seed + 1)


def slow_gemm(a: Blocks, b: Blocks, accumulators: int) -> list[int]:
    """Bit patterns of the product, one result at a time."""
    assert isinstance(a.format, BfpFormat)
    step, square = a.format.block[0], len(a.format.block) == 2
    (m, k), n = a.shape, b.shape[1]
    results = []
    for i in range(m):
        for j in range(n):
            sums = []
            for index, start in enumerate(range(0, k, step)):
                stop = min(start + step, k)
                qa = [int(a.mantissa[i, t]) for t in range(start, stop)]
                qb = [int(b.mantissa[t, j]) for t in range(start, stop)]
                code_a = int(a.exponent[i // step if square else i, index])
                code_b = int(b.exponent[index, j // step if square else j])
                sums.append(reference.block_sum(qa, qb, code_a, code_b, a.format))
            results.append(reference.accumulate(sums, accumulators))
    return slow_bits(results)


CASES = [
    (1, 1, 1, PLAIN),
    (5, 7, 3, TINY),
    (9, 130, 10, PLAIN),
    (2, 700, 3, PLAIN),
    (3, 300, 2, WILD),
    (4, 0, 3, PLAIN),
]


def mismatches(name: str, accumulators: int, *, seed: int = 1) -> int:
    format = BLOCK_FORMATS[name]
    wrong = 0
    for m, k, n, scales in CASES:
        a, b = operands(format, m, k, n, seed, scales)
        got = gemm(a, b, accumulators=accumulators)
        assert got.dtype == np.float32 and got.shape == (m, n)
        got = got.view(np.uint32).ravel().tolist()
        expected = slow_gemm(a, b, accumulators)
        wrong += sum(x != y for x, y in zip(got, expected, strict=True))
    return wrong


@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_gemm(name):
    assert mismatches(name, ArrayParameters.make(preset=name).accumulators) == 0


@pytest.mark.parametrize("accumulators", [1, 2, 4, 8])
def test_gemm_accumulators(accumulators):
    assert mismatches("msfp16", accumulators, seed=50) == 0


@pytest.mark.parametrize("accumulators", [1, 2, 8])
def test_planted_order(accumulators):
    a, b = operands(BLOCK_FORMATS["msfp16"], 2, 700, 3, 4)
    assert gemm(a, b, accumulators=accumulators).view(np.uint32).ravel().tolist() != slow_gemm(
        a, b, 4
    )


def value(formats, total, code_a, code_b):
    return dot_module.block_value(formats, total, code_a, code_b)


FAULTS = {
    "last bit of a sum": ("hbfp8", lambda f, q, x, y: value(f, q.astype(np.int64) & ~1, x, y)),
    "exponent": ("hbfp8", lambda f, q, x, y: value(f, q, x + 1, y)),
    "NaN of b": ("hbfp8", lambda f, q, x, y: value(f, q, x, np.minimum(y, f[1].highest_code))),
    "width of a sum": ("fb12", lambda f, q, x, y: value(f, np.clip(q, -256, 255), x, y)),
    "underflow": ("hbfp8", lambda f, q, x, y: np.abs(value(f, q, x, y))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(fault, monkeypatch):
    name, broken = FAULTS[fault]
    monkeypatch.setattr(array_module, "block_value", lambda f, q, x, y, _: broken(f, q, x, y))
    assert mismatches(name, 1) > 0


@pytest.mark.parametrize("accumulators", [1, 4])
def test_planted_start_at_minus_zero(accumulators, monkeypatch):
    add = binary32.add
    monkeypatch.setattr(
        binary32, "add", lambda x, y: np.where(x == 0, np.asarray(y, np.float32), add(x, y))
    )
    assert mismatches("msfp16", accumulators) > 0


def test_matmul_takes_the_ways_of_its_parameters():
    for lanes, accumulators in ((16, 8), (8, 4), (2, 1)):
        p = ArrayParameters(format=BLOCK_FORMATS["msfp16"], lanes=lanes)
        a, b = operands(p.format, 3, 400, 4, 7)
        got = matmul(p, a, b).view(np.uint32)
        assert p.accumulators == accumulators
        assert np.array_equal(got, gemm(a, b, accumulators=accumulators).view(np.uint32))


def test_gemm_overflows_and_underflows():
    format = BLOCK_FORMATS["mxint8"]
    huge = quantize(np.full((1, 32), 3e38, np.float32), format)
    tiny = quantize(np.full((32, 1), -3e-38, np.float32), format, axis=0)
    large = quantize(np.full((32, 1), -3e38, np.float32), format, axis=0)
    assert gemm(huge, large) == -np.inf
    small = quantize(np.full((1, 32), 3e-38, np.float32), format)
    assert gemm(small, tiny).view(np.uint32) == 0  # +0 + -0
    assert abs(float(gemm(huge, tiny)[0, 0]) / (-32 * 9) - 1) < 0.02
    both = quantize(np.array([[3e38] * 32 + [-3e38] * 32], np.float32), format)
    same = quantize(np.full((64, 1), 3e38, np.float32), format, axis=0)
    assert gemm(both, same).view(np.uint32) == NAN


def dot_mismatches(name: str, **changes) -> int:
    """Count the block sums that differ from the reference."""
    format = dataclasses.replace(BLOCK_FORMATS[name], **changes)
    side = format.block[0]
    wrong = 0
    for rows, extent in ((1, side), (8, 3 * side), (11, 2 * side + max(1, side // 3))):
        x, y = (stimuli.blocks(rows, extent, seed) for seed in (1, 2))
        a, b = blocks_of(x, format, -1, 3), blocks_of(y, format, -1, 4)
        got = dot(DotParameters(format=format, lanes=1), a, b).view(np.uint32)
        for i in range(rows):
            for k, start in enumerate(range(0, extent, side)):
                part = slice(start, start + side)
                where = (i // side if len(format.block) == 2 else i, k)
                qa, qb = a.mantissa[i, part].tolist(), b.mantissa[i, part].tolist()
                codes = int(a.exponent[where]), int(b.exponent[where])
                slow = reference.block_sum(qa, qb, *codes, format)
                wrong += int(got[i, k]) != slow_bits([slow])[0]
    return wrong


@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_dot(name):
    assert dot_mismatches(name) == 0


def test_dot_of_the_widest_elements():
    assert dot_mismatches("fb24", mantissa_bits=24, symmetric=False) == 0


def test_planted_fault_in_dot(monkeypatch):
    from_integer = binary32.from_integer
    monkeypatch.setattr(
        dot_module.binary32, "from_integer", lambda q, e, nan: from_integer(q, e, False)
    )
    assert dot_mismatches("mxint8") > 0


def test_dot_of_binary32():
    for name in ("hbfp4", "mxint8"):
        p = DotParameters(format=BLOCK_FORMATS[name], lanes=BLOCK_FORMATS[name].reduction)
        p = p.replace(operands="binary32", seed=77)
        x, y = (stimuli.blocks(40, p.lanes, seed) for seed in (5, 6))
        converted = []
        for use, z in enumerate((x, y)):
            words = words_reference.words(words_reference.key(77, use=use), z.size, 8)
            converted.append(quantize(z, p.format, random=np.reshape(words, z.shape)))
        expected = dot(p.replace(operands="block"), *converted)
        assert np.array_equal(dot(p, x, y).view(np.uint32), expected[:, 0].view(np.uint32))
