"""Floating-point formats of any width: every pattern of small ones, against fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import BINARY16, BINARY32, FloatFormat, binary32
from sw.formats.converter import ConverterParameters
from tests.bfp import reference


def form(exponent_bits: int, fraction_bits: int) -> FloatFormat:
    return FloatFormat(exponent_bits=exponent_bits, fraction_bits=fraction_bits)


SMALL = [(2, 2), (2, 5), (3, 2), (4, 3), (5, 2), (5, 10), (6, 4), (7, 3), (8, 2), (8, 7)]


def value(pattern: int, exponent_bits: int, fraction_bits: int) -> float:
    """Read IEEE 754's interchange format, section 3.4."""
    fraction = pattern % 2**fraction_bits
    field = pattern >> fraction_bits & 2**exponent_bits - 1
    sign = -1 if pattern >> (exponent_bits + fraction_bits) else 1
    bias = 2 ** (exponent_bits - 1) - 1
    if field == 2**exponent_bits - 1:
        return math.nan if fraction else sign * math.inf
    significand = Fraction(fraction, 2**fraction_bits) + (field > 0)
    exact = significand * Fraction(2) ** (max(field, 1) - bias)
    return math.copysign(float(exact), sign)


def test_one_in_a_byte():
    assert binary32.from_bits(0x3C, form(5, 2)) == 1.0
    assert binary32.from_bits(0x38, form(4, 3)) == 1.0
    assert binary32.from_bits(0x7B, form(5, 2)) == 57344.0
    assert binary32.to_bits(np.float32(-57344), form(5, 2)) == 0xFB
    assert binary32.to_bits(np.float32(2.0**-16), form(5, 2)) == 0x01


@pytest.mark.parametrize("fields", SMALL, ids=str)
def test_every_pattern(fields):
    format = form(*fields)
    patterns = np.arange(1 << format.width)
    expected = np.array([value(p, *fields) for p in patterns.tolist()], np.float32)
    found = binary32.from_bits(patterns, format)
    number = ~np.isnan(expected)
    assert np.array_equal(np.isnan(found), ~number)
    assert np.array_equal(found.view(np.uint32)[number], expected.view(np.uint32)[number])
    codes = binary32.to_bits(found, format)
    assert np.array_equal(codes[number], patterns[number])
    quiet = format.exponent_ones << format.fraction_bits | 1 << format.fraction_bits - 1
    assert (codes[~number] == quiet).all()


@pytest.mark.parametrize("fields", SMALL, ids=str)
def test_what_a_format_does_not_hold(fields):
    format = form(*fields)
    finite = binary32.from_bits(np.arange(format.exponent_ones << format.fraction_bits), format)
    between = (finite[:-1].astype(np.float64) + finite[1:]) / 2
    between = between[between > 2.0 ** (1 - format.bias)][-40:].astype(np.float32)
    most = float(finite[-1])
    beyond = [np.float32(v) for v in (1.25 * most, 2 * most) if v <= binary32.LARGEST]
    for wrong in [*between, *beyond]:
        with pytest.raises(UserError, match="x must hold values of custom, not "):
            binary32.to_bits(wrong, format)
        with pytest.raises(UserError, match="y must hold values of custom, not "):
            binary32.add(np.float32(0), wrong, format)
        with pytest.raises(UserError, match="x must hold values of custom, not "):
            binary32.multiply(wrong, np.float32(0), format)


