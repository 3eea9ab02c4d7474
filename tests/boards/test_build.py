"""Bitstreams and projects of boards: what fits, at which clock, and what is refused."""

import functools
import json
import re
from collections import Counter
from typing import Any

import pytest
from click.testing import CliRunner

import boards.build as building
from boards.__main__ import main
from boards.build import build
from boards.configured import configure
from boards.smaller import nearest, smaller
from boards.table import BOARDS, board
from boards.top import board_design
from hw.flow.cells import logic_cells, unseen_luts
from hw.flow.families import FAMILIES
from hw.flow.progress import Progress
from hw.flow.route import Placement
from hw.flow.use import use
from hw.units import UNITS
from sw.bfp.array import ArrayParameters
from sw.bfp.dot import DotParameters
from sw.errors import UserError


def own(name: str, *overrides: str, unit: str | None = None) -> tuple[str, str, Any]:
    """A board's name, and its unit as it is built unless asked else."""
    return name, *configure(board(name), unit, None, None, overrides)


# The bitstream, what is near its beginning, and what it is not shorter than: the identification of
# LFE5U-85F, the preamble of iCE40, the identification of GW1N-9C.
BITSTREAMS = {
    "ulx3s-85f": ("ulx3s-85f.bit", bytes.fromhex("41113043"), 200_000),
    "icebreaker": ("icebreaker.bin", bytes.fromhex("7eaa997e"), 100_000),
    "tang-nano-9k": ("tang-nano-9k.fs", f"{0x1100481B:032b}".encode(), 1_000_000),
}


@pytest.mark.parametrize("name", BITSTREAMS)
def test_bitstream(name, deep):
    """The array that fills the smallest board, a small unit on the others; with --deep, arrays."""
    unit = "bfp_array" if deep or name == "icebreaker" else "bfp_dot"
    made = build(*own(name, *([] if unit == "bfp_array" else ["lanes=1"]), unit=unit))
    file, mark, least = BITSTREAMS[name]
    content = made.files[file]
    assert isinstance(content, bytes)
    assert mark in content[:1000]
    assert len(content) >= least
    report = json.loads(made.files["report.json"])
    assert (report["unit"], report["target"]) == (unit, name)
    clock = report["clock"]
    assert clock["met"]
    assert clock["requested_mhz"] == board(name).clock
    assert clock["seeds"][-1] == {"seed": clock["used_seed"], "achieved_mhz": clock["reached_mhz"]}
    assert clock["margin_percent"] > 0
    assert all(re.fullmatch(r"[a-z]\w*(\.\w+)*", s["name"]) for s in clock["critical_path"])
    used = Counter(e["label"] for e in report["resources"])
    assert used["synthesized"] and used["routed"]
    for entry in report["resources"]:
        assert entry["available"] is None or 0 < entry["used"] <= entry["available"]
    if FAMILIES[board(name).family].whole and unit == "bfp_array":
        estimated, routed = (
            max(e["used"] / e["available"] for e in report["resources"] if e["label"] == label)
            for label in ("estimated", "routed")
        )
        assert 0.95 < estimated / routed <= 1
    stages = [stage["stage"] for stage in report["stages"]]
    assert stages[0] == f"generate {unit} for {name}"
    assert stages[-1] == "pack the bitstream"
    assert {"board_top.v", "board_top.json", "report.md", "report.html", "report.csv"} <= set(
        made.files
    )


def test_ulx3s_has_an_array_of_4_by_4_at_50_megahertz():
    _, unit, parameters = own("ulx3s-85f")
    assert unit == "bfp_array"
    assert (parameters.rows, parameters.columns, parameters.format.name) == (4, 4, "hbfp8")
    assert board("ulx3s-85f").clock == 50


@pytest.mark.parametrize("name", ["ulx3s-25f", "orangecrab-25f", "tang-nano-20k", "arty-a7-35"])
def test_estimate(name):
    made = build(*own(name), route=False)
    report = json.loads(made.files["report.json"])
    assert report["clock"] is None
    used = {e["resource"]: e for e in report["resources"] if e["available"]}
    assert "FF" in used
    assert all(0 < entry["percent"] <= 100 for entry in used.values())
    assert f"{name}.bit" not in made.files
    assert f"on {name}" in str(made.files["report.md"]).splitlines()[0]


def test_larger_arrays_than_that_of_icebreaker_do_not_fit():
    assert board("icebreaker").fields == {"format": "hbfp4", "rows": 3, "columns": 1, "lanes": 8}
    for larger in (["rows=4"], ["rows=2", "lanes=16"]):
        assert over("icebreaker", *larger).endswith(" of 5,280 logic cells")


