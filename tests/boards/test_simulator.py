"""A simulated board behind a pseudo-terminal runs regressions as a real one would."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from boards.engine import BoardEngine
from boards.host import Board
from boards.line import LinkError
from boards.simulator import SimulatedBoard
from boards.top import board_design
from sim.bench import Stalls
from sim.bfp.array import regress
from sw.bfp.array import ArrayParameters
from sw.errors import UserError

ROOT = Path(__file__).parents[2]
# The fastest line makes the shortest simulation.
BAUD = 12_500_000
PARAMETERS = ArrayParameters.make(preset="hbfp8", overrides=["rows=4", "columns=4"])
CONFIGURED = ["--unit", "bfp_array", "--preset", "hbfp8", "--set", "multiplier=logic"]


@pytest.fixture(scope="module")
def simulated():
    with SimulatedBoard(board_design("ulx3s-85f", "bfp_array", PARAMETERS, baud=BAUD)) as board:
        yield board


def test_an_abort_ends_a_job_and_the_next_one_is_right(simulated, monkeypatch):
    with Board.open(simulated.port, BAUD) as board:
        for name in ("tile_rows", "tile_columns", "blocks"):
            board.write_register(name, 9)
        board.write_register("control.start", 1)
        with pytest.raises(LinkError, match="^the register blocks answered with response 2$"):
            board.write_register("blocks", 1)
        streams = board.manifest["streams"]
        beats = {n: bytes(5 * s["bytes"] + 5) for n, s in streams.items() if n != "m_axis"}
        board.stream(beats, {}, patience=0.2)
        assert board.read_registers(["beats", "status.busy", "status.access"]) == [5, 1, 1]
        board.abort()
        assert board.read_registers(["beats", "status.busy", "tile_rows"]) == [0, 0, 9]
        # Its event is taken back, and raises no irq later.
        assert board.read_registers(["status.aborted", "status.access"]) == [0, 1]
        board.write_register("control.clear", 1)
        # The engine would reset the board, and count the beats from there on.
        consumed = board.consumed
        monkeypatch.setattr(board, "reset", lambda: None)
        monkeypatch.setattr(board, "consumed", lambda name: consumed(name) - len(beats[name]))
        stalls = Stalls(idle=0.5, back_pressure=0.5)
        report = regress(PARAMETERS, seed=2, blocks=40, stalls=stalls, engine=BoardEngine(board))
        assert report.message == "" and report.values > 100


def test_regression_through_the_port(simulated):
    with Board.open(simulated.port, BAUD) as board:
        engine = BoardEngine(board)
        stalls = Stalls(idle=0.5, back_pressure=0.5)
        report = regress(PARAMETERS, engine=engine, stalls=stalls, blocks=50)
    assert report.values > 100 and report.message == ""


def test_connections_follow_each_other(simulated):
    for _ in range(3):
        with Board.open(simulated.port, BAUD) as board:
            assert board.read_register("identity") == 0x47470002
            board.write_register("tile_rows", 3)
            assert board.read_registers(["tile_rows", "tile_columns"])[0] == 3
            # Left in the middle of a frame.
            board.connection.exchange(b"\0\x0b\x01\x02", 0)


def test_names_of_registers(simulated):
    with Board.open(simulated.port, BAUD) as board:
        with pytest.raises(UserError, match="^unknown register 'statu', did you mean status"):
            board.read_register("statu")


def test_unplugged_in_mid_transfer():
    design = board_design("ulx3s-85f", "bfp_array", PARAMETERS, baud=BAUD)
    with SimulatedBoard(design) as simulated, Board.open(simulated.port, BAUD) as board:
        size = board.manifest["streams"]["s_axis_a"]["bytes"] + 1
        timer = threading.Timer(0.3, simulated.__exit__)
        timer.start()
        with pytest.raises(LinkError, match=" was closed after .* is the board unplugged"):
            board.stream({"s_axis_a": bytes(size * 10_000)}, {})
        timer.join()
        start = time.monotonic()
        with pytest.raises(LinkError):
            board.reset()
        assert time.monotonic() - start < 2


def test_a_link_that_is_in_the_way(tmp_path):
    design = board_design("ulx3s-85f", "bfp_array", PARAMETERS, baud=BAUD)
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch()
    link.symlink_to(file)
    for path in (file, link):
        with pytest.raises(UserError, match=f"^cannot make the link {path}: File exists$"):
            SimulatedBoard(design, link=path)
    assert file.exists() and link.is_symlink()


def test_a_link_where_none_can_be():
    design = board_design("ulx3s-85f", "bfp_array", PARAMETERS, baud=BAUD)
    with pytest.raises(UserError, match="^cannot make the link /proc/x: No such file or directory"):
        with SimulatedBoard(design, link="/proc/x"):
            pass


def test_the_link_of_another_simulation(tmp_path):
    design = board_design("ulx3s-85f", "bfp_array", PARAMETERS, baud=BAUD)
    link = tmp_path / "new" / "folder" / "board"
    with SimulatedBoard(design, link=link):
        with SimulatedBoard(design, link=link) as second:
            assert os.readlink(link) == second.port
        assert not link.is_symlink()
        link.symlink_to("/dev/pts/none")
    # The first leaves alone what is not its own.
    assert os.readlink(link) == "/dev/pts/none"
    with SimulatedBoard(design, link=link) as third:
        assert os.readlink(link) == third.port


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "boards", *words]
    environment = os.environ | {"COLUMNS": "80"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
def test_a_simulation_that_ends_at_once(tmp_path, end):
    link = tmp_path / "board"
    command = [sys.executable, "-m", "boards", "simulate", "ulx3s-85f", *CONFIGURED]
    command += ["--baud", str(BAUD), "--link", str(link)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as simulation:
        while not link.is_symlink():
            assert simulation.poll() is None
            time.sleep(0.001)
        simulation.send_signal(end)
        assert simulation.stdout
        assert "unplugged after " in simulation.stdout.read()
    assert simulation.returncode == 0
    assert not link.is_symlink()


def test_commands(tmp_path):
    link = tmp_path / "board"
    command = [sys.executable, "-m", "boards", "simulate", "ulx3s-85f", *CONFIGURED]
    command += ["--baud", str(BAUD), "--link", str(link)]
    with contextlib.ExitStack() as stack:
        simulation = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        stack.enter_context(simulation)
        stack.callback(simulation.kill)
        assert simulation.stdout
        line = simulation.stdout.readline()
        assert line.startswith("ulx3s-85f with bfp_array at /dev/pts/")
        assert line.endswith(", 12,500,000 baud\n")
        junit = tmp_path / "results.xml"
        port = ["--port", str(link), "--baud", str(BAUD)]
        done = run("selftest", *port, "--blocks", "25", "--junit", str(junit))
        assert done.returncode == 0, done.stderr
        assert "ulx3s-85f" in done.stdout and PARAMETERS.digest in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines())
        assert 'failures="0"' in junit.read_text()
        simulation.send_signal(signal.SIGINT)
        assert simulation.stdout.read().startswith("unplugged after ")
    assert simulation.returncode == 0
    assert not link.is_symlink()
    done = run("selftest", *port)
    assert done.returncode == 2
    words = f"error: cannot open the port {link} at 12,500,000 baud: No such file or directory\n"
    assert done.stderr == words
