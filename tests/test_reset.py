"""A reset in mid-stream leaves nothing behind, in every unit."""

import pytest

from hw.units import UNITS
from sim.bench import Stalls
from sim.units import bench
from tests.small import PARAMETERS

STALLS = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_under_way_is_lost_and_nothing_else(unit):
    for cycles in (9, 40):
        report = bench(unit).regress(
            PARAMETERS[unit], seed=cycles, blocks=24, stalls=STALLS, reset_after=cycles
        )
        assert report.message == "" and report.values > 0
