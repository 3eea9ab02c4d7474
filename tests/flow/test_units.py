"""The Verilog of the real units: how many modules, how long, and what a linter says of it."""

import re

import pytest

from hw.flow.emit import generate
from hw.units import UNITS
from sw.bfp.array import ArrayParameters

from ..lint import lint


def _array(side: int) -> str:
    p = ArrayParameters.make(preset="hbfp4", rows=side, columns=side)
    return generate("bfp_array", p).verilog


def test_a_larger_array_has_no_more_modules():
    small, large = (re.findall(r"^module (\w+)", _array(side), re.M) for side in (4, 16))
    assert len(large) <= len(small)
    assert len(set(large)) == len(large)


def test_a_larger_array_is_not_much_longer():
    assert len(_array(32)) <= 3 * len(_array(8))


PRESETS = [(name, preset) for name, unit in UNITS.items() for preset in unit.parameters.PRESETS]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_is_clean(name, preset, tmp_path):
    path = tmp_path / f"{name}.v"
    path.write_text(generate(name, UNITS[name].parameters.make(preset=preset)).verilog)
    assert lint(path) == ""
