"""Pulsed updates against a slow second reading, their chances and their expected change."""

import math

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.errors import UserError
from sw.formats import binary32
from sw.stochastic import pulsed
from sw.stochastic.bits import SHARES
from sw.stochastic.fast import pulsed_sums
from sw.stochastic.pulsed import PulsedParameters, pulsed_gradient, pulses
from tests.bfp.reference import flush
from tests.stochastic import reference
from tests.stochastic.stimuli import vectors


def gradient(p: PulsedParameters, d, x, rate: float, first: int = 0) -> list[list[float]]:
    """Pulse by pulse, of lists (m, pairs) and (n, pairs)."""
    m, n, pairs = len(d), len(x), len(d[0])
    x_bits, d_bits = reference.all_bits(p, [n, m])
    full = 2**p.bits - 1 if p.bits == p.width else 2**p.bits
    totals = [[0] * n for _ in range(m)]
    for i in range(pairs):
        xs, ds = [flush(row[i]) for row in x], [flush(row[i]) for row in d]
        x_most, d_most = max(map(abs, xs)), max(map(abs, ds))
        length = p.length
        if p.length_management:
            length = min(max(math.ceil(rate * x_most * d_most / p.step), 1), p.length)
        base = math.sqrt(rate / (p.step * length))
        balance = 1.0
        if p.update_management and x_most and d_most:
            balance = math.sqrt(d_most / x_most)
        xq = [min(math.floor(abs(v) * (base * balance) * full + 0.5), full) for v in xs]
        dq = [min(math.floor(abs(v) * (base / balance) * full + 0.5), full) for v in ds]
        for t in range(length):
            word = (first + i) * p.length + t
            for r in range(m):
                for c in range(n):
                    if x_bits.bit(c, word, xq[c]) and d_bits.bit(r, word, dq[r]):
                        totals[r][c] += 1 if (xs[c] < 0) == (ds[r] < 0) else -1
    return [[total * (p.step / rate) for total in row] for row in totals]


def check(p: PulsedParameters, d, x, rate: float, first: int = 0) -> None:
    got = pulsed_gradient(p, d, x, rate=rate, first=first)
    expected = np.array(gradient(p, d.tolist(), x.tolist(), rate, first), np.float32)
    assert_equal(got, expected, context={"parameters": p})


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"length": 20, "update_management": False, "width": 9, "bits": 9},
        {"length": 7, "length_management": False, "form": "galois"},
        {"step": 0.5, "bits": 3, "seed": 77},
        {"step": 2.0**-20, "length": 33, "width": 32, "bits": 24},
    ],
    ids=str,
)
def test_against_the_second_reading(fields, share):
    p = PulsedParameters(share=share, **fields)
    d, x = vectors(12, 3, 1, special=False).T.copy(), vectors(12, 4, 2, special=False).T.copy()
    x[:, 2], d[:, 3], x[:, 4] = 0, 0, 1e-40
    check(p, d, x, 0.01)
    check(p, d, x, 0.5, first=9)


