"""The regression of every unit passes through the port of a simulated board."""

import pytest

from boards.engine import BoardEngine
from boards.host import Board
from boards.simulator import SimulatedBoard
from boards.top import board_design
from hw.units import UNITS
from sim.bench import Stalls
from sim.build import have
from sim.units import BENCHES
from tests.small import CASES

pytestmark = pytest.mark.skipif(not have("verilator"), reason="needs Verilator and a C++ compiler")

BAUD = 12_500_000
BOTH = Stalls(idle=0.5, back_pressure=0.5)
SMALL = {
    "approx_array": ["rows=2", "columns=2"],
    "bfp_multimode_array": ["rows=2", "columns=2"],
    "sparse_array": ["lines=2", "columns=1", "fetch=2", "mask_bits=8", "depth=32", "entries=64"]
    + ["patch=32", "positions=16", "sums=32"],
}


@pytest.mark.parametrize("unit", UNITS)
def test_regression_of_a_unit_through_the_port(unit):
    parameters = UNITS[unit].parameters.make(overrides=SMALL.get(unit, ()))
    if unit in CASES:
        parameters = CASES[unit][0]
    design = board_design("ulx3s-85f", unit, parameters, baud=BAUD)
    with SimulatedBoard(design) as simulated, Board.open(simulated.port, BAUD) as board:
        assert (board.unit, board.parameters) == (unit, parameters)
        for seed in (1, 2):
            report = BENCHES[unit].regress(
                parameters, engine=BoardEngine(board), stalls=BOTH, blocks=30, seed=seed
            )
            assert report.values > 0 and report.message == ""
