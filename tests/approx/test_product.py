"""Products of values: every class against the rules said in words, and matrices."""

import numpy as np
import pytest

from sim.compare import assert_equal
from sw.approx.product import Datapath, gemm, multiply, multiply_bits
from sw.approx.table import Table, make
from sw.errors import UserError
from sw.formats import BFLOAT16, BINARY16, BINARY32, FloatFormat, binary32
from tests.stimuli import edge_bits, factor_bits

SMALL = FloatFormat(exponent_bits=4, fraction_bits=3)
FORMATS = [BINARY32, BFLOAT16, BINARY16, SMALL]
NAMES = [form.name for form in FORMATS]


def parts(bits: int, form: FloatFormat) -> tuple[int, int, int]:
    return (
        bits >> form.width - 1,
        bits >> form.fraction_bits & form.exponent_ones,
        bits & ((1 << form.fraction_bits) - 1),
    )


def reading(table: Table | Datapath, x: int, y: int, form: FloatFormat) -> int:
    """One product, case by case."""
    (sx, ex, fx), (sy, ey, fy) = parts(x, form), parts(y, form)
    top, point = form.exponent_ones, form.fraction_bits
    sign = (sx ^ sy) << form.width - 1
    if (ex == top and fx) or (ey == top and fy) or {ex, ey} == {0, top}:
        return top << point | 1 << point - 1
    if top in (ex, ey):
        return sign | top << point
    if 0 in (ex, ey):
        return sign
    cut = point - table.bits
    carry, fraction = divmod(int(table.codes(fx >> cut, fy >> cut)), 1 << table.bits)
    exponent = ex + ey - form.bias + carry
    if exponent < 1:
        return sign
    if exponent >= top:
        return sign | top << point
    return sign | exponent << point | fraction << cut


@pytest.mark.parametrize("form", FORMATS, ids=NAMES)
def test_every_class(form):
    edges = edge_bits(form)
    x, y = np.repeat(edges, len(edges)), np.tile(edges, len(edges))
    more = factor_bits(2000, 1, form)
    x, y = np.concatenate((x, more[0])), np.concatenate((y, more[1]))
    for name, bits in (("mbm", 3), ("exact_nearest", form.fraction_bits), ("mitchell", 2)):
        fractions = Datapath(name=name, bits=bits)
        expected = [
            reading(fractions, a, b, form) for a, b in zip(x.tolist(), y.tolist(), strict=True)
        ]
        got = multiply_bits(fractions, x, y, form)
        assert_equal(got, np.array(expected, np.uint32), context={"inputs": {"x": x, "y": y}})


def test_exact_nearest_is_the_product_of_the_circuits():
    x, y = factor_bits(100_000, 2)
    a, b = x.view(np.float32), y.view(np.float32)
    fractions = Datapath(name="exact_nearest", bits=23)
    got, expected = multiply(fractions, a, b), binary32.multiply(a, b)
    # `binary32.multiply` rounds before it looks for what is too small; these differ nowhere else.
    edge = np.abs(expected) == np.float32(2.0**-126)
    assert_equal(got[~edge].view(np.uint32), expected[~edge].view(np.uint32))


def test_table_and_datapath_are_one():
    x, y = factor_bits(10_000, 3, BFLOAT16)
    for name in ("mbm", "realm8", "drum4", "array1"):
        table, datapath = make(name, 7), Datapath(name=name, bits=7)
        assert_equal(multiply_bits(table, x, y, BFLOAT16), multiply_bits(datapath, x, y, BFLOAT16))


EMPTY = np.zeros((2, 0), np.float32)


def test_sums_are_in_order():
    """2**24, 1 and -2**24: lost or not by the order."""
    one = Datapath(name="exact", bits=7)
    column = np.array([2.0**24, 1.0, -(2.0**24)], np.float32)
    for order, total in (([0, 1, 2], 0.0), ([0, 2, 1], 1.0)):
        assert gemm(one, np.ones((1, 3), np.float32), column[order, None]) == total


def test_sums_are_flushed():
    a = np.array([[1.5 * 2.0**-100, -(2.0**-100)]], np.float32)
    b = np.array([[2.0**-26], [2.0**-26]], np.float32)
    product = gemm(Datapath(name="exact", bits=7), a, b)
    assert product == 0 and not np.signbit(product)
    assert gemm(Datapath(name="exact", bits=7), EMPTY, EMPTY.T).shape == (2, 2)


def test_errors():
    table = make("mbm", 7)
    with pytest.raises(UserError, match=r"must be \(m, k\) and \(k, n\), not \(0, 2\) and \(0, 2"):
        gemm(table, EMPTY.T[:0], EMPTY.T)
    with pytest.raises(UserError, match="bits of mbm in bfloat16 must be an integer from 1 to 7"):
        multiply_bits(Datapath(name="mbm", bits=8), 0, 0, BFLOAT16)
    with pytest.raises(UserError, match="bits of drum6 must be an integer from 5 to 23, not 4"):
        Datapath(name="drum6", bits=4)
