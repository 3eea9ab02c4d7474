"""Quantizers beside exact fractions and published formulas, with faults planted in both."""

import dataclasses
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

import sw.formats.quantize as module
from sw.formats import BLOCK_FORMATS, ROUNDINGS, BfpFormat
from sw.formats.quantize import dequantize, quantize, zero_setting_error
from tests import stimuli
from tests.bfp import reference

TINY = {
    "two_bits": BfpFormat(mantissa_bits=2, block=(3,)),
    "two_bits_beside": BfpFormat(mantissa_bits=2, sign_inside=False, block=(2,), symmetric=False),
    "four_exponent_bits": BfpFormat(mantissa_bits=5, exponent_bits=4, block=(5,)),
    "four_exponent_bits_ceil": BfpFormat(
        mantissa_bits=24, sign_inside=False, exponent_bits=4, exponent_rule="ceil", block=(4,)
    ),
    "widest": BfpFormat(mantissa_bits=24, sign_inside=False, block=(4,), random_bits=24),
    "widest_ceil": BfpFormat(
        mantissa_bits=24, sign_inside=False, exponent_rule="ceil", block=(4,), symmetric=False
    ),
    "floor": BfpFormat(exponent_floor=-3, block=(2, 2), symmetric=False, random_bits=1),
    "one": BfpFormat(block=(1,), exponent_bits=10),
}
FORMATS = BLOCK_FORMATS | TINY


