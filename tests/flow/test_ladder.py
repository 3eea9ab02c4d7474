"""Which configurations are tried, and in which order places on a curve are looked at."""

import math
from collections.abc import Callable

import pytest

from hw.flow.ladder import ladder, varied, volume
from hw.flow.search import last_within
from hw.units import UNITS
from sw.bfp.array import ArrayParameters

from .fake import shape

SHAPE = ("rows", "columns")


def test_the_ladder_of_an_array():
    steps = [shape(p) for p in ladder(ArrayParameters(rows=4, columns=4), SHAPE)]
    assert steps[:11] == [
        *[(1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (3, 4), (4, 4)],
        *[(5, 4), (6, 4), (7, 4), (8, 4)],
    ]
    assert steps[-2:] == [(64, 60), (64, 64)]
    for (r, c), (more_r, more_c) in zip(steps[:-1], steps[1:], strict=True):
        assert more_r >= r and more_c >= c and more_r * more_c > r * c


def values(name: str, start: int) -> list[int]:
    """The values of the only field that varies."""
    start_at = ArrayParameters().replace(**{name: start})
    return [vars(p)[name] for p in ladder(start_at, (name,))]


def test_a_ladder_has_what_the_unit_allows():
    assert values("lanes", 8) == [1, 2, 4, 8, 16, 32, 64]
    # Between a value and its double are its eighths.
    assert values("rows", 32)[-9:] == [32, 36, 40, 44, 48, 52, 56, 60, 64]
    assert values("rows", 48)[-2:] == [54, 60]
    assert values("rows", 3)[:6] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("unit", [name for name, unit in UNITS.items() if unit.sizes])
def test_every_unit_with_sizes_has_a_ladder(unit):
    fields = varied(UNITS[unit])
    start = UNITS[unit].parameters()
    steps = ladder(start, fields)
    sizes = [volume(p, fields) for p in steps]
    assert start in steps and sizes == sorted(set(sizes)) and len(steps) > 4


def test_what_varies():
    assert varied(UNITS["bfp_array"]) == SHAPE
    assert varied(UNITS["bfp_array"], ["lanes"]) == ("lanes",)
    assert varied(UNITS["bfp_dot"]) == ("lanes",)
    assert varied(UNITS["sparse_array"]) == ("columns", "pe_rows")


CURVES: dict[str, Callable[[int], float]] = {
    "line": lambda i: i / 40,
    "offset": lambda i: 0.9 + i / 400,
    "step": lambda i: 0.1 if i < 37 else math.inf,
    "flat": lambda i: 0.5,
    "square": lambda i: i * i / 900,
    "root": lambda i: math.sqrt(i) / 7,
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("length", [1, 2, 3, 50, 63])
def test_the_search_ends_at_the_last_that_is_within(name, length):
    curve, looked = CURVES[name], []

    def value(i: int) -> float:
        assert i not in looked
        looked.append(i)
        return curve(i)

    expected = max((i for i in range(length) if curve(i) <= 1), default=-1)
    assert last_within(range(length), value, good=-1, bad=length) == expected
    assert len(looked) <= 9


def test_the_search_takes_few_looks_at_a_line():
    looked: list[int] = []

    def value(i: int) -> float:
        looked.append(i)
        return (300 + 7 * i) / 1000

    assert last_within(range(1000), value, good=0, bad=1000, known={0: 0.3}) == 100
    assert len(looked) <= 5
