"""Binary32 arithmetic of the models against exact fractions and NumPy."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import BFLOAT16, BINARY16, BINARY32, FloatFormat, binary32
from sw.formats.binary32 import from_bits
from tests import stimuli
from tests.bfp import reference

NAN = 0x7FC00000


def bits(x) -> np.ndarray:
    return np.asarray(x, np.float32).view(np.uint32)


def slow_bits(x: float) -> int:
    return NAN if math.isnan(x) else int(bits(np.float32(x)))


def flushed(x: np.ndarray) -> np.ndarray:
    """Flush on bit patterns."""
    pattern = x.view(np.uint32)
    return np.where(pattern >> 23 & 255, pattern, pattern & 1 << 31).view(np.float32)


def mismatches(add) -> int:
    """Count differences from NumPy's float32 on a million pairs, and from fractions on some."""
    x, y = stimuli.pairs(1_000_000, 1)
    got = bits(add(x, y))
    with np.errstate(all="ignore"):
        total = flushed(flushed(x) + flushed(y))
        double = flushed((flushed(x).astype(float) + flushed(y)).astype(np.float32))
    some = slice(8000)
    slow = map(reference.add, x[some].tolist(), y[some].tolist())
    wrong = np.count_nonzero(got[some] != [slow_bits(v) for v in slow])
    for expected in (total, double):
        wrong += np.count_nonzero(got != np.where(np.isnan(expected), NAN, bits(expected)))
    return int(wrong)


def test_add():
    assert mismatches(binary32.add) == 0


def toward_zero(x, y):
    exact = x.astype(float) + y
    rounded = binary32.add(x, y)
    return np.where(np.abs(rounded) > np.abs(exact), np.nextafter(rounded, np.float32(0)), rounded)


def without_sticky_bit(x, y):
    """Lose what an alignment shifts out below two guard bits."""
    large, small = np.where(np.abs(x) < np.abs(y), (y, x), (x, y)).astype(float)
    unit = np.ldexp(1.0, np.frexp(np.where(np.isfinite(large), large, 1))[1] - 26)
    kept = np.where(np.isfinite(small), np.trunc(small / unit) * unit, small)
    return binary32.add(large.astype(np.float32), kept.astype(np.float32))


