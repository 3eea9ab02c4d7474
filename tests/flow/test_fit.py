"""The largest configuration of a unit for a device: the search, its bounds, and its answer."""

import json
import math
import re
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from hw.__main__ import main
from hw.flow import fit as fitting
from hw.flow.cells import carry_ends
from hw.flow.devices import DEVICES
from hw.flow.fit import Fit, fit
from hw.flow.fit_report import as_dict
from hw.flow.ladder import ladder, varied, volume
from hw.flow.search import last_within
from hw.flow.synth import Figure
from hw.flow.tools import ToolError
from hw.flow.use import Use
from hw.units import UNITS
from sw.bfp.array import ArrayParameters
from sw.errors import UserError

DEVICE = DEVICES["LFE5U-25F"]
SHAPE = ("rows", "columns")


def shape(p: ArrayParameters) -> tuple[int, int]:
    return p.rows, p.columns


def test_the_ladder_of_an_array():
    steps = [shape(p) for p in ladder(ArrayParameters(rows=4, columns=4), SHAPE)]
    assert steps[:11] == [
        *[(1, 1), (1, 2), (2, 2), (2, 3), (2, 4), (3, 4), (4, 4)],
        *[(5, 4), (6, 4), (7, 4), (8, 4)],
    ]
    assert steps[-2:] == [(64, 60), (64, 64)]
    for (r, c), (more_r, more_c) in zip(steps[:-1], steps[1:], strict=True):
        assert more_r >= r and more_c >= c and more_r * more_c > r * c


def test_a_ladder_has_what_the_unit_allows():
    lanes = [p.lanes for p in ladder(ArrayParameters(lanes=8), ("lanes",))]
    assert lanes == [1, 2, 4, 8, 16, 32, 64]
    # Between a value and its double are all of its eighths that are whole.
    rows = [p.rows for p in ladder(ArrayParameters(rows=32), ("rows",))]
    assert rows[-9:] == [32, 36, 40, 44, 48, 52, 56, 60, 64]
    assert [p.rows for p in ladder(ArrayParameters(rows=48), ("rows",))][-2:] == [54, 60]


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


class Fake:
    """A unit of which an element takes 100 LUTs beside 1,000, and whose clock falls by doublings.

    ``noise`` is added to the MHz by seed.
    """

    def __init__(self, *, least: float = 0, noise: tuple[float, ...] = (0,)) -> None:
        self.least = least
        self.noise = noise
        self.used: list[tuple[int, int]] = []
        self.placed: list[tuple[int, int, int]] = []
        self.full: tuple[int, int] | None = None

    def use(self, parameters: ArrayParameters) -> Use:
        self.used.append(shape(parameters))
        luts = 1000 + 100 * parameters.rows * parameters.columns
        figure = Figure(label="synthesized", resource="LUT", used=luts, available=24288)
        return Use(figures=(figure,), mapped="")

    def clock(self, parameters: ArrayParameters) -> float:
        return 200 - 10 * math.log2(parameters.rows * parameters.columns)

    def place(self, parameters: ArrayParameters, seed: int) -> tuple[float, tuple[Figure, ...]]:
        self.placed.append((*shape(parameters), seed))
        if self.full and shape(parameters) >= self.full:
            raise ToolError("nextpnr failed: ERROR: no BELs remaining to implement cell type X")
        used = self.use(parameters).figures[0].used + self.least
        routed = Figure(label="routed", resource="LUT", used=used, available=24288)
        return self.clock(parameters) + self.noise[(seed - 1) % len(self.noise)], (routed,)


def found(fake: Fake, megahertz: float = 50, **options) -> Fit:
    return fit(
        "bfp_array", ArrayParameters(), DEVICE, megahertz=megahertz, tools=fake, **options
    )


def answer(result: Fit) -> tuple[tuple[int, int], tuple[int, int]]:
    assert result.best and result.following
    return shape(result.best.parameters), shape(result.following.parameters)


