"""The functions exp, 1/x, 1/sqrt and ln: errors of the model, special values, and the circuit."""

from fractions import Fraction

import numpy as np
import pytest

from hw.accelerator.function import ExpArgument, FunctionUnit
from hw.accelerator.polynomial import Polynomial
from sw.accelerator import functions
from sw.accelerator.functions import ERRORS, LATENCY, LN2, LOG2_E, evaluate, rows
from sw.accelerator.instructions import FUNCTIONS
from sw.errors import UserError
from tests.faults import Fault, planted
from tests.stimuli import edge_bits
from tests.test_float import simulate

CODES = {name: FUNCTIONS.index(name) for name in ("exp", "recip", "rsqrt", "log")}
EXACT = {
    "exp": np.exp,
    "recip": lambda x: 1 / x,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "log": np.log,
}
BINADES = {
    "exp": [sign + field for field in range(100, 134) for sign in (0, 256)],
    "recip": [1, 127, 253, 256 + 127],
    "rsqrt": [1, 127, 128, 254],
    "log": [1, 100, *range(122, 133), 200, 254],
}
"""Signs and exponents of operands."""

INF, NINF, NAN, ONE, ZERO, MINUS = 0x7F800000, 0xFF800000, 0x7FC00000, 0x3F800000, 0, 0x80000000
SPECIALS = {
    # Of exp, 1/x, 1/sqrt and ln.
    0x00000000: (ONE, INF, INF, NINF),
    0x80000000: (ONE, NINF, NINF, NINF),
    0x007FFFFF: (ONE, INF, INF, NINF),
    0x807FFFFF: (ONE, NINF, NINF, NINF),
    0x7F800000: (INF, ZERO, ZERO, INF),
    0xFF800000: (ZERO, MINUS, NAN, NAN),
    0x7F800001: (NAN, NAN, NAN, NAN),
    0xFFC00000: (NAN, NAN, NAN, NAN),
    0x3F800000: (0x402DF854, ONE, ONE, ZERO),
    0xBF800000: (0x3EBC5AB2, 0xBF800000, NAN, NAN),
    0x00800000: (ONE, 0x7E800000, 0x5F000000, 0xC2AEAC50),  # the least normal number
    0x7EFFFFFF: (INF, ZERO, 0x1FB504F4, 0x42B00F34),
    0x7E800000: (INF, 0x00800000, 0x20000000, 0x42AEAC50),
    0xFF7FFFFF: (ZERO, MINUS, NAN, NAN),
    0x42B17218: (INF, None, None, None),  # 88.72284
    0x42B17217: (0x7F7FFF84, None, None, None),
    0xC2AEAC4F: (0x00800026, None, None, None),  # -87.33654
    0xC2AEAC51: (ZERO, None, None, None),
    0x43000000: (INF, 0x3C000000, None, None),  # 128
    0xC3000000: (ZERO, 0xBC000000, None, None),
}


def operands(binade, count, seed=0):
    """Return operands of a sign and exponent, evenly apart, the least and the largest too."""
    fractions = np.linspace(0, (1 << 23) - 1, count).astype(np.uint32)
    return (np.uint32(binade << 23) | fractions).view(np.float32)


def errors(name, x):
    """Return the errors of normal results, in units of the exact result's last place."""
    with np.errstate(all="ignore"):
        exact = EXACT[name](x.astype(np.float64))
    size = np.abs(exact)
    normal = (size >= 2.0**-126) & (size < np.finfo(np.float32).max)
    found = evaluate(CODES[name], x)[normal].astype(np.float64)
    last = np.ldexp(1.0, np.frexp(exact[normal])[1] - 24)
    return np.abs(found - exact[normal]) / last


def largest_error(name, count=20_000):
    """Return the largest error over all binades."""
    found = [errors(name, operands(binade, count)) for binade in BINADES[name]]
    return max(each.max() for each in found if len(each))


def special(name):
    """Return operands and the bits of results, of `SPECIALS`."""
    column = list(EXACT).index(name)
    known = {bits: row[column] for bits, row in SPECIALS.items() if row[column] is not None}
    return np.array(list(known), np.uint32).view(np.float32), np.array(list(known.values()))


