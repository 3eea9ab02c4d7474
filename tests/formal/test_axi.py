"""Every unit's ports keep the rules of AXI4-Stream and AXI4-Lite, whatever comes, for all time."""

import pytest

from hw.flow.emit import generate
from hw.units import UNITS

from .ports import broken
from .units import SMALL


def test_every_unit_is_here():
    assert set(SMALL) == set(UNITS)


@pytest.mark.parametrize("unit", SMALL)
def test_no_rule_is_ever_broken(tmp_path, unit):
    assert broken(tmp_path, generate(unit, SMALL[unit])) == ""