def test_the_largest_that_fits():
    """232 elements have room."""
    fake = Fake()
    result = found(fake)
    assert answer(result) == ((16, 14), (16, 15))
    assert result.best and result.best.verdict(50) == ""
    assert result.following
    assert result.following.verdict(50) == "does not fit: 25,000 of 24,288 LUT"
    assert len(set(fake.used)) <= 6
    assert {each[:2] for each in fake.placed} == {(1, 1), (16, 14)}


def test_the_largest_that_reaches_the_clock():
    """Of 32 elements there are 150 MHz, of 40 fewer."""
    fake = Fake()
    result = found(fake, 150)
    assert answer(result) == ((8, 4), (8, 5))
    assert result.following and result.following.verdict(150) == "reaches 146.8 MHz"
    assert len({each[:2] for each in fake.placed}) <= 6


def test_without_routing_the_clock_is_not_looked_at():
    fake = Fake()
    assert answer(found(fake, 150, route=False)) == ((16, 14), (16, 15))
    assert not fake.placed


def test_seeds_are_tried_until_one_reaches_the_clock():
    fake = Fake(noise=(-6, -3, 0, 9))
    assert answer(found(fake, 150, seeds=3)) == ((8, 4), (8, 5))
    assert [seed for r, c, seed in fake.placed if (r, c) == (8, 4)] == [1, 2, 3]
    assert [seed for r, c, seed in fake.placed if (r, c) == (8, 5)] == [1, 2, 3]
    assert answer(found(Fake(noise=(-6, -3, 0, 9)), 150, seeds=2))[0] == (6, 4)
    assert answer(found(Fake(noise=(-6, -3, 0, 9)), 150, seeds=4))[0] == (8, 7)


def test_a_seed_that_misses_by_more_than_a_tenth_is_the_last():
    fake = Fake()
    assert found(fake, 250).best is None
    assert fake.placed == [(1, 1, 1)]
    fake = Fake()
    assert found(fake, 222).best is None
    assert len(fake.placed) == 4


def test_no_room_for_placing_is_no_fit():
    fake = Fake()
    fake.full = (8, 8)
    result = found(fake)
    assert answer(result) == ((8, 7), (8, 8))
    assert result.following
    assert result.following.verdict(50) == "does not fit: nextpnr finds no room for it"


def test_what_is_placed_on_a_larger_die_is_held_against_the_device():
    result = found(Fake(least=3000))
    assert answer(result) == ((16, 12), (16, 13))
    assert result.following
    assert result.following.verdict(50) == "does not fit: 24,800 of 24,288 LUT"


def test_a_tool_that_fails_otherwise_is_no_answer():
    class Broken(Fake):
        def place(self, parameters, seed):
            raise ToolError("nextpnr was killed by SIGKILL")

    with pytest.raises(ToolError, match="killed"):
        found(Broken())


def test_arithmetic_comes_before_tools():
    """Of 24,288 flip-flops, elements of HBFP8 take at least 64 each."""

    class Small(Fake):
        def use(self, parameters):
            assert parameters.rows * parameters.columns * 64 <= 24288
            figure = Figure(label="synthesized", resource="LUT", used=1, available=24288)
            return Use(figures=(figure,), mapped="")

    result = found(Small(), route=False)
    assert answer(result) == ((22, 16), (24, 16))
    assert result.following
    assert result.following.verdict(50) == (
        "does not fit: at least 24,576 registers, of which LFE5U-25F, CABGA381, speed grade 6 has "
        "room for 24,288"
    )


def test_the_largest_of_all_has_no_larger():
    class Tiny(Fake):
        def use(self, parameters):
            figure = Figure(label="synthesized", resource="LUT", used=1, available=24288)
            return Use(figures=(figure,), mapped="")

    result = found(Tiny(), route=False, vary=["lanes"])
    assert result.best and vars(result.best.parameters)["lanes"] == 64
    assert result.following is None