@pytest.mark.parametrize("fields", [(3, 2), (2, 3), (5, 1)], ids=str)
def test_all_sums_and_products(fields):
    if fields[1] < 2:
        with pytest.raises(UserError, match="fraction_bits must be an integer from 2 to 23, not 1"):
            form(*fields)
        return
    format = form(*fields)
    least = 2.0 ** (1 - format.bias)
    x = binary32.from_bits(np.arange(format.exponent_ones << format.fraction_bits), format)
    x = np.concatenate((x, -x))
    sums = binary32.add(x[:, None], x, format)
    products = binary32.multiply(x[:, None], x, format)
    flushed = [math.copysign(0.0, v) if abs(v) < least else v for v in x.tolist()]
    for i, a in enumerate(flushed):
        for j, b in enumerate(flushed):
            exact = Fraction(a) + Fraction(b)
            total = reference.to_binary32(exact, format.fraction_bits, 1 - format.bias)
            if a == b == 0:
                total = -0.0 if math.copysign(1, a) == math.copysign(1, b) == -1 else 0.0
            exact = Fraction(a) * Fraction(b)
            product = reference.to_binary32(exact, format.fraction_bits, 1 - format.bias)
            product = math.copysign(product, math.copysign(1, a) * math.copysign(1, b))
            assert (sums[i, j], np.signbit(sums[i, j])) == (total, math.copysign(1, total) < 0)
            assert products[i, j] == product
            assert np.signbit(products[i, j]) == (math.copysign(1, product) < 0)


def test_name_of_the_field():
    """fp32 is read, and stands nowhere afterwards: digests stay."""
    assert FloatFormat.read("fp32") == BINARY32 and FloatFormat.read("fp32").name == "binary32"
    short, long = (ConverterParameters(source=name) for name in ("fp32", "binary32"))
    assert short == long and short.digest == long.digest
    with pytest.raises(UserError, match="unknown format 'fp64'"):
        FloatFormat.read("fp64")


def test_names_decide_nothing():
    mine = FloatFormat(name="mine", exponent_bits=5, fraction_bits=10)
    assert mine == BINARY16 and hash(mine) == hash(BINARY16)
    every = np.arange(1 << 16)
    a, b = (binary32.from_bits(every, f).view(np.uint32) for f in (mine, BINARY16))
    assert np.array_equal(a, b)
    x = np.array([1.5, 65504, 2.0**-24, np.inf], np.float32)
    assert binary32.to_bits(x, mine).tolist() == [0x3E00, 0x7BFF, 1, 0x7C00]
    wide = FloatFormat(name="mine", exponent_bits=8, fraction_bits=23)
    assert wide == BINARY32
    assert binary32.to_bits(np.uint32(0xFF800001).view(np.float32), wide) == 0xFF800001


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: binary32.from_bits(1.0), "bits must be an array of integer, not float64"),
        (lambda: binary32.from_bits(-1), "bits must be from 0 to 4294967295, not -1"),
        (lambda: binary32.from_bits([3, 256], form(5, 2)), "bits must be from 0 to 255, not 256"),
        (lambda: binary32.from_bits(True), "bits must be an array of integer, not bool"),
        (lambda: binary32.to_bits(np.float64(1)), "x must be an array of float32, not float64"),
        (lambda: binary32.to_bits([0.1]), "x must be an array of float32, not float64"),
        (lambda: binary32.flush(np.ones(2)), "x must be an array of float32, not float64"),
        (lambda: binary32.rounded(1e-50, BINARY16), "x must be an array of float32, not float64"),
        (lambda: binary32.add(1, np.ones(2)), "y must be an array of float32, not float64"),
        (lambda: binary32.multiply("1", 1), "x must be an array of float32, not <U1"),
        (lambda: binary32.from_integer(1.5, 0), "q must be an array of integer, not float64"),
        (lambda: binary32.from_integer(2**62, 0), "q must be from -4611686018427387903 to 46116"),
        (lambda: binary32.from_integer(1, 0.5), "exponent must be an array of integer, not float"),
        (lambda: binary32.from_integer(1, 2**40), "exponent must be from -2147483648 to 21474836"),
        (lambda: binary32.from_integer(1, 0, 1), "nan must be an array of bool, not int64"),
    ],
)
def test_refused(call, message):
    with pytest.raises(UserError, match=f"^{message}"):
        call()
