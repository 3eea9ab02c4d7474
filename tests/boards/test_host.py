"""The host's side of a board: its identity, its registers, the self-test and its faults."""

import pytest
from click.testing import CliRunner

from boards.__main__ import main
from boards.host import Board
from boards.line import LinkError
from sw.version import version

from .multiplier import PARAMETERS, Multiplier, multiplier_device
from .pty_board import board


def refused(**changes: object) -> str:
    """Why a board of another identity is refused, after what it is said to hold."""
    with board(multiplier_device(changes=changes)) as behind:
        with pytest.raises(LinkError) as error:
            Board.open(behind.port)
    start, _, rest = str(error.value).partition(" holds ")
    assert start == f"the board at {behind.port}"
    return rest


HELD = f"approx_multiplier {PARAMETERS.digest} of Gradgate {version()}"


def test_a_board_is_known_by_its_identity():
    with board(multiplier_device()) as behind, Board.open(behind.port) as opened:
        assert (opened.unit, opened.parameters) == ("approx_multiplier", PARAMETERS)
        assert opened.name == f"none at {behind.port}"
        assert opened.read_register("identity") == 0x47470002
        opened.write_register("control", 1)


def test_another_unit():
    assert refused(unit="divider") == (
        f"divider {PARAMETERS.digest} of Gradgate {version()}, a unit that this checkout does not "
        "have: generate its bitstream again"
    )


def test_another_version():
    assert refused(version="0.0.1") == (
        f"approx_multiplier {PARAMETERS.digest} of Gradgate 0.0.1, and this checkout is "
        f"{version()}: generate its bitstream again"
    )


def test_another_configuration():
    other = PARAMETERS.replace(lanes=4)
    assert refused(parameters=other.as_dict()) == (
        f"{HELD}, whose configuration is {other.digest} in this checkout: generate its bitstream "
        "again"
    )


def test_a_configuration_that_is_not_made():
    words = refused(parameters=PARAMETERS.as_dict() | {"lanes": 0})
    assert words.startswith(f"{HELD}, which this checkout does not make, lanes must be ")
    assert words.endswith(": generate its bitstream again")


def test_registers_that_fail():
    with board(multiplier_device(Multiplier(response=2))) as behind:
        with Board.open(behind.port) as opened:
            with pytest.raises(LinkError, match="^the register status answered with response 2$"):
                opened.read_registers(["status", "control"])


@pytest.mark.parametrize(("register", "right"), [("unit", 0x48046303), ("capabilities", 0x60311)])
def test_a_register_that_tells_another_unit(register, right):
    with board(multiplier_device(Multiplier(other=register))) as behind:
        with pytest.raises(LinkError) as error:
            Board.open(behind.port)
    assert str(error.value) == (
        f"the none at {behind.port} has {right ^ 1:#x} in its register {register}, and what this "
        f"checkout generates {right:#x}: generate its bitstream again"
    )


def test_an_abort_waits_for_what_was_offered():
    unit = Multiplier()
    with board(multiplier_device(unit)) as behind, Board.open(behind.port) as opened:
        opened.abort()
        [status] = (r for r in opened.manifest["registers"] if r["name"] == "status")
        [place] = (f["offset"] for f in status["fields"] if f["name"] == "aborting")
        unit.status = 1 << place
        assert opened.read_register("status.aborting") == 1
        with pytest.raises(LinkError, match="^the abort waits for a beat that the none "):
            opened.abort(patience=0.05)


def selftest(unit: Multiplier, *more: str) -> tuple[int, str]:
    with board(multiplier_device(unit)) as behind:
        words = ["selftest", "--port", behind.port, "--blocks", "2000", *more]
        done = CliRunner().invoke(main, words, prog_name="boards", env={"COLUMNS": "80"})
    return done.exit_code, done.output


def test_selftest():
    status, said = selftest(Multiplier())
    assert status == 0
    assert "approx_multiplier" in said and PARAMETERS.digest in said and "50 MHz" in said
    assert "to the board" in said and "from the board" in said


def test_selftest_finds_a_fault(tmp_path):
    junit = tmp_path / "results.xml"
    status, said = selftest(Multiplier(wrong=1), "--junit", str(junit))
    assert status == 1
    assert "on the board: products: 1 of 4000 values differ" in said
    assert 'failures="1"' in junit.read_text()


def test_selftest_finds_a_broken_rule():
    status, said = selftest(Multiplier(extra=1))
    assert status == 1
    assert "broken off" in said and "m_axis gave more than the 2000 beats expected" in said
