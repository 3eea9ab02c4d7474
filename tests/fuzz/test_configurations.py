"""Random configurations of every unit: a right design, or one worded error.

300 of each are made here, and the first one that is not refused is run against its model;
``python -m tests.fuzz.configurations`` runs all of them.
"""

import pytest

from hw.units import UNITS

from .configurations import try_one

COUNT = 300


@pytest.mark.parametrize("unit", UNITS)
def test_a_configuration_is_taken_or_refused_in_words(unit):
    tried = [try_one(unit, seed, simulate=False) for seed in range(COUNT)]
    wrong = [t for t in tried if t.result == "wrong"]
    assert not wrong, f"{len(wrong)}, first: {wrong[0]}"
    # Neither is a rarity, or nothing would be tried.
    assert COUNT // 10 < sum(t.result == "right" for t in tried) < COUNT - COUNT // 10


@pytest.mark.parametrize("unit", UNITS)
def test_a_configuration_that_is_taken_is_right(unit):
    seeds = (s for s in range(100, 200) if try_one(unit, s, simulate=False).result == "right")
    tried = try_one(unit, next(seeds))
    assert tried.result == "right", tried