def test_lengths_and_chances():
    """Of the largest values: certain where the length is not cut off, and never beyond."""
    p = PulsedParameters(step=0.01, length=10)
    x = np.array([[2.0, 1.0], [2.0, 1.0], [2.0, 1.0], [0.0, 0.0]], np.float32)
    d = np.array([[-0.25, 0.125], [4.0, -1.0], [0.001, 0.0], [1.0, 1.0]], np.float32)
    found = pulses(p, x, d, rate=0.1)
    assert found.lengths.tolist() == [5, 10, 1, 1]
    full = 2**16
    assert found.x[0].tolist() == [full, full // 2] and found.d[0].tolist() == [-full, full // 2]
    # 80 steps in 10 pulses are cut off on both sides.
    root = round(full / 2**0.5)
    assert found.x[1].tolist() == [full, full] and found.d[1].tolist() == [full, -root]
    assert 0 < found.x[2, 0] < full and found.x[3].tolist() == [0, 0]
    plain = pulses(p.replace(update_management=False), x, d, rate=0.1)
    assert plain.x[0].tolist() == [full, full]
    assert plain.d[0].tolist() == [-round(full * 0.25 * math.sqrt(2)), round(full * 0.125 * 2**0.5)]
    fixed = pulses(p.replace(length_management=False), x, d, rate=0.1)
    assert fixed.lengths.tolist() == 4 * [10]
    assert PulsedParameters(width=16).bits == 16
    whole = pulses(p.replace(width=16), x, d, rate=0.1)
    assert whole.x[0, 0] == full - 1


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("managed", [True, False])
def test_expected_change(share, managed):
    """``rate * d @ x.T`` where chances are not cut off, within 4.5 standard errors."""
    p = PulsedParameters(
        step=0.005, share=share, update_management=managed, length_management=managed
    )
    rng = np.random.default_rng(4)
    x, d = rng.standard_normal((2, 6)).astype(np.float32)
    count, rate = 4000, 0.01
    tiles = (np.tile(v[:, None], (1, count)) for v in (d, x))
    mean = pulsed_gradient(p, *tiles, rate=rate, count=pulsed_sums) / count
    exact = d[:, None] * x[None]
    # A pulse is a step or nothing, so that the variance is at most the step times the change.
    error = np.sqrt(np.abs(exact) * p.step / rate / count)
    assert np.abs((mean - exact) / error).max() < 4.5


def test_a_product_is_steps():
    p = PulsedParameters(step=2.0**-7)
    d, x = vectors(30, 3, 5, special=False).T.copy(), vectors(30, 4, 6, special=False).T.copy()
    change = 0.25 * pulsed_gradient(p, d, x, rate=0.25)
    assert np.array_equal(change, np.round(change * 2**7) / 2**7) and change.any()


def test_what_is_not_finite_or_not_learnt():
    p = PulsedParameters()
    ones = np.ones((2, 3), np.float32)
    for value in (np.nan, np.inf, -np.inf):
        bad = ones.copy()
        bad[1, 1] = value
        for operands in ((bad, ones), (ones, bad)):
            got = pulsed_gradient(p, *operands, rate=0.1)
            assert_equal(got, np.full((2, 2), binary32.NAN))
    assert_equal(pulsed_gradient(p, ones, ones, rate=0.0), np.zeros((2, 2), np.float32))


def test_first_goes_on(monkeypatch):
    p = PulsedParameters(length=5)
    d, x = vectors(9, 3, 7, special=False).T.copy(), vectors(9, 2, 8, special=False).T.copy()
    whole = pulses(p, x.T, d.T, rate=0.05)
    parts = [pulses(p, x[:, part].T, d[:, part].T, rate=0.05) for part in (slice(4), slice(4, 9))]
    total = pulsed.sums(p, parts[0], first=2) + pulsed.sums(p, parts[1], first=6)
    assert_equal(total, pulsed.sums(p, whole, first=2))
    monkeypatch.setattr(pulsed, "PAIRS", 2)
    assert_equal(total, pulsed.sums(p, whole, first=2))


def test_a_planted_fault_is_noticed(monkeypatch):
    p = PulsedParameters(length=20)
    d, x = vectors(12, 3, 1, special=False).T.copy(), vectors(12, 4, 2, special=False).T.copy()
    check(p, d, x, 0.01)
    right = pulsed.pulses

    def longer(*arguments, **options) -> pulsed.Pulses:
        found = right(*arguments, **options)
        return pulsed.Pulses(x=found.x, d=found.d, lengths=found.lengths * 0 + 20)

    monkeypatch.setattr(pulsed, "pulses", longer)
    with pytest.raises(MismatchError):
        check(p, d, x, 0.01)


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"step": 0}, "step must be a number above 0 and below 1, not 0"),
        ({"step": 1.0}, "step must be a number above 0 and below 1, not 1.0"),
        ({"step": "small"}, "step must be a number above 0 and below 1, not 'small'"),
        ({"step": float("nan")}, "step must be a number above 0 and below 1, not nan"),
        ({"length": 0}, "length must be an integer from 1 to 256, not 0"),
        ({"length": 257}, "length must be an integer from 1 to 256, not 257"),
        ({"update_management": 1}, "update_management must be true or false, not 1"),
        ({"length_management": "no"}, "length_management must be true or false, not 'no'"),
        ({"share": "x"}, "share must be one of shared, rotated, independent, not 'x'"),
        ({"width": 33}, "width must be an integer from 8 to 32, not 33"),
        ({"bits": 1}, "bits must be an integer from 2 to 24, not 1"),
        ({"width": 8}, "bits must be an integer from 2 to 8, not 16"),
        ({"form": "x"}, "form must be one of fibonacci, galois, not 'x'"),
        ({"seed": 1 << 24}, "seed must be an integer from 1 to 16777215, not 16777216"),
    ],
)
def test_parameter_errors(fields, message):
    with pytest.raises(UserError) as error:
        PulsedParameters(**fields)
    assert str(error.value) == message


def test_operand_errors():
    with pytest.raises(UserError, match=r"x must have the shape \(n, 3\), not \(2, 4\)"):
        pulsed_gradient(
            PulsedParameters(), np.zeros((2, 3), "f4"), np.zeros((2, 4), "f4"), rate=0.1
        )
