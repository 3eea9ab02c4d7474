"""The model of the outer product against a slow second reading."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.formats import BfpFormat, binary32
from sw.stochastic import outer_product as outer
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.outer_product import ends, outer_product
from sw.stochastic.weights import Weights, subtract, to_blocks
from tests import words_reference
from tests.bfp import reference as blocks
from tests.stochastic import reference
from tests.stochastic.stimuli import random_fields, vectors

PAIRS = 16


def check(p: OuterProductParameters, x, d, last=None, **options) -> None:
    marked = np.zeros(len(x), bool) if last is None else last
    expected = reference.outer_product(p, x.tolist(), d.tolist(), marked.tolist(), **options)
    got = outer_product(p, x, d, last=last, **options)
    shape = (len(expected), p.rows, p.columns)
    assert_equal(got, canonical(expected).reshape(shape), context={"parameters": p})


def canonical(values) -> np.ndarray:
    """Binary32 with the only NaN that there is."""
    x = np.array(values, np.float32)
    return np.where(np.isnan(x), binary32.NAN, x)


@pytest.mark.parametrize("seed", range(32))
def test_against_the_second_reading(seed):
    rng = np.random.default_rng(seed)
    p = OuterProductParameters(**random_fields(rng))
    pairs = PAIRS // p.batch * p.batch if p.scale == "batch" else PAIRS
    x, d = vectors(pairs, p.columns, seed), vectors(pairs, p.rows, seed + 1000)
    last = None if p.scale == "batch" else rng.random(pairs) < 0.2
    scale: dict[str, Any] = {"shift": int(rng.integers(0, 32))}
    if p.rate == "free":
        scale = {"rate": float(np.float32(rng.standard_normal()))}
    check(p, x, d, last, first=int(rng.integers(0, 9)), **scale)


@pytest.mark.parametrize("parallel, rows", [(1, 7), (2, 12), (8, 5), (16, 16)])
def test_staggered_rows(parallel, rows):
    """Row groups that are a cycle behind each other, and read words beyond the length."""
    p = OuterProductParameters(rows=rows, columns=3, length=16, parallel=parallel, batch=3)
    assert p.groups > 1
    check(p, vectors(7, 3, 1, special=False), vectors(7, rows, 2, special=False))


def test_one_pair_of_whole_vectors():
    """Elements that are the scale itself: every bit is set, but for the clamp to below one."""
    p = OuterProductParameters(rows=2, columns=2, length=8, width=8, bits=8)
    x, d = np.array([[1.0, -1.0]], np.float32), np.array([[2.0, 0.0]], np.float32)
    check(p, x, d)
    assert outer_product(p, x, d).tolist() == [[[2.0, -2.0], [0.0, 0.0]]]


def test_sums_align():
    """Of scales 2**12 apart: lost below the guard bits in one order as in the other."""
    p = OuterProductParameters(rows=1, columns=1, length=1, width=8, bits=8, guard=4, batch=2)
    ones = np.ones((2, 1), np.float32)
    for low, total in ((2.0**-4, 1 + 2.0**-4), (2.0**-5, 1 + 2.0**-4), (2.0**-6, 1.0)):
        for d in ([[1.0], [low]], [[low], [1.0]]):
            got = outer_product(p, ones, np.array(d, np.float32))
            assert got.item() == total
    # Halves of negative terms go away from zero, halves of negative sums towards it.
    minus = np.array([[1.0], [-(2.0**-5)]], np.float32)
    assert outer_product(p, ones, minus).item() == 1 - 2.0**-4
    assert outer_product(p, ones, minus[::-1]).item() == 1.0


def test_first_goes_on():
    p = OuterProductParameters(rows=3, columns=2, length=16, batch=1)
    x, d = vectors(11, 2, 3, special=False), vectors(11, 3, 4, special=False)
    whole = outer_product(p, x, d)
    for cut in (1, 2, 5):
        parts = outer_product(p, x[:cut], d[:cut]), outer_product(p, x[cut:], d[cut:], first=cut)
        assert_equal(np.concatenate(parts), whole)
    assert not np.array_equal(outer_product(p, x, d, first=1), whole)


def test_many_pairs_are_those_counted_in_parts(monkeypatch):
    p = OuterProductParameters(rows=2, columns=2, length=8)
    x, d = vectors(40, 2, 5, special=False), vectors(40, 2, 6, special=False)
    whole = outer_product(p, x, d, first=3)
    monkeypatch.setattr(outer, "PAIRS", 6)
    assert_equal(outer_product(p, x, d, first=3), whole)


def test_ends():
    def marked(text: str, batch: int) -> list[int]:
        return ends(OuterProductParameters(batch=batch), [c == "x" for c in text])

    assert marked("....", 3) == [2] and marked("....", 4) == [3] and marked("....", 5) == []
    assert marked(".x...x", 3) == [1, 4, 5] and marked("xx.", 1) == [0, 1, 2]
    assert marked("..x...", 3) == [2, 5] and marked("", 3) == []


def test_no_pairs():
    p = OuterProductParameters(rows=2, columns=3)
    empty = outer_product(p, np.zeros((0, 3), np.float32), np.zeros((0, 2), np.float32))
    assert empty.shape == (0, 2, 3)


def test_a_planted_fault_is_noticed(monkeypatch):
    p = OuterProductParameters(rows=4, columns=2, length=16, parallel=8, batch=2)
    x, d = vectors(8, 2, 7, special=False), vectors(8, 4, 8, special=False)
    check(p, x, d)
    right = outer._shifted
    monkeypatch.setattr(outer, "_shifted", lambda value, places: value >> places)
    with pytest.raises(MismatchError):
        check(p, x, d)
    monkeypatch.setattr(outer, "_shifted", right)
    monkeypatch.setattr(OuterProductParameters, "group_rows", p.rows)
    with pytest.raises(MismatchError):
        check(p, x, d)


def test_binary32_weights():
    p = OuterProductParameters(weights="binary32")
    rng = np.random.default_rng(1)
    before, results = rng.standard_normal((2, 3, 16, 16)).astype(np.float32)
    before[0, 0], results[0, 0] = [1, np.inf, np.nan, 0] * 4, [1e-40, np.inf, 1, 1] * 4
    pairs = zip(before.ravel().tolist(), results.ravel().tolist(), strict=True)
    expected = [blocks.add(w, -r) for w, r in pairs]
    got = subtract(p, before, results)
    assert_equal(got, canonical(expected).reshape(before.shape))


FORMAT = BfpFormat(mantissa_bits=6, block=(4,), exponent_bits=6)


@pytest.mark.parametrize("rounding", ["stochastic", "nearest_even"])
def test_weights_in_blocks(rounding):
    format = BfpFormat(mantissa_bits=6, block=(4,), exponent_bits=6, rounding=rounding)
    p = OuterProductParameters(rows=3, columns=16, weights=format, results=8, seed=9)
    rng = np.random.default_rng(2)
    shape = (2, 3, 16)
    exponent = rng.integers(20, 40, (2, 3, 4)).astype(np.int32)
    exponent[0, 1, 2] = format.nan_code
    weights = Weights(mantissa=rng.integers(-31, 32, shape).astype(np.int32), exponent=exponent)
    results = vectors(6, 16, 3, special=False).reshape(shape)
    got = to_blocks(p, subtract(p, weights, results), first=5)
    key = words_reference.key(9, use=2)
    words = np.reshape(words_reference.words(key, 96, format.random_bits, first=5), shape)
    for place in np.ndindex(2, 3, 4):
        *line, block = place
        part = (*line, slice(4 * block, 4 * block + 4))
        code = int(exponent[place])
        values = []
        for q, r in zip(weights.mantissa[part].tolist(), results[part].tolist(), strict=True):
            nan = code == format.nan_code
            before = np.nan if nan else blocks.to_binary32(blocks.element(q, code, format))
            values.append(blocks.add(before, -r))
        q, code, _ = blocks.quantize_block(values, format, words[part].tolist())
        assert got.mantissa[part].tolist() == q and got.exponent[place] == code


def test_rates():
    """A power of two moves only the exponent; any other rounds a second time."""
    x, d = vectors(4, 3, 9, special=False), vectors(4, 2, 10, special=False)
    p = OuterProductParameters(rows=2, columns=3, batch=1)
    plain = outer_product(p, x, d)
    for rated, factor in (
        (outer_product(p, x, d, shift=7), Fraction(1, 128)),
        (outer_product(p.replace(rate="free"), x, d, rate=-0.625), Fraction(-5, 8)),
    ):
        for before, after in zip(plain.ravel().tolist(), rated.ravel().tolist(), strict=True):
            assert after == blocks.to_binary32(Fraction(before) * factor)


def test_derived_parameters():
    p = OuterProductParameters(rows=16, columns=32, length=64, parallel=16, lanes=4)
    assert (p.stream_cycles, p.period, p.group_rows, p.groups) == (4, 10, 2, 8)
    assert (p.words, p.count_bits, p.sum_bits) == (11 * 16, 7, 7 + 8 + 6 + 1)
    assert OuterProductParameters(length=1, rows=4, columns=4, lanes=4).period == 4
