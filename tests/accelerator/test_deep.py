"""Gates of the whole machine, in minutes: run by ``pytest tests/accelerator --deep``."""

import pytest

from sim.costs.accelerator import beside, costs
from sw.accelerator.parameters import AcceleratorParameters


@pytest.mark.parametrize("lanes", [8, 4])
def test_all_but_the_matrix_engine_is_a_third(lanes):
    p = AcceleratorParameters(rows=8, columns=8, lanes=16, vector_lanes=lanes)
    assert beside(costs(p)) <= 0.35
