"""The model of the load balancer against a slow second reading, its ratios, and its words."""

import functools
import math

import numpy as np
import pytest

from sim.compare import MismatchError, assert_equal
from sw.errors import UserError
from sw.sparse import load_balancer as model
from sw.sparse.load_balancer import BalancerParameters, balance, counts, imbalance, pass_time


def fold(parts: list[tuple[int, list[int]]]) -> list[tuple[int, list[int]]]:
    """Sort by insertion, the largest first, and put the ends together."""
    row: list[tuple[int, list[int]]] = []
    for part in parts:
        place = sum(part[0] <= other[0] for other in row)
        row.insert(place, part)
    ends = [(row[n], row[-1 - n]) for n in range(len(row) // 2)]
    return [(a[0] + b[0], a[1] + b[1]) for a, b in ends]


def check(p: BalancerParameters, values: np.ndarray) -> None:
    assigned = balance(p, values)
    for counted, pe_rows in zip(values.tolist(), assigned.tolist(), strict=True):
        parts = [(value, [n]) for n, value in enumerate(counted)]
        for _ in range(p.folds):
            parts = fold(parts)
        assert_equal(np.array(pe_rows), np.array([subtiles for _, subtiles in parts]))
        assert sorted(sum(pe_rows, [])) == list(range(p.keys))
    times = [
        max(sum(counted[n] for n in pe_row) for pe_row in pe_rows)
        for counted, pe_rows in zip(values.tolist(), assigned.tolist(), strict=True)
    ]
    assert pass_time(values, assigned).tolist() == times


@pytest.mark.parametrize("pe_rows", [1, 2, 3, 16, 32])
@pytest.mark.parametrize("subtiles", [1, 2, 4])
def test_against_the_second_reading(pe_rows, subtiles):
    p = BalancerParameters(pe_rows=pe_rows, subtiles=subtiles)
    rng = np.random.default_rng(pe_rows)
    limit = rng.choice([1, 2, 5, 4096], (30, 1))
    check(p, rng.integers(0, limit, (30, p.keys)))


def test_planted_fault(monkeypatch):
    p = BalancerParameters(pe_rows=4)
    values = np.random.default_rng(1).integers(0, 3, (30, p.keys))
    check(p, values)
    monkeypatch.setattr(model, "descending", lambda keys: np.argsort(-keys, axis=-1)[:, ::-1])
    with pytest.raises(MismatchError):
        check(p, values)


def test_equal_keys_in_their_order():
    p = BalancerParameters(pe_rows=3)
    assert balance(p, np.full((1, 6), 7)).tolist() == [[[0, 5], [1, 4], [2, 3]]]
    p = BalancerParameters(pe_rows=2, subtiles=4)
    assert balance(p, np.zeros((1, 8), int)).tolist() == [[[0, 7, 3, 4], [1, 6, 2, 5]]]


def test_counts():
    p = BalancerParameters(pe_rows=2, pointer_bits=8, count_bits=4)
    values, decreasing, saturated = counts(p, [[0, 15, 31, 30, 30], [255, 0, 255, 255, 240]])
    assert values.tolist() == [[15, 15, 0, 0], [0, 15, 0, 0]]
    assert decreasing.tolist() == [[False, False, True, False], [True, False, False, True]]
    assert saturated.tolist() == [[False, True, False, False], [False, True, False, False]]


# Tile, spread of the density about 0.1: subtiles, and the ratio at most, of 20,000 passes.
RATIOS = {
    (576, 0.0): {1: 1.23, 2: 1.06, 4: 1.025},
    (144, 0.0): {1: 1.47, 2: 1.12, 4: 1.07},
    (576, 0.5): {1: 2.23, 2: 1.34, 4: 1.135},
}


@functools.cache
def ratio(tile: int, spread: float, subtiles: int) -> float:
    return imbalance(tile=tile, density=0.1, spread=spread, subtiles=subtiles)


@pytest.mark.parametrize(("tile", "spread"), RATIOS)
def test_ratios(tile, spread):
    found = [ratio(tile, spread, subtiles) for subtiles in (1, 2, 4)]
    for subtiles, value in zip((1, 2, 4), found, strict=True):
        most = RATIOS[tile, spread][subtiles]
        assert most - 0.015 <= value <= most
    assert found[0] > found[1] > found[2] > 1


def test_ratio_of_equal_tiles():
    assert imbalance(tile=8, density=1.0, passes=3) == 1.0


def test_cost_of_quarters():
    halves, quarters = (BalancerParameters(subtiles=subtiles) for subtiles in (2, 4))
    assert (halves.period, quarters.period) == (48, 96)
    assert BalancerParameters(subtiles=1).period == 17


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: BalancerParameters(pe_rows=0), "pe_rows must be an integer from 1 to 64, not 0"),
        (lambda: BalancerParameters(subtiles=3), "subtiles must be one of 1, 2, 4, not 3"),
        (lambda: BalancerParameters(subtiles=True), "subtiles must be one of 1, 2, 4, not True"),
        (
            lambda: BalancerParameters(pointer_bits=3),
            "pointer_bits must be an integer from 4 to 32, not 3",
        ),
        (
            lambda: BalancerParameters(pointer_bits=8, count_bits=9),
            "count_bits must be an integer from 1 to 8, not 9",
        ),
        (
            lambda: counts(BalancerParameters(pe_rows=1), np.zeros((2, 2), int)),
            "pointers must have the shape (passes, 3), not (2, 2)",
        ),
        (
            lambda: counts(BalancerParameters(pe_rows=1), np.zeros((2, 3))),
            "pointers must be an array of integer, not float64",
        ),
        (
            lambda: balance(BalancerParameters(pe_rows=1, count_bits=2), [[1, 4]]),
            "counts must be from 0 to 3, not 4 at index 0, 1",
        ),
        (
            lambda: imbalance(tile=6, density=0.1, subtiles=4),
            "subtiles must divide the tile of 6, not 4",
        ),
        *(
            (lambda fields=fields: imbalance(**{"tile": 8, "density": 0.1} | fields), message)
            for fields, message in (
                ({"tile": 0}, "tile must be an integer from 1 to 4095, not 0"),
                ({"density": 0}, "density must be a number above 0 to 1, not 0"),
                ({"density": -0.5}, "density must be a number above 0 to 1, not -0.5"),
                ({"density": 1.5}, "density must be a number above 0 to 1, not 1.5"),
                ({"density": "0.1"}, "density must be a number above 0 to 1, not '0.1'"),
                ({"density": True}, "density must be a number above 0 to 1, not True"),
                ({"spread": -1}, "spread must be a number from 0 to 10, not -1"),
                ({"spread": math.inf}, "spread must be a number from 0 to 10, not inf"),
                ({"spread": math.nan}, "spread must be a number from 0 to 10, not nan"),
                ({"passes": 0}, "passes must be an integer from 1 to 1000000, not 0"),
                ({"seed": -1}, "seed must be an integer from 0 to 4294967295, not -1"),
            )
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError) as error:
        call()
    assert message in str(error.value)
