"""More of the proofs, in minutes: run by ``pytest tests/formal --deep``."""

import pytest

from hw.flow.emit import generate
from hw.units import UNITS

from .ports import broken, reached
from .units import SMALL

CYCLES = 100
"""Within which a word can have waited at each port of each of the smallest units."""


@pytest.mark.parametrize("unit", SMALL)
def test_the_rules_have_something_to_say(tmp_path, unit):
    assert reached(tmp_path, generate(unit, SMALL[unit]), CYCLES)


@pytest.mark.parametrize("unit", UNITS)
def test_default_configurations_never_break_a_rule(tmp_path, unit):
    assert broken(tmp_path, generate(unit, UNITS[unit].parameters())) == ""
