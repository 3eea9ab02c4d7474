"""Shift registers: that they are of maximal length, and go from word to word as they say."""

import math

import numpy as np
import pytest

from sw.errors import UserError
from sw.stochastic.lfsr import FORMS, TAPS, Lfsr
from tests.stochastic import reference

WIDTHS = range(8, 33)
ALL = [Lfsr(width=width, form=form) for width in WIDTHS for form in FORMS]

FACTORS = {
    8: (3, 5, 17),
    9: (7, 73),
    10: (3, 11, 31),
    11: (23, 89),
    12: (3, 5, 7, 13),
    13: (8191,),
    14: (3, 43, 127),
    15: (7, 31, 151),
    16: (3, 5, 17, 257),
    17: (131071,),
    18: (3, 7, 19, 73),
    19: (524287,),
    20: (3, 5, 11, 31, 41),
    21: (7, 127, 337),
    22: (3, 23, 89, 683),
    23: (47, 178481),
    24: (3, 5, 7, 13, 17, 241),
    25: (31, 601, 1801),
    26: (3, 2731, 8191),
    27: (7, 73, 262657),
    28: (3, 5, 29, 43, 113, 127),
    29: (233, 1103, 2089),
    30: (3, 7, 11, 31, 151, 331),
    31: (2147483647,),
    32: (3, 5, 17, 257, 65537),
}
"""Primes that divide 2**width - 1."""


def identity(width: int) -> list[int]:
    return [1 << bit for bit in range(width)]


def test_factors():
    for width, primes in FACTORS.items():
        rest = 2**width - 1
        for prime in primes:
            assert all(prime % n for n in range(2, math.isqrt(prime) + 1))
            assert rest % prime == 0
            while rest % prime == 0:
                rest //= prime
        assert rest == 1


def is_maximal(lfsr: Lfsr) -> bool:
    """Whether the order of the step is the period and no proper divisor of it."""
    one, period = identity(lfsr.width), lfsr.period
    if lfsr.linear.power(period).tolist() != one:
        return False
    shorter = [period // prime for prime in FACTORS[lfsr.width]]
    return all(lfsr.linear.power(steps).tolist() != one for steps in shorter)


@pytest.mark.parametrize("lfsr", ALL, ids=lambda x: f"{x.width}-{x.form}")
def test_maximal_length(lfsr):
    assert is_maximal(lfsr)
    # Polynomials show the same in another way.
    modulus, period = reference.polynomial(lfsr.width), 2**lfsr.width - 1
    assert reference.power(period, modulus) == 1
    for prime in FACTORS[lfsr.width]:
        assert reference.power(period // prime, modulus) != 1


@pytest.mark.parametrize("form", FORMS)
def test_taps_of_another_polynomial_are_not_maximal(form, monkeypatch):
    # The first, that of AES, cannot be divided, but its x has the order 51.
    for width, taps in ((8, (8, 4, 3, 1)), (16, (16, 15, 13, 5)), (24, (24, 23, 22, 18))):
        monkeypatch.setitem(TAPS, width, taps)
        assert not is_maximal(Lfsr(width=width, form=form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", range(8, 14))
def test_walk(width, form):
    lfsr = Lfsr(width=width, form=form)
    state, seen = 1, []
    for _ in range(lfsr.period):
        seen.append(state)
        after = lfsr.step(state)
        assert after == reference.step(state, width, form)
        state = after
    assert state == 1 and sorted(seen) == list(range(1, lfsr.period + 1))
    assert lfsr.linear.orbit(1, 1, lfsr.period).tolist() == seen


def test_published_taps():
    """Of table 3 in Xilinx XAPP 052, and two that are known well by other names."""
    assert TAPS[8] == (8, 6, 5, 4) and TAPS[24] == (24, 23, 22, 17) and TAPS[32] == (32, 22, 2, 1)
    # x**16 + x**15 + x**13 + x**4 + 1; PRBS31 and PRBS23 of ITU-T O.150 are x**31 + x**28 + 1 and
    # x**23 + x**18 + 1.
    assert reference.polynomial(16) == 0x1A011
    assert TAPS[31] == (31, 28) and TAPS[23] == (23, 18)
    assert list(TAPS) == list(WIDTHS)


def test_published_sequences():
    """PRBS9 of ITU-T O.150, x**9 + x**5 + 1, from all ones; the bits that leave at the top."""
    lfsr, state, bits = Lfsr(width=9), 511, ""
    for _ in range(40):
        bits += str(state >> 8)
        state = lfsr.step(state)
    assert bits == "1111111110000011110111110001011100110010"


def test_published_galois_states():
    """Powers of x modulo x**8 + x**6 + x**5 + x**4 + 1, by hand."""
    lfsr, state, states = Lfsr(width=8, form="galois"), 1, []
    for _ in range(12):
        states.append(state)
        state = lfsr.step(state)
    assert states == [1, 2, 4, 8, 16, 32, 64, 128, 0x71, 0xE2, 0xB5, 0x1B]


@pytest.mark.parametrize("lfsr", ALL[::3], ids=lambda x: f"{x.width}-{x.form}")
def test_jump(lfsr):
    rng = np.random.default_rng(lfsr.width)
    for state in rng.integers(1, lfsr.period, 3, endpoint=True).tolist():
        for steps in (0, 1, 2, -1, -2, 1000, -1000, lfsr.period, 5 * lfsr.period + 3, 2**40):
            after = lfsr.jump(state, steps)
            assert after == reference.jump(state, steps, lfsr.width, lfsr.form)
            assert lfsr.jump(after, -steps) == state
        walked = state
        for _ in range(100):
            walked = lfsr.step(walked)
        assert lfsr.jump(state, 100) == walked


def test_leap():
    for lfsr in ALL:
        assert lfsr.leap >= lfsr.width and math.gcd(lfsr.leap, lfsr.period) == 1
        smaller = range(lfsr.width, lfsr.leap)
        assert all(math.gcd(steps, lfsr.period) > 1 for steps in smaller)
    assert [Lfsr(width=width).leap for width in (8, 16, 24, 31)] == [8, 16, 29, 31]


def test_tables_are_of_bytes():
    linear = Lfsr(width=13).linear
    tables = linear.tables(77)
    for state in (1, 0x1234 & 0x1FFF, 0x1FFF):
        parts = [tables[byte, state >> 8 * byte & 255] for byte in range(4)]
        assert np.bitwise_xor.reduce(parts) == linear.jump(state, 77)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Lfsr(width=7), "width must be an integer from 8 to 32, not 7"),
        (lambda: Lfsr(width=33), "width must be an integer from 8 to 32, not 33"),
        (lambda: Lfsr(width=8, form="x"), "form must be one of fibonacci, galois, not 'x'"),
        (lambda: Lfsr(width=8).jump(0, 1), "state must be an integer from 1 to 255, not 0"),
        (lambda: Lfsr(width=8).jump(256, 1), "state must be an integer from 1 to 255, not 256"),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError, match=message):
        call()
