"""The model of the Hadamard transform against check values and exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest

from sw.errors import UserError
from sw.formats import BFLOAT16, FLOAT_FORMATS, FloatFormat, binary32
from sw.formats.hadamard import HadamardParameters, hadamard

TE = HadamardParameters()

# By the definition, with the signs of TransformerEngine, 0xD7E8.
CHECK = {
    "e0": (np.eye(16)[0], [0.25] * 16),
    "ones": (np.ones(16), [-1, 0, 1, 0, 1, 0, -1, 0, 1, 2, 1, 0, 1, 0, 1, -2]),
    "0..15": (
        np.arange(16),
        [-14.5, -7.5, 6.5, -0.5, 6.5, -0.5, -14.5, 8.5]
        + [7.5, 14.5, 0.5, 1.5, 0.5, -2.5, 9.5, -15.5],
    ),
}


@pytest.mark.parametrize("name", CHECK)
def test_check_values(name):
    x, expected = CHECK[name]
    assert hadamard(TE, x.astype(np.float32)).tolist() == expected


def rounded(value: Fraction, format: FloatFormat) -> float:
    """To nearest even with any exponent; what is below the normal numbers becomes a zero."""
    if value == 0:
        return 0.0
    size, exponent = abs(value), 0
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    steps = round(size / Fraction(2) ** (exponent - format.fraction_bits))
    result = Fraction(steps) * Fraction(2) ** (exponent - format.fraction_bits)
    if result < Fraction(2) ** -126:
        result = Fraction(0)
    plain = math.inf if result >= Fraction(2) ** 128 else float(result)
    return math.copysign(plain, value)


def reference(p: HadamardParameters, x: np.ndarray) -> np.ndarray:
    """The definition, of one tile of finite elements that are not subnormal."""
    assert p.signs is not None
    scale = Fraction(float(np.float32(1 / math.sqrt(p.tile))))
    terms = [Fraction(float(v)) * (-1) ** (p.signs >> i & 1) for i, v in enumerate(x)]
    sums = [
        sum(term * (-1) ** (i & j).bit_count() for i, term in enumerate(terms))
        for j in range(p.tile)
    ]
    return np.array([rounded(each * scale, p.formats[1]) for each in sums], np.float32)


@pytest.mark.parametrize("tile", [2, 4, 8, 16, 32])
@pytest.mark.parametrize("source", FLOAT_FORMATS)
@pytest.mark.parametrize("result", ["bfloat16", "binary32"])
def test_exact_sums(tile, source, result):
    p = HadamardParameters(tile=tile, lanes=1, source=source, result=result)
    form = FLOAT_FORMATS[source]
    rng = np.random.default_rng(tile)
    x = rng.standard_normal((9, tile)) * np.exp2(rng.integers(-5, 5, (9, tile)))
    # Exponents of all the range, and what cancels but for its least element.
    x[3:] *= np.exp2(rng.integers(2 - form.bias, form.bias - 5, (6, tile)))
    x[6:, 1::2] = -x[6:, ::2]
    x[6:, 1] *= 0.75
    x = binary32.rounded(x.astype(np.float32), form)
    expected = np.array([reference(p, each) for each in x])
    np.testing.assert_array_equal(hadamard(p, x).view(np.uint32), expected.view(np.uint32))


def near_a_tie(side: int) -> np.ndarray:
    """Eight elements whose scaled sum is 2**-77 of it beside halfway between two results."""
    product = (1 << 52) + side
    total = product * pow(0xB504F3, -1, 1 << 53) % (1 << 53)
    parts = [total >> 29 << 29, (total >> 5 & (1 << 24) - 1) << 5, total & 31]
    assert sum(parts) == total and total * 0xB504F3 % (1 << 53) == product
    return np.array([*parts, 0, 0, 0, 0, 0], np.float32)


@pytest.mark.parametrize("side", [-1, 1])
def test_the_scale_is_no_rounding_of_its_own(side):
    p = HadamardParameters(tile=8, source="binary32", result="binary32", signs=0)
    x = near_a_tie(side)
    np.testing.assert_array_equal(hadamard(p, x), reference(p, x))
    with np.errstate(over="ignore"):
        twice = np.float32(x.astype(np.float64).sum() * np.float32(1 / math.sqrt(8)))
    other = np.float32(np.nextafter(twice, np.float32(np.inf if side > 0 else 0)))
    assert hadamard(p, x)[0] in (twice, other)


def test_without_signs_it_is_its_own_inverse():
    p = TE.replace(signs=0)
    x = np.random.default_rng(1).integers(-15, 16, (20, 16)).astype(np.float32)
    np.testing.assert_array_equal(hadamard(p, hadamard(p, x)), x)
    assert np.array_equal(hadamard(TE, x, signs=0), hadamard(p, x))


def test_what_is_not_finite_and_zeros():
    x = np.zeros((6, 16), np.float32)
    x[0, 3] = np.nan
    x[1, 2] = np.inf
    x[2, [2, 3]] = np.inf
    x[3] = -0.0
    x[4] = 1e-40
    x[5] = 3e38
    p = TE.replace(signs=0, source="binary32")
    found = hadamard(p, x)
    sign = 1 - 2 * (np.arange(16) >> 1 & 1)
    assert (found[0].view(np.uint32) == 0x7FC00000).all()
    assert np.array_equal(found[1], np.inf * sign)
    assert np.array_equal(np.isnan(found[2]), np.arange(16) % 2 == 1)
    assert (found[3:5].view(np.uint32) == 0).all()
    assert found[5].tolist() == [np.inf] + [0] * 15


def test_results_below_the_normal_numbers_keep_their_sign():
    x = np.zeros(16, np.float32)
    x[0] = 2.0**-125
    found = hadamard(TE.replace(signs=1), x)
    assert (found.view(np.uint32) == 1 << 31).all()
    x[0] = 2.0**-124
    assert np.array_equal(hadamard(TE, x), np.full(16, 2.0**-126, np.float32))


REFUSED = [
    ({"tile": 64}, "tile must be one of 2, 4, 8, 16, 32, not 64"),
    ({"lanes": 3}, "lanes must divide the 16 elements of a tile, not 3"),
    ({"lanes": 64}, "lanes must be an integer from 1 to 32, not 64"),
    ({"source": "fp8"}, "source must be one of binary32, bfloat16, binary16, not 'fp8'"),
    ({"result": "binary16"}, "result must be one of bfloat16, binary32, not 'binary16'"),
    ({"tile": 4, "signs": 16}, "signs must be an integer from 0 to 15, not 16"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED)
def test_refused(fields, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        HadamardParameters(**fields)


def test_tiles_of_another_size_or_format_are_refused():
    with pytest.raises(UserError, match="^x must have the shape"):
        hadamard(TE, np.zeros((3, 8), np.float32))
    with pytest.raises(UserError, match="^x must hold values of bfloat16, not 1.0039062"):
        hadamard(TE, np.full(16, 1 + 2.0**-8, np.float32))
    with pytest.raises(UserError, match="^signs must be an integer from 0 to 65535, not 65536"):
        hadamard(TE, np.zeros(16, np.float32), signs=65536)


def test_the_signs_of_a_smaller_tile_are_those_of_its_elements():
    assert HadamardParameters(tile=4).signs == 0x8
    assert HadamardParameters(tile=32).signs == TE.signs == 0xD7E8
    assert BFLOAT16 == TE.formats[0] == TE.formats[1]