@pytest.mark.parametrize("name", EXACT)
def test_errors_are_no_larger_than_stated(name):
    assert ERRORS[name] - 0.1 < largest_error(name) <= ERRORS[name] < 1


def test_a_wrong_coefficient_is_found(monkeypatch):
    value, slope, square = np.array(rows(), np.int64).T
    slope[5 * 128 + 77] += 16
    monkeypatch.setattr(functions, "_columns", lambda: (value, slope, square))
    assert largest_error("log") > ERRORS["log"]


@pytest.mark.parametrize("name", EXACT)
def test_special_operands(name):
    x, expected = special(name)
    np.testing.assert_array_equal(evaluate(CODES[name], x).view(np.uint32), expected)


def test_what_is_exact():
    powers = np.ldexp(np.float32(1), np.arange(-126, 127))
    np.testing.assert_array_equal(evaluate(CODES["recip"], powers), 1 / powers)
    np.testing.assert_array_equal(evaluate(CODES["recip"], -powers), -1 / powers)
    fours = np.ldexp(np.float32(1), np.arange(-126, 127, 2))
    np.testing.assert_array_equal(evaluate(CODES["rsqrt"], fours) ** 2 * fours, 1)
    tiny = np.ldexp(np.float32(1), np.arange(-126, -24))
    for x in (tiny, -tiny / 2):
        np.testing.assert_array_equal(evaluate(CODES["exp"], x), 1)


def test_constants():
    ln2 = Fraction("0.693147180559945309417232121458176568")
    assert round(ln2 * 2**35) == LN2
    assert int(2**12 / ln2) == LOG2_E


def test_shapes_are_kept_and_what_is_no_operand_is_refused():
    x = np.full((2, 3), 2, np.float32)
    np.testing.assert_array_equal(evaluate(CODES["recip"], x), np.full((2, 3), 0.5, np.float32))
    assert evaluate(CODES["log"], np.float32(1)) == 0
    with pytest.raises(UserError, match="function must be one of 1, 2, 3, 4, not 5"):
        evaluate(5, x)
    with pytest.raises(UserError, match="x must be an array of float32"):
        evaluate(1, x.astype(np.float64))


def stimuli(count, seed):
    """Return functions, operands and results: specials, then of every exponent that matters."""
    rng = np.random.default_rng(seed)
    binades = [rng.choice(BINADES[name], count // 4) for name in EXACT]
    fractions = rng.integers(0, 1 << 23, (len(CODES), count // 4))
    bits = (np.array(binades) << 23 | fractions).astype(np.uint32)
    every = np.array([*SPECIALS, *edge_bits()], np.uint32)
    bits = np.concatenate((bits, np.tile(every, (len(CODES), 1))), axis=1)
    expected = [
        evaluate(code, x).view(np.uint32)
        for code, x in zip(CODES.values(), bits.view(np.float32), strict=True)
    ]
    codes = np.broadcast_to(np.array(list(CODES.values()))[:, None], bits.shape)
    order = rng.permutation(bits.size)
    return codes.ravel()[order], bits.ravel()[order], np.array(expected).ravel()[order]


def wrong(count, seed):
    """Return how many results of the circuit are not the model's, of mixed functions."""
    codes, bits, expected = (each[:count] for each in stimuli(count, seed))
    found = simulate(FunctionUnit(), {"function": codes, "a": bits}, enable=0.8, seed=seed)
    return np.count_nonzero(found != expected)


def test_the_circuit_gives_what_the_model_gives():
    assert wrong(1000, seed=1) == 0
    assert FunctionUnit.latency == LATENCY


FAULTS = {
    "a sum goes on without enable": Fault(FunctionUnit, lambda s: [(~s.en, s.own("total").eq(0))]),
    "the square is left out": Fault(
        Polynomial, lambda s: [(s.en, s.slope_here.eq(s.slope_later_3))]
    ),
    "a negative argument is one too low": Fault(
        ExpArgument, lambda s: [(s.en, s.moved_3.eq(s.inverted_3 + functions.SHIFTED))]
    ),
    "the logarithm of a number below 0 is one": Fault(FunctionUnit, lambda s: s.nan.eq(0)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault):
    with planted(FAULTS[fault]):
        assert wrong(200, seed=2)