def test_arty_gets_a_project_of_vivado():
    made = build(*own("arty-a7-35"))
    script = str(made.files["build.tcl"])
    assert "create_project -force board_top $here/vivado -part xc7a35ticsg324-1L" in script
    assert "$here/arty-a7-35.xdc" in script
    assert "arty-a7-35.xdc" in made.files
    assert script.count("{") == script.count("}")
    assert "PLLE2_BASE" in made.design.verilog


def over(name: str, *overrides: str) -> str:
    design = board_design(*own(name, *overrides))
    return use(board(name).chip, design, target=name, progress=Progress()).excess


def test_too_large_is_refused_before_placement_with_what_fits(monkeypatch):
    monkeypatch.setattr(building, "place", None)
    with pytest.raises(UserError) as error:
        build(*own("ulx3s-25f", "lanes=16"))
    found = re.fullmatch(
        r"bfp_array does not fit ulx3s-25f: ([\d,]+) of 24,288 LUT4 equivalents(?:, .* FF)?; "
        r"(.*) fits",
        str(error.value),
    )
    assert found, str(error.value)
    assert int(found[1].replace(",", "")) > 24288
    fields = ["lanes=16", *found[2].split(", ")]
    assert not over("ulx3s-25f", *fields)


ARRAY = UNITS["bfp_array"]


def size(p: Any) -> int:
    return p.rows * p.columns * p.lanes


def test_nearest_is_the_largest_that_fits():
    parameters = ArrayParameters(rows=4, columns=4, lanes=8)
    changes = smaller(ARRAY, parameters)
    kept = [size(parameters.replace(**change)) for change in changes]
    assert kept == sorted(kept, reverse=True)
    assert changes[0] == {"columns": 3}
    for limit in (1, 7, 50, 127):
        expected = next(c for c, k in zip(changes, kept, strict=True) if k <= limit)
        for share in (0, limit / 128, 0.3, 1):
            fits = functools.partial(lambda limit, p: size(p) <= limit, limit)
            assert nearest(ARRAY, parameters, fits, share=share) == expected
    assert nearest(ARRAY, parameters, lambda p: False, share=0.5) is None


def test_nothing_smaller_fits():
    parameters = DotParameters(lanes=1)
    assert smaller(UNITS["bfp_dot"], parameters) == []
    assert nearest(UNITS["bfp_dot"], parameters, lambda p: True, share=0.5) is None


def placement(megahertz: float) -> Placement:
    path = [{"delay": 1, "to": {"cell": "unit.a_LUT4_Z"}}, {"delay": 2, "to": {"cell": "unit.b"}}]
    report = {
        "fmax": {"clock": {"achieved": megahertz}},
        "critical_paths": [{"from": "posedge c", "to": "posedge c", "path": path}],
        "utilization": {"TRELLIS_COMB": {"used": 7, "available": 9}},
    }
    return Placement(report=report, placed="")


@pytest.fixture
def seeds(monkeypatch):
    """Frequencies that placing gives by seed, instead of placing."""
    found: dict[int, float] = {}
    monkeypatch.setattr(building, "place", lambda *_, seed, **__: placement(found[seed]))
    monkeypatch.setattr(building, "pack", lambda *_, **__: {"bits": b""})
    return found


SMALL = ("ulx3s-85f", "bfp_dot", DotParameters(lanes=1, target="ecp5"))


def test_the_first_seed_that_reaches_the_clock_is_taken(seeds):
    seeds |= {1: 49.9, 2: 50.0, 3: 99.0}
    clock = json.loads(build(*SMALL).files["report.json"])["clock"]
    assert [s["achieved_mhz"] for s in clock["seeds"]] == [49.9, 50.0]
    assert (clock["used_seed"], clock["met"], clock["margin_percent"]) == (2, True, 0)


def test_a_clock_that_is_not_reached_is_refused(seeds):
    seeds |= {1: 41.0, 2: 42.25, 3: 40.0}
    with pytest.raises(UserError) as error:
        build(*SMALL, seeds=3)
    assert str(error.value) == (
        "bfp_dot on ulx3s-85f reaches 42.2 MHz, not 50, with the best of 3 seeds; its slowest path "
        "is unit.a to unit.b: ask for a lower --clock, try more --seeds, or take it as it is by "
        "--allow-slow"
    )
    clock = json.loads(build(*SMALL, seeds=3, slow=True).files["report.json"])["clock"]
    assert (clock["used_seed"], clock["met"], clock["margin_percent"]) == (2, False, -15.5)