FAULTS = {
    "no flush of operands": lambda x, y: np.where(np.isnan(x + y), binary32.NAN, x + y),
    "payload of NaN": lambda x, y: flushed(flushed(x) + flushed(y)),
    "truncation": toward_zero,
    "sign of zero": lambda x, y: binary32.add(x, y) + np.float32(0),
    "sticky bit": without_sticky_bit,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault(fault):
    with np.errstate(all="ignore"):
        assert mismatches(FAULTS[fault]) > 0


def test_stimuli_hold_every_class():
    x, y = stimuli.pairs(100_000, 1)
    keep = np.isfinite(x) & np.isfinite(y)
    with np.errstate(all="ignore"):
        exact, total = x.astype(float) + y.astype(float), x + y
    assert np.isnan(total).sum() > 100 and np.isinf(total).sum() > 100
    x, exact, total = x[keep], exact[keep], total[keep]
    with np.errstate(all="ignore"):
        above = np.nextafter(total, np.float32(np.inf))
        below = np.nextafter(total, -np.float32(np.inf))
        gap = np.abs(exact - total)
        halfway = (gap > 0) & ((gap == np.abs(above - exact)) | (gap == np.abs(below - exact)))
    assert halfway.sum() > 1000
    assert ((total == 0) & (x != 0)).sum() > 1000


def test_flush():
    x = stimuli.specials()
    assert np.array_equal(bits(binary32.flush(x)), bits(flushed(x)))
    small = np.array([2.0**-14, -(2.0**-15), 65504.0], np.float32)
    assert bits(binary32.flush(small, BINARY16)).tolist() == bits([2.0**-14, -0.0, 65504]).tolist()


def integers() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    width = rng.integers(1, 62, 6000)
    q = rng.integers(0, 2**62, 6000) >> (62 - width)
    tie = (q >> 10 << 10) + 512
    q = np.choose(rng.integers(0, 3, 6000), (q, tie, (1 << width) - rng.integers(0, 2, 6000)))
    q *= rng.choice([-1, 1], 6000)
    exponent = rng.integers(-190, 130, 6000)
    edge = [(0, 5), (1, -126), (1, -127), (2**24 - 1, -150), (2**25 - 1, -151), (2**24, 104)]
    edge += [(2**24 - 1, 104), (2**25 - 1, 103), (1, 3000), (1, -3000), (2**61, -187), (0, 3000)]
    # Ties of 62 bits, and a rest that decides them.
    ties = [(2**24 + n) << 37 for n in (1, 3)]
    edge += [(tie + rest, -60) for tie in ties for rest in (-1, 0, 1, 2**8)]
    more = np.array(edge + [(-a, b) for a, b in edge])
    return np.concatenate((q, more[:, 0])), np.concatenate((exponent, more[:, 1]))


def integer_mismatches(from_integer) -> int:
    q, exponent = integers()
    got = bits(from_integer(q, exponent)).tolist()
    slow = [
        slow_bits(reference.to_binary32(Fraction(a) * Fraction(2) ** b))
        for a, b in zip(q.tolist(), exponent.tolist(), strict=True)
    ]
    return sum(a != b for a, b in zip(got, slow, strict=True))


def test_from_integer():
    assert integer_mismatches(binary32.from_integer) == 0
    nan = binary32.from_integer([[1, 0]], 0, [[False], [True]])
    assert bits(nan).tolist() == [[0x3F800000, 0], [NAN, NAN]]


def test_from_integer_rounds_with_an_unbounded_exponent():
    """What rounds up to 2**-126 is not yet a subnormal; what rounds up to 2**128 is infinite."""
    assert bits(binary32.from_integer(2**25 - 1, -151)).tolist() == 0x00800000
    assert bits(binary32.from_integer(-(2**24 - 1), -150)).tolist() == 0x80000000
    assert bits(binary32.from_integer(2**25 - 1, 103)).tolist() == 0x7F800000


FAULTS_OF_INTEGERS = {
    "two roundings": lambda q, e: np.ldexp(q.astype(float), e.clip(-400, 400)).astype(np.float32),
    "subnormals": lambda q, e: binary32.from_integer(q, e + 1) / np.float32(2),
    "negative zero": lambda q, e: np.where(q == 0, np.float32(-0.0), binary32.from_integer(q, e)),
    "truncation": lambda q, e: binary32.from_integer(q >> 30 << 30, e),
}


@pytest.mark.parametrize("fault", FAULTS_OF_INTEGERS)
def test_planted_fault_of_integers(fault):
    with np.errstate(all="ignore"):
        assert integer_mismatches(FAULTS_OF_INTEGERS[fault]) > 0


def test_bits_of_every_half():
    every = np.arange(1 << 16)
    for format in (BINARY16, BFLOAT16):
        values = binary32.from_bits(every, format)
        number = ~np.isnan(values)
        assert np.array_equal(binary32.to_bits(values, format)[number], every[number])
        field = every >> format.fraction_bits & format.exponent_ones
        fraction = every & (1 << format.fraction_bits) - 1
        assert np.array_equal(number, (field < format.exponent_ones) | (fraction == 0))
        normal = (field > 0) & (field < format.exponent_ones)
        sign = 1 - 2.0 * (every >> 15)
        significand = 1 + np.ldexp(fraction.astype(float), -format.fraction_bits)
        expected = sign * np.ldexp(significand, field - format.bias)
        assert np.array_equal(values[normal], expected[normal])


def test_bits_of_specials():
    assert binary32.from_bits([1, 0x8001], BINARY16).tolist() == [2.0**-24, -(2.0**-24)]
    assert binary32.to_bits(binary32.NAN, BINARY16) == 0x7E00
    assert binary32.to_bits(binary32.NAN, BFLOAT16) == 0x7FC0
    assert binary32.from_bits(0x3F800001).view(np.uint32) == 0x3F800001
    assert binary32.to_bits(stimuli.specials()[-1], BINARY32) == 0xFF800001


@pytest.mark.parametrize("format", [BINARY16, BFLOAT16])
def test_bits_must_be_exact(format):
    with pytest.raises(UserError, match=f"x must hold values of {format.name}, not 1.000122"):
        binary32.to_bits([1.0, 1.0 + 2**-13], format)
    if format == BINARY16:
        with pytest.raises(UserError, match="x must hold values of binary16, not 65536.0"):
            binary32.to_bits(65536.0, format)


FORMATS = {format.name: format for format in (BINARY32, BFLOAT16, BINARY16)}


def slow_multiply(x: float, y: float, format: FloatFormat) -> float:
    """Multiply fractions."""
    least = 1 - format.bias
    x, y = (math.copysign(0.0, v) if abs(v) < 2.0**least else v for v in (x, y))
    sign = math.copysign(1, x) * math.copysign(1, y)
    if not (math.isfinite(x) and math.isfinite(y)):
        return math.nan if math.isnan(x * y) else sign * math.inf
    product = Fraction(x) * Fraction(y)
    rounded = reference.to_binary32(product, format.fraction_bits, least)
    return math.copysign(rounded, sign)


@pytest.mark.parametrize("name", FORMATS)
def test_multiply(name):
    format = FORMATS[name]
    x, y = (from_bits(v, format) for v in stimuli.factor_bits(20_000, 1, format))
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    slow = [slow_bits(slow_multiply(a, b, format)) for a, b in pairs]
    assert bits(binary32.multiply(x, y, format)).tolist() == slow


def test_multiply_is_that_of_numpy():
    """Where the exact product is no subnormal; below, NumPy rounds to fewer places."""
    x, y = (from_bits(v) for v in stimuli.factor_bits(1_000_000, 2))
    with np.errstate(all="ignore"):
        exact = np.abs(flushed(x).astype(float) * flushed(y))
        product = flushed(x) * flushed(y)
    product = np.where(np.isnan(product), binary32.NAN, product)
    normal = (exact == 0) | ~(exact < np.finfo(np.float32).tiny)
    assert normal.mean() > 0.8
    assert np.array_equal(bits(binary32.multiply(x, y))[normal], bits(product)[normal])


@pytest.mark.parametrize("name", FORMATS)
def test_add_in_every_format(name):
    format = FORMATS[name]
    least = 1 - format.bias
    x, y = (from_bits(v, format) for v in stimuli.pair_bits(20_000, 3, format))
    total = binary32.add(x, y, format)
    for a, b, found in zip(x.tolist(), y.tolist(), total.tolist(), strict=True):
        a, b = (math.copysign(0.0, v) if abs(v) < 2.0**least else v for v in (a, b))
        if math.isfinite(a) and math.isfinite(b) and a + b:
            exact = Fraction(a) + Fraction(b)
            assert found == reference.to_binary32(exact, format.fraction_bits, least)
        else:
            assert slow_bits(found) == slow_bits(a + b)


def test_rounded():
    words = [0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0xBF808000, 0x7F7FFFFF, 0x007FFFFF]
    words += [0x7F800001, 0xFFFFFFFF, 0x80000001, 0x00FFFFFF]
    got = binary32.rounded(np.array(words, np.uint32).view(np.float32), BFLOAT16)
    expected = [0x3F800000, 0x3F820000, 0x3F810000, 0x3F800000, 0xBF800000, 0x7F800000, 0x00000000]
    expected += [0x7FC00000, 0x7FC00000, 0x80000000, 0x01000000]
    assert [hex(v) for v in got.view(np.uint32)] == [hex(v) for v in expected]
