"""A reset in mid-stream leaves nothing behind, in every unit."""

import pytest

from hw.units import UNITS
from sim.bench import Stalls
from sim.units import bench
from tests.small import PARAMETERS, WITH_MEMORY

STALLS = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_under_way_is_lost_and_nothing_else(unit):
    # What works on a memory has a program to read first.
    for cycles in (9, 40, *((300, 700) if unit in WITH_MEMORY else ())):
        report = bench(unit).regress(
            PARAMETERS[unit], seed=cycles, blocks=24, stalls=STALLS, reset_after=cycles
        )
        assert report.message == "" and report.values > 0
