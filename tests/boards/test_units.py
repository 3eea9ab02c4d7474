"""Every unit through the serial port of a simulated board, against its model."""

import pytest

from boards.engine import BoardEngine
from boards.host import Board
from boards.simulator import SimulatedBoard
from boards.top import board_design
from hw.units import UNITS
from sim.bench import Stalls
from sim.units import bench
from sw.errors import UserError
from tests.small import WITH_MEMORY

BAUD = 12_500_000
BOTH = Stalls(idle=0.5, back_pressure=0.5)


def test_a_unit_that_works_on_a_memory_is_refused():
    for unit in WITH_MEMORY:
        words = f"^{unit} works on a memory, at m_axi, and no board has one$"
        with pytest.raises(UserError, match=words):
            board_design("ulx3s-85f", unit, UNITS[unit].small, baud=BAUD)


@pytest.mark.parametrize("unit", [name for name in UNITS if name not in WITH_MEMORY])
def test_regression_of_a_unit_through_the_port(unit):
    parameters = UNITS[unit].small
    design = board_design("ulx3s-85f", unit, parameters, baud=BAUD)
    with SimulatedBoard(design) as simulated, Board.open(simulated.port, BAUD) as board:
        assert (board.unit, board.parameters) == (unit, parameters)
        for seed in (1, 2):
            report = bench(unit).regress(
                parameters, engine=BoardEngine(board), stalls=BOTH, blocks=30, seed=seed
            )
            assert report.values > 0 and report.message == ""