def netlist(*cells) -> str:
    kinds = {"SB_LUT4": "O", "SB_DFFE": "Q", "SB_CARRY": "CO"}
    kinds |= {"LUT2": "F", "DFFE": "Q", "ALU": "COUT", "MULT9X9": "DOUT"}
    made = {
        str(i): {
            "type": kind,
            "connections": {pin: [bit] for pin, bit in pins.items()},
            "port_directions": {pin: "output" if pin == kinds[kind] else "input" for pin in pins},
        }
        for i, (kind, pins) in enumerate(cells)
    }
    return json.dumps({"modules": {"m": {"attributes": {"top": "1"}, "cells": made}}})


def test_logic_cells_hold_what_can_be_packed_together():
    table = ("SB_LUT4", {"I0": "0", "I1": 2, "I2": 3, "I3": 4, "O": 5})
    flop = ("SB_DFFE", {"C": 9, "E": 8, "D": 5, "Q": 6})
    carry = ("SB_CARRY", {"I0": 2, "I1": 3, "CI": 4, "CO": 7})
    assert logic_cells(netlist(table)) == 1
    assert logic_cells(netlist(table, flop, carry)) == 1
    other = ("SB_LUT4", {"I0": 5, "I1": "0", "I2": "0", "I3": "0", "O": 11})
    assert logic_cells(netlist(table, flop, other)) == 3
    assert logic_cells(netlist(("SB_DFFE", {"C": 9, "E": 8, "D": 10, "Q": 6}))) == 1
    assert logic_cells(netlist(("SB_CARRY", {"I0": 2, "I1": 9, "CI": 4, "CO": 7}), table)) == 2
    taken = ("SB_LUT4", {"I0": 7, "I1": "0", "I2": "0", "I3": "0", "O": 11})
    assert logic_cells(netlist(table, carry, taken)) == 3


def run(*arguments: str) -> str:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2, result.output
    return result.stderr.strip().splitlines()[-1].removeprefix("error: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ulx3s"], r"unknown board 'ulx3s', did you mean ulx3s-\d5f\? \(known: .*"),
        (["icebreaker", "--unit", "bfp_dt"], r"unknown unit 'bfp_dt', did you mean bfp_dot.*"),
        (
            ["icebreaker", "--clock", "13"],
            r"clock 13 MHz cannot be made of 12 MHz, the nearest is 16\.125 MHz; .*",
        ),
        (
            ["icebreaker", "--baud", "4000000"],
            r"baud must be at most a quarter of the clock, 3,000,000, not 4,000,000",
        ),
        (["ulx3s-85f", "--set", "rows=0"], r"rows must be an integer from 1 to 64, not 0"),
        (["ulx3s-85f", "--seeds", "0"], r"--seeds must be an integer from 1 to 100, not 0"),
        (["ulx3s-85f", "-o", "/dev/null/x"], r"cannot write to /dev/null/x: .*"),
    ],
)
def test_mistakes_are_one_line(arguments, message):
    assert re.fullmatch(message, run("build", *arguments))


def test_list_fits_80_columns_and_has_each_board(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(main, ["list"])
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for name in BOARDS:
        assert name in result.stdout
    assert "an adapter of" in result.stdout


def test_estimate_is_written_and_shown_within_80_columns(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(
        main, ["build", "tang-nano-20k", "--estimate", "-o", str(tmp_path / "out")]
    )
    assert result.exit_code == 0, result.stderr
    assert "bfp_array on tang-nano-20k (GW2AR-18C, QN88, speed grade C8/I7)" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80 + len(str(tmp_path))
    assert (tmp_path / "out" / "report.json").is_file()
    assert not list((tmp_path / "out").glob("*.fs"))


@pytest.mark.parametrize("unit", ["bfp_dot", "quantile_estimator", "weight_regenerator"])
def test_any_unit_can_be_made_for_a_board(unit):
    design = board_design("ulx3s-85f", unit, UNITS[unit].parameters())
    assert design.manifest["unit"] == unit
    assert (design.manifest["hertz"], design.manifest["baud"]) == (50_000_000, 3_000_000)


def test_a_flip_flop_of_gowin_has_a_lut_before_it():
    table, flop = ("LUT2", {"I0": 2, "I1": 3, "F": 5}), ("DFFE", {"CLK": 9, "D": 5, "Q": 6})
    assert unseen_luts(netlist(table, flop)) == 0
    assert unseen_luts(netlist(table, flop, ("LUT2", {"I0": 5, "I1": 3, "F": 7}))) == 1
    assert unseen_luts(netlist(flop, ("MULT9X9", {"DOUT": 5}))) == 1
    head, end = ("ALU", {"CIN": "0", "COUT": 10}), ("ALU", {"CIN": 10, "COUT": 11})
    assert unseen_luts(netlist(head, end)) == 1
    assert unseen_luts(netlist(head, end, ("LUT2", {"I0": 11, "I1": 10, "F": 7}))) == 3
