"""The compiled products of matrices have the bits of the plain ones."""

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.approx import fast
from sw.approx.product import Datapath, gemm
from sw.approx.table import Table, make
from tests.stimuli import edge_bits

SHAPES = [(1, 1, 1), (3, 5, 70), (70, 130, 3), (9, 64, 129), (0, 3, 2), (2, 0, 3), (2, 3, 0)]
FRACTIONS = [
    *(Datapath(name=name, bits=7) for name in ("exact", "mitchell", "mbm", "realm8", "drum6")),
    *(Datapath(name="mitchell", bits=bits) for bits in (1, 12, 23)),
    *(Datapath(name="mbm", bits=bits) for bits in (1, 2, 3, 9, 11, 23)),
    *(Datapath(name=name, bits=23) for name in ("exact_nearest", "realm16", "drum9", "array2")),
]

SIGNS = np.array([-1, 1], np.float32)


def check(fractions, a, b) -> None:
    got, expected = fast.gemm(fractions, a, b), gemm(fractions, a, b)
    inputs = {"inputs": {"a": np.asarray(a), "b": np.asarray(b)}}
    assert_equal(got.view(np.uint32), expected.view(np.uint32), context=inputs)


def matrix(rng, shape, spread: int = 8) -> np.ndarray:
    """Ordinary numbers, a third of them zeros."""
    x = np.ldexp(rng.standard_normal(shape), rng.integers(-spread, spread, shape))
    return np.where(rng.random(shape) < 0.3, 0, x).astype(np.float32)


@pytest.mark.parametrize("fractions", FRACTIONS, ids=lambda f: f"{f.name}-{f.bits}")
def test_ordinary_numbers(fractions):
    rng = np.random.default_rng(1)
    for m, k, n in SHAPES:
        check(fractions, matrix(rng, (m, k)), matrix(rng, (k, n)))


@pytest.mark.parametrize("name, bits", [("mbm", 7), ("mitchell", 7), ("mitchell", 23), ("mbm", 23)])
def test_special_numbers(name, bits):
    """Some rows hold values of every class, others only products that leave binary32."""
    rng = np.random.default_rng(2)
    edges = edge_bits().view(np.float32)
    fractions = Datapath(name=name, bits=bits)
    for share in (0.0, 0.001, 0.02, 1.0):
        for shape in ((40, 30, 70), (100, 30, 20)):
            a, b = matrix(rng, shape[:2]), matrix(rng, shape[1:])
            for x in (a, b):
                special = rng.random(x.shape) < share
                x[special] = rng.choice(edges, special.sum())
            check(fractions, a, b)


@pytest.mark.parametrize("name", ["mbm", "mitchell"])
def test_near_the_ends_of_the_exponents(name):
    """Sums that are subnormal, and products, by a binade more or less."""
    rng = np.random.default_rng(3)
    for low in range(-14, 3):
        a = np.ldexp(rng.uniform(1, 2, (9, 8)), -60).astype(np.float32)
        b = np.ldexp(rng.uniform(1, 2, (8, 66)), -66 + 7 + low).astype(np.float32)
        check(Datapath(name=name, bits=7), a * rng.choice(SIGNS, a.shape), b)
    for high in range(-2, 3):
        a = np.ldexp(rng.uniform(1, 2, (9, 8)), 63 + high).astype(np.float32)
        b = np.ldexp(rng.uniform(1, 2, (8, 66)), 63).astype(np.float32)
        check(Datapath(name=name, bits=7), a * rng.choice(SIGNS, a.shape), b)
    for top in (126, 127):
        b = np.full((2, 65), 2.0**top, np.float32)
        check(Datapath(name=name, bits=7), np.array([[0.5, -0.5], [0, 1], [2, 3]], np.float32), b)


def test_a_table_that_does_not_commute():
    rng = np.random.default_rng(4)
    entries = rng.integers(0, 1 << 6, 4**5)
    table = Table(name="random", bits=5, entries=entries)
    for m, k, n in SHAPES:
        check(table, matrix(rng, (m, k)), matrix(rng, (k, n)))
        check(table, matrix(rng, (m, k), 90), matrix(rng, (k, n), 90))


def test_operands_of_any_layout():
    rng = np.random.default_rng(5)
    a, b = matrix(rng, (20, 33)), matrix(rng, (40, 33))
    check(make("mbm", 7), a[::2], b[:, ::-1].T)


def test_planted_faults_are_caught(monkeypatch):
    rng = np.random.default_rng(6)
    table = Table(name="random", bits=3, entries=rng.integers(0, 16, 64))
    a, b = matrix(rng, (70, 9)), matrix(rng, (9, 5))
    check(table, a, b)
    right = fast._values

    def untransposed(fractions, turned):
        return right(fractions, not turned)

    monkeypatch.setattr(fast, "_values", untransposed)
    with pytest.raises(MismatchError):
        check(table, a, b)
    monkeypatch.undo()
    tiny = np.ldexp(a, -70).astype(np.float32), np.ldexp(b, -60).astype(np.float32)
    check(table, *tiny)
    monkeypatch.setattr(fast, "_plain", lambda a, *rest: np.ones(len(a), bool))
    with pytest.raises(MismatchError):
        check(table, *tiny)