def places(shape: tuple[int, int], format: BfpFormat, axis: int) -> Iterator[tuple]:
    """Slices of every block of a matrix, and the index of its exponent."""
    side = format.block[0]
    steps = [side, side] if len(format.block) == 2 else [1, 1]
    steps[axis] = side
    for i in range(0, shape[0], steps[0]):
        for j in range(0, shape[1], steps[1]):
            where = slice(i, min(i + steps[0], shape[0])), slice(j, min(j + steps[1], shape[1]))
            yield where, (i // steps[0], j // steps[1])


def mismatches(x, format, *, axis=-1, seed=1, model=None) -> int:
    """Count the numbers in which a quantizer differs from the reference."""
    random = stimuli.words(x.shape, format.random_bits, seed)
    blocks = quantize(x, model or format, axis=axis, random=random)
    wrong = 0
    for where, index in places(x.shape, format, axis):
        values = [float(v) for v in x[where].flat]
        words = [int(w) for w in random[where].flat]
        q, code, _ = reference.quantize_block(values, format, words)
        wrong += blocks.mantissa[where].ravel().tolist() != q
        wrong += int(blocks.exponent[index]) != code
    return wrong


def matrix(format: BfpFormat, seed: int) -> np.ndarray:
    """A matrix whose blocks are of every kind, with a smaller last block."""
    side = format.block[0]
    if len(format.block) == 1:
        x = stimuli.blocks(26, side, seed)
        tail = stimuli.blocks(26, max(1, side // 3), seed + 1)
        return np.concatenate((x, tail), axis=1)
    x = stimuli.blocks(30, side * side, seed).reshape(5, 6, side, side)
    x = x.swapaxes(1, 2).reshape(5 * side, 6 * side)
    return x[: -(side // 3) or None, : -(side // 2)]


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("name", FORMATS)
def test_reference(name, rounding):
    format = dataclasses.replace(FORMATS[name], rounding=rounding)
    x = matrix(format, 1)
    assert mismatches(x, format) == 0
    assert mismatches(np.ascontiguousarray(x.T), format, axis=0) == 0


FAULTS = {
    "rounding": ("mxint8", {"rounding": "truncate"}),
    "rule": ("hbfp8", {"exponent_rule": "floor"}),
    "clamp": ("fb16", {"exponent_rule": "ceil", "symmetric": False}),
    "sign": ("fb16", {"sign_inside": True}),
    "floor": ("hbfp4", {"exponent_floor": -27}),
    "random_bits": ("hbfp4", {"random_bits": 9}),
    "block": ("hbfp4_8x8", {"block": (4, 4)}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(fault):
    name, changes = FAULTS[fault]
    format = BLOCK_FORMATS[name]
    model = dataclasses.replace(format, **changes)
    assert mismatches(matrix(format, 1), format, model=model) > 0


MISREADINGS = {
    "subnormals": lambda x: np.where((x != 0) & (np.abs(x) < 2.0**-126), np.float32(2.0**-126), x),
    "nan": lambda x: np.where(np.isnan(x), np.float32(0), x),
    "infinity": lambda x: np.where(np.isinf(x), np.float32(0), x),
    "last place": lambda x: np.where(np.isfinite(x), np.nextafter(x, np.float32(0)), x),
    "sign": np.abs,
}


@pytest.mark.parametrize("fault", MISREADINGS)
def test_planted_misreading(fault, monkeypatch):
    groups = module.quantize_groups
    monkeypatch.setattr(
        module, "quantize_groups", lambda x, *rest: groups(MISREADINGS[fault](x), *rest)
    )
    format = BLOCK_FORMATS["fb24"]
    assert mismatches(matrix(format, 1), format) > 0


def test_planted_tie(monkeypatch):
    def half_up(significand, shift, format, words):
        shift = np.clip(shift, 0, 62)
        return (significand + ((1 << shift) >> 1)) >> shift

    monkeypatch.setattr(module, "_round", half_up)
    format = BLOCK_FORMATS["mxint8"]
    assert mismatches(matrix(format, 1), format) > 0


def finite(count: int, elements: int) -> np.ndarray:
    """Blocks without NaN, infinity and subnormals, whose quantized values stay normal."""
    x = stimuli.blocks(count, elements, 5)
    field = x.view(np.uint32) >> 23 & 255
    keep = ((field > 40) & (field < 254)) | (x == 0)
    return np.where(keep, x, np.float32(0))


FLEXBLOCK = [("fb12", 4), ("fb12_sign_inside", 3), ("fb16", 8), ("fb24", 16)]


@pytest.mark.parametrize("name, m", FLEXBLOCK)
def test_flexblock_keeps_bits(name, m):
    format = BLOCK_FORMATS[name]
    x = finite(40, format.block[0])
    got = dequantize(quantize(x, format))
    for row, out in zip(x, got, strict=True):
        expected = reference.flexblock([float(v) for v in row], m)
        assert [Fraction(float(v)) for v in out] == expected


@pytest.mark.parametrize("name, m", [("hbfp4", 3), ("hbfp6", 5), ("hbfp8", 7), ("hbfp12", 11)])
def test_hbfp_formula(name, m):
    format = dataclasses.replace(BLOCK_FORMATS[name], rounding="nearest_even")
    x = finite(40, 64)
    got = dequantize(quantize(x, format))
    for row, out in zip(x, got, strict=True):
        expected = reference.hbfp([float(v) for v in row], m)
        assert [Fraction(float(v)) for v in out] == expected


def test_mxint8_formula():
    x = finite(60, 32)
    got = dequantize(quantize(x, BLOCK_FORMATS["mxint8"]))
    for row, out in zip(x, got, strict=True):
        assert [Fraction(float(v)) for v in out] == reference.mxint8([float(v) for v in row])


def one(value: float, name: str, rounding: str | None = None) -> float:
    """The value of a block that holds one number."""
    format = BLOCK_FORMATS[name]
    format = dataclasses.replace(format, rounding=rounding or format.rounding)
    x = np.array([value], np.float32)
    return float(dequantize(quantize(x, format, random=np.zeros(1, np.uint32)))[0])


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("name, m", [("hbfp4", 3), ("hbfp6", 5), ("hbfp8", 7), ("hbfp12", 11)])
@pytest.mark.parametrize("power", [-26, -3, 0, 1, 127])
def test_hbfp_clamps_a_power_of_two(name, m, power, rounding):
    """arXiv 2211.10737, emulator: E = ceil(log2(max)), codes up to 2**m - 1."""
    assert one(2.0**power, name, rounding) == (1 - 2.0**-m) * 2.0**power
    assert one(-(2.0**power), name, rounding) == -(1 - 2.0**-m) * 2.0**power


def test_flexblock_truncates():
    """arXiv 2203.06673, simulator: the top bits stay, toward zero; a power of two is exact."""
    assert one(1.9999, "fb12") == 1.875
    assert one(-1.9999, "fb12") == -1.875
    assert one(1.9999, "fb12_sign_inside") == 1.75
    assert one(2.0, "fb12") == 2.0
    x = np.array([1.0, 0.125, 0.12499, -0.12499, 0.25], np.float32)
    blocks = quantize(x, BLOCK_FORMATS["fb12"])
    assert blocks.mantissa.tolist() == [8, 1, 0, 0, 2]
    assert blocks.exponent.tolist() == [127]


def test_flexblock_payload():
    """BFPsim's groups of 216, 108 and 54 elements hold 864 bits of mantissa each."""
    for bits, group in ((4, 216), (8, 108), (16, 54)):
        format = BLOCK_FORMATS[f"fb{bits + 8}_sign_inside"]
        assert format.block_elements == group
        assert format.block_elements * format.element_bits == 864
        assert BLOCK_FORMATS[f"fb{bits + 8}"].block_elements * bits == 864


def test_mxint8_largest():
    """OCP MX 1.0: 127/64 is the largest element under a scale of 1."""
    assert one(float(np.float32(1.9999999)), "mxint8") == 127 / 64
    assert one(-float(np.float32(1.9999999)), "mxint8") == -127 / 64
    assert one(1 + 1 / 128, "mxint8") == 1.0
    assert one(1 + 3 / 128, "mxint8") == 1 + 2 / 64


@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_zero_block(name):
    """All zeros: the lowest exponent; HBFP's is E = ceil(log2(1e-8)) = -26 (its emulator)."""
    format = BLOCK_FORMATS[name]
    x = np.zeros(format.block, np.float32)
    x.flat[0] = -0.0
    x.flat[-1] = 1e-39
    blocks = quantize(x, format, random=np.full(x.shape, 255))
    assert not blocks.mantissa.any()
    assert blocks.exponent.ravel().tolist() == [484 if "hbfp" in name else 0]
    assert not dequantize(blocks).view(np.uint32).any()


@pytest.mark.parametrize("bad", [math.nan, -math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_nan_block(name, bad):
    format = BLOCK_FORMATS[name]
    x = np.ones((2 * format.reduction, 2 * format.reduction), np.float32)
    x[0, 0] = bad
    blocks = quantize(x, format, random=np.zeros(x.shape, int))
    code = 1023 if "hbfp" in name else 255
    assert np.argwhere(blocks.exponent == code).tolist() == [[0, 0]]
    values = dequantize(blocks)
    rows = format.reduction if len(format.block) == 2 else 1
    assert (values[:rows, : format.reduction].view(np.uint32) == 0x7FC00000).all()
    assert np.isnan(values).sum() == format.block_elements


def test_small_elements_lose_their_sign():
    blocks = quantize(np.array([1.0, -1e-6], np.float32), BLOCK_FORMATS["fb12"])
    assert dequantize(blocks).view(np.uint32).tolist() == [0x3F800000, 0]


def test_stochastic_is_unbiased():
    x = np.full(64 * 1024, 0.3, np.float32)
    x[::64] = 0.999
    random = stimuli.words(x.shape, 8, 3)
    mean = dequantize(quantize(x, BLOCK_FORMATS["hbfp4"], random=random))[x < 0.5].mean()
    assert abs(float(mean) - 0.3) < 0.002
    assert abs(one(0.3, "hbfp4", "nearest_even") - 0.3) > 0.01


def flags_of(x: np.ndarray, format: BfpFormat) -> int:
    count = 0
    for where, _ in places(x.shape, format, -1):
        values = [float(v) for v in x[where].flat]
        count += sum(reference.quantize_block(values, format, [0] * len(values))[2])
    return count


@pytest.mark.parametrize("name", BLOCK_FORMATS)
def test_zero_setting_error(name):
    format = BLOCK_FORMATS[name]
    x = matrix(format, 3)
    assert zero_setting_error(x, format) == flags_of(x, format) / x.size


def test_zero_setting_error_cases():
    """FlexBlock's simulator: M - e >= m, zeros count, groups of nothing but zeros do not."""
    format = dataclasses.replace(BLOCK_FORMATS["fb12"], block=(4,))
    x = np.array([1, 1 / 8, 1 / 16, 0, 0, 0, 1e-40, -0.0, 1, 1, math.inf, 0], np.float32)
    assert zero_setting_error(x, format) == 2 / 12
    assert zero_setting_error(x[:0], format) == 0.0
    sparse = dataclasses.replace(format, block=(2,))
    assert zero_setting_error(x, sparse) != 2 / 12
