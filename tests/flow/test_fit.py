"""The largest configuration of a unit for a device: the search, its bounds, the tools."""

import dataclasses
import json

import pytest

from hw.flow.cells import carry_ends
from hw.flow.devices import DEVICES
from hw.flow.fit import Flow, fit
from hw.flow.ladder import ladder
from hw.flow.progress import Progress
from hw.flow.synth import Figure
from hw.flow.tools import ToolError
from hw.flow.use import Use, beyond
from hw.units import UNITS

from .fake import DEVICE, Fake, answer, found, shape


def test_the_largest_that_fits():
    """232 elements have room."""
    fake = Fake()
    result = found(fake)
    assert answer(result) == ((16, 14), (16, 15))
    assert result.best and result.best.verdict(50) == ""
    assert result.following
    assert result.following.verdict(50) == "does not fit: 25,000 of 24,288 LUT"
    assert len(set(fake.used)) <= 6
    assert {each[:2] for each in fake.placed} == {(1, 1), (8, 8), (16, 14)}


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
    fake = Fake(noise=(-3, -2, 0, 9))
    assert answer(found(fake, 150, seeds=3)) == ((8, 4), (8, 5))
    assert [seed for r, c, seed in fake.placed if (r, c) == (8, 4)] == [1, 2, 3]
    assert [seed for r, c, seed in fake.placed if (r, c) == (8, 5)] == [1, 2, 3]
    assert answer(found(Fake(noise=(-3, -2, 0, 9)), 150, seeds=2))[0] == (6, 4)
    assert answer(found(Fake(noise=(-3, -2, 0, 9)), 150, seeds=4))[0] == (8, 5)


def test_a_seed_that_misses_by_more_than_a_twentieth_is_the_last():
    fake = Fake()
    assert found(fake, 250).best is None
    assert fake.placed == [(1, 1, 1)]
    fake = Fake()
    assert found(fake, 210).best is None
    assert len(fake.placed) == 4


def test_a_device_may_be_full():
    figures = [Figure(label="", resource="LUT", used=n, available=100) for n in (99, 100, 101)]
    assert [beyond([figure]) for figure in figures] == ["", "", "101 of 100 LUT"]


def test_one_that_is_larger_than_it_should_be_is_not_placed():
    """Of 8 x 8, in the middle, which the search for the largest does not look at."""

    class Bumpy(Fake):
        def use(self, parameters):
            if shape(parameters) != (8, 8):
                return super().use(parameters)
            figure = Figure(label="synthesized", resource="LUT", used=30000, available=24288)
            return Use(figures=(figure,), mapped="")

        def place(self, parameters, seed):
            assert shape(parameters) != (8, 8)
            return super().place(parameters, seed)

    result = found(Bumpy())
    assert answer(result) == ((8, 7), (8, 8))
    assert result.following
    assert result.following.verdict(50) == "does not fit: 30,000 of 24,288 LUT"


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


def test_chains_of_carries_have_ends():
    """Each chain takes a CCU2C, two LUTs, at its beginning and at its end."""

    def chain(**pins: object) -> dict[str, object]:
        directions = {"CIN": "input", "COUT": "output"}
        return {
            "type": "CCU2C",
            "connections": {name: [bit] for name, bit in pins.items()},
            "port_directions": directions,
        }

    cells = {
        "a": chain(CIN="0", COUT=2),
        "b": chain(CIN=2, COUT=3),
        "c": chain(CIN=9, COUT=10),
        "d": {"type": "LUT4", "connections": {"Z": [9]}, "port_directions": {"Z": "output"}},
    }
    netlist = {"modules": {"m": {"attributes": {"top": "1"}, "cells": cells}}}
    assert carry_ends(json.dumps(netlist)) == 8


TINY = UNITS["tensor_amax"].parameters.make(source="binary16", lanes=1)


def test_yosys_on_a_tiny_unit():
    """Of a device with room for some hundred flip-flops."""
    tiny = dataclasses.replace(DEVICE, resources={"LUT4 equivalents": 2000, "FF": 300})
    result = fit("tensor_amax", TINY, tiny, megahertz=20, route=False)
    assert result.best and result.following
    assert result.best.share <= 1 < result.following.share
    flops = [
        next(f.used for f in trial.figures if f.resource == "FF")
        for trial in (result.best, result.following)
    ]
    assert flops[0] <= 300 < flops[1]
    steps = [p for p in ladder(TINY, ("lanes",))]
    place = steps.index(result.best.parameters)
    assert steps[place + 1] == result.following.parameters


def test_what_is_placed_is_what_was_estimated():
    flow = Flow("tensor_amax", DEVICES["LFE5U-12F"], 20, True, Progress())
    estimated = {f.resource: f for f in flow.use(TINY).figures}["LUT4 equivalents"]
    reached, figures = flow.place(TINY, 1)
    routed = {f.resource: f for f in figures}["LUT4 equivalents"]
    assert (estimated.label, routed.label) == ("estimated", "routed")
    assert 0.98 <= estimated.used / routed.used <= 1
    assert reached > 20
