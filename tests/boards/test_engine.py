"""A board is an engine of the benches: the model's bits, and each broken rule found."""

import pytest

from boards.engine import BoardEngine
from boards.host import Board
from hw.flow.emit import generate
from sim.approx.multiplier import regress, simulate
from sim.bench import Stalls, run
from sim.job import ResponseError, SurplusError, WatchdogError
from sim.rows import Row, summary
from sw.cli import console
from sw.errors import UserError

from .multiplier import PARAMETERS, Multiplier, multiplier_device
from .pty_board import board

STALLS = Stalls(idle=0.5, back_pressure=0.5)


def told(unit: Multiplier, **options):
    """The report of a regression on a board with the unit."""
    with board(multiplier_device(unit)) as behind, Board.open(behind.port) as opened:
        engine = BoardEngine(opened, patience=0.3)
        return regress(PARAMETERS, engine=engine, stalls=STALLS, blocks=2000, **options)


def test_a_board_is_an_engine():
    report = told(Multiplier())
    assert (report.message, report.mismatches, report.beats) == ("", 0, 2000)
    assert report.cycles == report.simulated == 0
    assert report.seconds > 0


def test_a_wrong_product_is_found():
    report = told(Multiplier(wrong=1))
    assert report.mismatches == 1
    assert report.message.startswith("products: 1 of 4000 values differ")


def test_too_many_beats():
    with pytest.raises(SurplusError, match=r"m_axis gave more than the 2000 beats expected \(app"):
        told(Multiplier(extra=1))


def test_a_unit_that_takes_nothing():
    words = (
        r"^no handshake for 0\.3 s: s_axis took 0 of 2000 beats; m_axis gave 0 of 2000 beats "
        r"\(approx_multiplier, seed 1, none at /dev/pts/\d+\); "
        r"control\.abort ends what waits$"
    )
    with pytest.raises(WatchdogError, match=words):
        told(Multiplier(deaf=True))


def test_a_unit_that_does_not_take_the_last_beat():
    with board(multiplier_device(Multiplier(deaf=True))) as behind:
        with Board.open(behind.port) as opened:
            held = opened.manifest["streams"]["s_axis"]["bytes"] + 1
            assert opened.stream({"s_axis": bytes(held)}, {}, patience=0.2) == {}
            assert opened.consumed("s_axis") == held - 1


def test_a_register_that_answers_with_an_error():
    words = r"^s_axi read of control was answered with response 2 \(approx_multiplier, seed 1, none"
    with pytest.raises(ResponseError, match=words):
        told(Multiplier(response=2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"later": [(5, "control.clear", 1)]}, "later is not possible on a board (none at PORT)"),
        ({"reset_after": 9}, "reset_after is not possible on a board (none at PORT)"),
        ({"waves": "build/waves/x"}, "waves is not possible on a board (none at PORT)"),
        ({"netlist": "module x; endmodule"}, "netlist is not possible on a board (none at PORT)"),
    ],
)
def test_what_a_board_cannot_do(options, words):
    with board(multiplier_device()) as behind, Board.open(behind.port) as opened:
        with pytest.raises(UserError) as error:
            simulate(PARAMETERS, [1, 2], [3, 4], engine=BoardEngine(opened), **options)
    assert str(error.value) == words.replace("PORT", behind.port) + ": it must be left out"


def test_another_configuration():
    other = PARAMETERS.replace(lanes=4)
    with board(multiplier_device()) as behind, Board.open(behind.port) as opened:
        with pytest.raises(UserError) as error:
            simulate(other, [1], [2], engine=BoardEngine(opened))
    assert str(error.value) == (
        f"the job is for approx_multiplier {other.digest}, but the none at {behind.port} holds "
        f"approx_multiplier {PARAMETERS.digest}"
    )


def test_an_engine_of_its_own_takes_no_simulator():
    design = generate("approx_multiplier", PARAMETERS)
    with board(multiplier_device()) as behind, Board.open(behind.port) as opened:
        with pytest.raises(UserError) as error:
            engine = BoardEngine(opened)
            run(design, inputs={}, outputs={}, engine=engine, simulator="verilator")
    words = "simulator must be None for an engine of its own, not 'verilator'"
    assert str(error.value) == words


def test_the_table_has_no_cycles():
    out = console()
    with out.capture() as capture:
        out.print(summary("x", [Row("board", told(Multiplier()), "")]))
    assert ["board", "2,000", "-", "0", "-"] == capture.get().replace("│", " ").split()[-6:-1]
