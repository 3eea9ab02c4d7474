import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import pytest

import sw.bfp.array as array_module
import sw.bfp.dot as dot_module
from sw import binary32, lfsr
from sw.bfp.array import ArrayParameters, gemm, matmul
from sw.bfp.converter import ConverterParameters, convert
from sw.bfp.dot import DotParameters, dot
from sw.bfp.quantize import Blocks, quantize
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, BlockFormat
from tests import stimuli
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


def slow_gemm(a: Blocks, b: Blocks, ways: int) -> list[int]:
    """Bit patterns of the product, one result at a time."""
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
            results.append(reference.accumulate(sums, ways))
    return slow_bits(results)


CASES = [
    (1, 1, 1, PLAIN),
    (5, 7, 3, TINY),
    (9, 130, 10, PLAIN),
    (2, 700, 3, PLAIN),
    (3, 300, 2, WILD),
    (4, 0, 3, PLAIN),
]


def mismatches(name: str, ways: int, *, seed: int = 1) -> int:
    format = BLOCK_FORMATS[name]
    wrong = 0
    for m, k, n, scales in CASES:
        a, b = operands(format, m, k, n, seed, scales)
        got = gemm(a, b, ways=ways)
        assert got.dtype == np.float32 and got.shape == (m, n)
        got = got.view(np.uint32).ravel().tolist()
        expected = slow_gemm(a, b, ways)
        wrong += sum(x != y for x, y in zip(got, expected, strict=True))
    return wrong


@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_gemm(name):
    assert mismatches(name, ArrayParameters.make(preset=name).ways) == 0


@pytest.mark.parametrize("ways", [1, 2, 4, 8])
def test_gemm_ways(ways):
    assert mismatches("msfp16", ways, seed=50) == 0


@pytest.mark.parametrize("ways", [1, 2, 8])
def test_planted_order(ways):
    a, b = operands(BLOCK_FORMATS["msfp16"], 2, 700, 3, 4)
    assert gemm(a, b, ways=ways).view(np.uint32).ravel().tolist() != slow_gemm(a, b, 4)


def value(format, total, code_a, code_b):
    return dot_module.block_value(format, total, code_a, code_b)


FAULTS = {
    "last bit of a sum": ("hbfp8", lambda f, q, x, y: value(f, q.astype(np.int64) & ~1, x, y)),
    "exponent": ("hbfp8", lambda f, q, x, y: value(f, q, x + 1, y)),
    "NaN of b": ("hbfp8", lambda f, q, x, y: value(f, q, x, np.minimum(y, f.highest_code))),
    "width of a sum": ("fb12", lambda f, q, x, y: value(f, np.clip(q, -256, 255), x, y)),
    "underflow": ("hbfp8", lambda f, q, x, y: np.abs(value(f, q, x, y))),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(fault, monkeypatch):
    name, broken = FAULTS[fault]
    monkeypatch.setattr(array_module, "block_value", broken)
    assert mismatches(name, 1) > 0


@pytest.mark.parametrize("ways", [1, 4])
def test_planted_start_at_minus_zero(ways, monkeypatch):
    add = binary32.add
    monkeypatch.setattr(
        binary32, "add", lambda x, y: np.where(x == 0, np.asarray(y, np.float32), add(x, y))
    )
    assert mismatches("msfp16", ways) > 0


def test_matmul_takes_the_ways_of_its_parameters():
    for lanes, ways in ((16, 8), (8, 4), (2, 1)):
        p = ArrayParameters(format=BLOCK_FORMATS["msfp16"], lanes=lanes)
        a, b = operands(p.format, 3, 400, 4, 7)
        got = matmul(p, a, b).view(np.uint32)
        assert p.ways == ways
        assert np.array_equal(got, gemm(a, b, ways=ways).view(np.uint32))


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
        b_seed = lfsr.jump(77, lfsr.LANE_STRIDE // 2)
        converted = []
        for z, seed in ((x, 77), (y, b_seed)):
            words = lfsr.random_words(beats=40, lanes=p.lanes, seed=seed, bits=8)
            converted.append(quantize(z, p.format, random=words))
        expected = dot(p.replace(operands="block"), *converted)
        assert np.array_equal(dot(p, x, y).view(np.uint32), expected[:, 0].view(np.uint32))


@pytest.mark.parametrize("lanes", [1, 4, 54])
@pytest.mark.parametrize("source", FLOAT_FORMATS)
@pytest.mark.parametrize("rounding", ["truncate", "stochastic"])
def test_convert(rounding, source, lanes):
    format = dataclasses.replace(BLOCK_FORMATS["fb16"], rounding=rounding)
    p = ConverterParameters(format=format, source=source, lanes=lanes, seed=5)
    kind = FLOAT_FORMATS[source]
    if source == "binary32":
        x = stimuli.blocks(30, 108, 8)
    else:
        patterns = np.random.default_rng(1).integers(0, 1 << 16, (30, 108))
        patterns[:25] &= ~(1 << (kind.fraction_bits + 1))  # no infinity, no NaN
        x = binary32.from_bits(patterns, kind)
    mantissa, exponent, zero_set = convert(p, x)
    state = lfsr.lane_seeds(5, lanes)
    least = 2.0 ** (1 - kind.bias)
    for row, *got in zip(x.tolist(), mantissa, exponent, zero_set, strict=True):
        words = []
        for _ in range(p.beats):
            words += [s >> 24 for s in state]
            state = [int(lfsr.step(s)) for s in state]
        row = [math.copysign(0.0, v) if abs(v) < least else v for v in row]
        assert [g.tolist() for g in got] == list(reference.quantize_block(row, format, words))


def test_convert_streams_square_blocks_row_by_row():
    p = ConverterParameters.make(preset="hbfp6_8x8", lanes=4)
    x = stimuli.blocks(3, 64, 9)
    words = lfsr.random_words(beats=48, lanes=4, seed=1, bits=8).reshape(24, 8)
    blocks = quantize(x.reshape(24, 8), p.format, random=words)
    mantissa, exponent, _ = convert(p, x)
    assert np.array_equal(blocks.mantissa.reshape(3, 64), mantissa)
    assert np.array_equal(blocks.exponent[:, 0], exponent)


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
            lambda: gemm(ones((2, 2)), ones((2, 2), "msfp16", 0)),
            "b must be in mxint8 like a, not in msfp16",
        ),
        (
            lambda: gemm(ones((2, 2)), ones((2, 2), axis=0), ways=3),
            "ways must be a power of two, not 3",
        ),
        (
            lambda: matmul(ArrayParameters(), ones((2, 2)), ones((2, 2), axis=0)),
            "a must be in hbfp8, not in mxint8",
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
            r"x must be float32 of shape \(blocks, 64\), not float32 of shape \(2, 63\)",
        ),
        (
            lambda: convert(ConverterParameters(), np.ones((2, 64))),
            r"x must be float32 of shape \(blocks, 64\), not float64 of shape \(2, 64\)",
        ),
        (
            lambda: convert(
                ConverterParameters(source="binary16"), np.full((1, 64), 65536, np.float32)
            ),
            "x must hold values of binary16, not 65536.0",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError, match=f"^{message}"):
        call()
