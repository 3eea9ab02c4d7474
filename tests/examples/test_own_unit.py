"""A user's own unit, by the commands and the tests that ours have; mistakes in it are worded."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux, Value
from click.testing import CliRunner

from boards.__main__ import main as boards
from boards.bound import check_bound
from boards.engine import BoardEngine
from boards.host import Board
from boards.simulator import SimulatedBoard
from boards.table import BOARDS
from boards.top import board_design
from examples.own_unit.bench import regress
from examples.own_unit.clip import UNIT, Clip, ClipParameters, clip
from hw.__main__ import main as hw
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.__main__ import main as sim
from sim.units import bench
from sw.errors import UserError
from tests.aborted import Aborted
from tests.book import ROOT
from tests.bus import OKAY, Bus, simulate
from tests.faults import STALLS, Fault, assert_caught, message
from tests.formal.ports import broken
from tests.lint import lint

OWN = "examples.own_unit.clip:UNIT"
FOLDER = ROOT / "examples" / "own_unit"
SMALL: Any = UNIT.small
SECOND: Any = UNIT.second


def call(command, *arguments: object) -> str:
    result = CliRunner().invoke(command, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_is_short():
    lines = [line for path in FOLDER.glob("*.py") for line in path.read_text("utf-8").splitlines()]
    assert len(lines) < 120


def test_its_readme_has_these_commands():
    text = (FOLDER / "README.md").read_text("utf-8")
    commands = ("hw list", "hw verilog", "sim run", "hw synth", "boards build ulx3s-85f --unit")
    for command in commands:
        assert f"python -m {command} {OWN}" in text
    [script] = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(script, {})


def test_list():
    text = call(hw, "list", OWN)
    # The summary may go over two lines of a narrow table.
    words = (OWN, *UNIT.summary.split(), "lanes = 4", "bits = 8")
    assert all(word in text for word in words), text
    assert "bfp_dot" not in text


def test_verilog(tmp_path):
    text = call(hw, "verilog", OWN, "--set", "lanes=2", "-o", tmp_path)
    assert "clip clip_0 (" in text
    manifest = json.loads((tmp_path / "clip.json").read_text())
    assert (manifest["unit"], manifest["top"], manifest["latency"]) == (OWN, "clip", 2)
    assert manifest["command"] == f"python -m hw verilog {OWN} --set lanes=2"
    assert lint(tmp_path / "clip.v") == ""
    call(hw, "verilog", OWN, "--name", "other", "-o", tmp_path)
    command = json.loads((tmp_path / "other.json").read_text())["command"]
    assert command == f"python -m hw verilog {OWN} --name other"


def test_the_model():
    x = np.arange(-8, 8)
    p = ClipParameters(bits=4)
    np.testing.assert_array_equal(clip(p, x, 5), [max(0, min(5, each)) for each in range(-8, 8)])
    for wrong, words in ((np.array([8]), "from -8 to 7, not 8"), (x / 2, "array of integer")):
        with pytest.raises(UserError, match=words):
            clip(p, wrong, 5)
    with pytest.raises(UserError, match="limit must be an integer from 0 to 7, not 8"):
        clip(p, x, 8)


def test_sim(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert f"{OWN}, seed 3" in call(sim, "run", OWN, "--seed", 3, "--set", "bits=5", "--waves")
    assert list(tmp_path.glob("build/waves/clip-3-*"))
    for p in (SMALL, SECOND):
        for options in ({"reset_after": 9}, {"stalls": STALLS, "reset_after": 40}):
            assert regress(p, blocks=60, **options).message == ""
    assert regress(SMALL, blocks=60, engine=Aborted(0.61, blocked=True)).message == ""


def test_cycles():
    for lanes in (1, 4):
        assert regress(ClipParameters(lanes=lanes), blocks=50).cycles == 50 + 2


@pytest.mark.parametrize("target", ["gates", "ecp5"])
def test_its_netlist(target):
    text = netlist(generate(OWN, SECOND), target)
    assert message(regress, SECOND, blocks=60, stalls=STALLS, netlist=text) == ""


def clipped(s: Any) -> tuple[Value, Value]:
    """Return the value that comes, and what becomes of it."""
    x = s.i.payload.data.x[0].as_signed()
    return x, Mux(x < 0, 0, Mux(x > s.limit, s.limit, x))


def no_limit(s: Any) -> Any:
    x, _ = clipped(s)
    return s.y_0.eq(Mux(s.pipeline.en, Mux(x < 0, 0, x), s.y_0))


def counted_as_it_waits(s: Any) -> Any:
    x, y = clipped(s)
    return s.changed_event.eq(s.i.valid & (x != y))


FAULTS = {
    "no limit": Fault(Clip, no_limit, "^y: ", STALLS),
    "a result that does not wait": Fault(Clip, lambda s: s.y_0.eq(clipped(s)[1]), "^y: ", STALLS),
    "values counted as they wait": Fault(Clip, counted_as_it_waits, "^changed: ", STALLS),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    assert_caught(regress, OWN, SMALL, FAULTS[name], blocks=60)


def test_its_registers_and_its_flag():
    async def run(top: Bus) -> None:
        await top.reset()
        assert await top.read("limit") == 15
        assert await top.write("limit", 3) == OKAY
        top.set("m_axis_tready", 1)
        # 4, which is above the limit; then -1 with a padding bit set.
        for data, framing in ((4, 0), (0x3F, 1)):
            top.set("s_axis_tdata", data)
            top.set("s_axis_tvalid", 1)
            await top.tick()
            top.set("s_axis_tvalid", 0)
            await top.tick(3)
            assert await top.read("status.framing") == framing
        assert await top.read("changed") == 2
        await top.write("control.clear", 1)
        assert await top.read("changed") == await top.read("status") == 0

    simulate(OWN, SMALL, run)


def test_its_ports_keep_the_rules(tmp_path):
    assert broken(tmp_path, generate(OWN, SMALL)) == ""


def test_synth(tmp_path):
    text = call(hw, "synth", OWN, "--target", "ecp5", "-o", tmp_path)
    assert f"{OWN} on ecp5: synthesized" in text and "clip" in text
    assert json.loads((tmp_path / "report.json").read_text())["unit"] == OWN


def test_a_board(tmp_path):
    text = call(boards, "build", "ulx3s-85f", "--unit", OWN, "--estimate", "-o", tmp_path)
    assert f"{OWN} on ulx3s-85f" in text
    assert json.loads((tmp_path / "board_top.json").read_text())["unit"] == OWN
    check_bound(BOARDS["icebreaker"], OWN, UNIT.parameters())


def test_through_the_port_of_a_board():
    design = board_design("ulx3s-85f", OWN, SMALL, baud=12_500_000)
    with SimulatedBoard(design) as simulated, Board.open(simulated.port, 12_500_000) as board:
        assert (board.unit, board.parameters) == (OWN, SMALL)
        report = regress(SMALL, engine=BoardEngine(board), stalls=STALLS, blocks=30)
        assert report.values > 0 and report.message == ""


BROKEN = {
    "odd.py": "from hw.units import *\nX = 5\n",
    "bad.py": "1 / 0\n",
    "lost.py": "import not_there\n",
    "wrong.py": "UNIT = (\n",
    "bare.py": "import dataclasses\nfrom examples.own_unit.clip import UNIT as CLIP\n"
    "UNIT = dataclasses.replace(CLIP, bench='')\nOTHER = dataclasses.replace(CLIP, bench='odd')\n"
    "GONE = dataclasses.replace(CLIP, bench='nowhere.bench')\n",
    "same.py": "import dataclasses\nfrom examples.own_unit.clip import UNIT as CLIP\n"
    "UNIT = dataclasses.replace(CLIP, second=CLIP.small)\n",
    "size.py": "import dataclasses\nfrom examples.own_unit.clip import UNIT as CLIP\n"
    "UNIT = dataclasses.replace(CLIP, sizes=('rows',))\n",
    "kind.py": "import dataclasses\nfrom examples.own_unit.clip import UNIT as CLIP\n"
    "UNIT = dataclasses.replace(CLIP, small=5)\n",
}


@pytest.mark.parametrize(
    ("command", "unit", "words"),
    [
        (hw, "none:UNIT", "there is no module none, neither here nor on PYTHONPATH"),
        (hw, "examples.own_unit.x.y:UNIT", "there is no module examples.own_unit.x, neither"),
        (hw, "bare:UNT", r"unknown unit of bare 'UNT', did you mean UNIT\? \(known: CLIP, GONE, "),
        (hw, "odd:UNIT", "odd has no UNIT, and no other record of a unit"),
        (hw, "odd:X", "odd:X must be of Unit, not 5"),
        (hw, "bad:UNIT", "bad fails on import: ZeroDivisionError: division by zero"),
        (hw, "lost:UNIT", "lost fails on import: ModuleNotFoundError: No module named 'not_there'"),
        (hw, "wrong:UNIT", "wrong fails on import: SyntaxError: "),
        (hw, "same:UNIT", "same fails on import: UserError: second must be another configuration "),
        (
            hw,
            "size:UNIT",
            "size fails on import: UserError: sizes must be fields of Clip",
        ),
        (
            hw,
            "kind:UNIT",
            "kind fails on import: UserError: small must be of Parameters",
        ),
        (hw, "bare:", "a unit of your own is module:NAME, such as my_package.my_file:UNIT, not"),
        (hw, "a b:UNIT", "a module has a name such as my_package.my_file, not 'a b'"),
        (hw, ".bare:UNIT", "a module has a name such as my_package.my_file, not '.bare'"),
        (hw, "clip", "unknown unit 'clip'"),
        (sim, "bare:UNIT", "bare:UNIT has no bench: its record names a module by bench"),
        (sim, "bare:OTHER", "odd, the bench of bare:OTHER, has no function regress"),
        (sim, "bare:GONE", "there is no module nowhere, neither here nor on PYTHONPATH"),
    ],
)
def test_mistakes_are_one_line(command, unit, words, tmp_path, monkeypatch):
    for name, text in BROKEN.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    result = CliRunner().invoke(command, ["run" if command is sim else "verilog", unit])
    for path in BROKEN:
        sys.modules.pop(Path(path).stem, None)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert re.match(f"error: {words}", line), line
    assert not (tmp_path / "build").exists()


def test_a_unit_that_is_too_large_is_refused():
    with pytest.raises(UserError, match="lanes must be an integer from 1 to 64, not 65"):
        UNIT.parameters.make(lanes=65)
    assert UNIT.sized(ClipParameters(lanes=3)) == "lanes=3"
    assert bench(OWN).regress is regress
