"""What the LEDs of a simulated board tell."""

import pytest

from boards.frames import Header, Kind, Status, decode, encode
from boards.simulator import Simulation
from boards.table import board as find_board
from boards.top import board_design

from .conversation import exchange, parts
from .multiplier import PARAMETERS

READ = encode(Header(sequence=1, kind=Kind.READ, channel=255, length=200))
RESET = encode(Header(sequence=2, kind=Kind.RESET, channel=0))
DAMAGED = READ[:-2] + b"\0"


def answer(simulation: Simulation, frame: bytes) -> int:
    [found] = parts(exchange(simulation, frame))
    return decode(found)[0].kind


@pytest.mark.parametrize(("board", "inverted"), [("tang-nano-9k", True), ("ulx3s-85f", False)])
def test_leds(board, inverted):
    assert find_board(board).inverted == inverted
    design = board_design(board, "approx_multiplier", PARAMETERS, baud=6_000_000)
    with Simulation(design) as simulation:
        simulation.run(cycles=100)
        assert simulation.leds == (False, False)
        simulation.run(cycles=6_000)
        assert simulation.leds == (False, False)
        assert answer(simulation, READ) == Status.OK
        assert simulation.leds == (True, False)
        assert answer(simulation, DAMAGED) == Status.DAMAGED
        assert simulation.leds == (True, True)
        # Neither a good frame nor time ends that, but a reset.
        assert answer(simulation, READ) == Status.OK
        simulation.run(cycles=1 << 20)
        assert simulation.leds == (True, True)
        simulation.run(cycles=1 << 20)
        assert simulation.leds == (False, True)
        # Behind another request a reset is none.
        exchange(simulation, READ + RESET)
        assert simulation.leds == (True, True)
        assert answer(simulation, RESET) == Status.OK
        assert simulation.leds == (True, False)
