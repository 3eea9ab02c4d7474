"""The answer of ``hw fit``: as JSON, on the terminal, and in words where there is none."""

import json
import re

import pytest
from click.testing import CliRunner

from hw.__main__ import main
from hw.flow import fit as fitting
from hw.flow.fit_report import as_dict

from .fake import Fake, found


def test_the_answer_as_json():
    fake = Fake(noise=(-4, 2))
    report = as_dict(found(fake, 150))
    best = report["best"]
    assert best["sizes"] == {"rows": 8, "columns": 4}
    assert best["commands"] == [
        f"python -m hw {verb} bfp_array --set rows=8" for verb in ("verilog", "deliver")
    ]
    assert best["seeds"] == [
        {"seed": 1, "achieved_mhz": 146.0},
        {"seed": 2, "achieved_mhz": 152.0},
    ]
    assert (best["reached_mhz"], best["verdict"]) == (152.0, "reaches the clock")
    assert best["resources"] == [
        {"label": "routed", "resource": "LUT", "used": 4200, "available": 24288, "percent": 17.29}
    ]
    # 8 rows of 8 lanes of 8 bits with 10 bits of exponent each, 4 columns alike; a row of results.
    assert best["rates"] == {
        "multiply_adds_a_cycle": 8 * 4 * 8,
        "bytes_in_a_cycle": 8 * 74 // 8 + 4 * 74 // 8,
        "bytes_out_a_cycle": 4 * 4,
        "multiply_adds_a_second": 256 * 150e6,
        "bytes_in_a_second": 111 * 150e6,
        "bytes_out_a_second": 16 * 150e6,
    }
    assert report["next_larger"]["sizes"] == {"rows": 8, "columns": 5}
    assert report["next_larger"]["verdict"] == "reaches 148.8 MHz"
    assert [each["sizes"]["rows"] for each in report["tried"]][:1] == [1]


BAD = [
    ("--device LFE5U-25F", "Missing option '--mhz'"),
    ("--mhz 100", "Missing option '--device'"),
    ("--device LFE5U --mhz 100", "unknown device 'LFE5U', did you mean LFE5U-"),
    ("--device LFE5U-25F --mhz 0", "--mhz must be a number from 1 to 1000, not 0"),
    ("--device LFE5U-25F --mhz nan", "--mhz must be a number from 1 to 1000, not nan"),
    ("--device LFE5U-25F --mhz 9 --seeds 0", "--seeds must be an integer from 1 to 100, not 0"),
    (
        "--device LFE5U-25F --mhz 9 --vary lines",
        "--vary must be one of rows, columns, lanes, not 'lines'",
    ),
    (
        "--device LFE5U-25F --mhz 9 --vary rows,rows",
        "--vary must name each field once, not rows,rows",
    ),
    ("--device XC7Z020 --mhz 9 --route", "no open router knows XC7Z020: --no-route looks at its"),
    ("--device LFE5U-25F --mhz 9 -o /dev/null/x", "cannot write to /dev/null/x"),
]


@pytest.mark.parametrize(("line", "words"), BAD)
def test_mistakes_are_one_line(line, words):
    result = CliRunner().invoke(main, ["fit", "bfp_array", *line.split()])
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"error: {words}"), result.stderr


def test_a_unit_without_sizes():
    line = "fit bfp_epoch_schedule --device LFE5U-25F --mhz 9"
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 2
    assert result.stderr == (
        "error: bfp_epoch_schedule has no sizes to vary: there is one of it, see hw synth\n"
    )


def run(fake: Fake, monkeypatch: pytest.MonkeyPatch, *words: str):
    monkeypatch.setattr(fitting, "Flow", lambda *_: fake)
    return CliRunner().invoke(main, ["fit", "bfp_array", "--device", "LFE5U-25F", *words])


def test_the_command_shows_what_was_tried_and_how_the_answer_is_made(monkeypatch, tmp_path):
    result = run(Fake(), monkeypatch, "--mhz", "150", "-o", str(tmp_path))
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert re.search(r"rows=8 columns=4 lanes=8 +4,200 +17\.3 % +150\.0  reaches the clock", text)
    assert re.search(r"rows=8 columns=5 lanes=8 +5,000 +20\.6 % +146\.8  reaches 146\.8 MHz", text)
    assert "clock, routed with seed 1: 150.0 MHz, 150 MHz asked (LFE5U-25F, CABGA381, sp" in text
    assert "256 multiply-adds a cycle, 38.4 G a second at 150 MHz" in text
    assert "at most 111 bytes a cycle in, 16.65 GB a second" in text
    command = "python -m hw verilog bfp_array --set rows=8 --set target=ecp5"
    assert f"\n  {command}\n  {command.replace('verilog', 'deliver')}\n" in text
    report = json.loads((tmp_path / "fit.json").read_text())
    assert report["best"]["sizes"] == {"rows": 8, "columns": 4}


def test_nothing_fits(monkeypatch):
    result = run(Fake(least=30_000), monkeypatch, "--mhz", "150")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "error: nothing fits LFE5U-25F at 150 MHz: the smallest bfp_array, rows=1 columns=1 "
        "lanes=8, does not fit: 31,100 of 24,288 LUT\n"
    )
    assert result.stdout == ""
    result = run(Fake(), monkeypatch, "--mhz", "500")
    assert result.stderr.endswith("rows=1 columns=1 lanes=8, reaches 200.0 MHz\n")


def test_the_area_alone(monkeypatch):
    monkeypatch.setattr(fitting, "Flow", lambda *_: Fake())
    line = "fit bfp_array --device XC7Z020 --mhz 150"
    result = CliRunner().invoke(main, line.split())
    assert result.exit_code == 0, result.output
    words = "whether it reaches 150 MHz was not looked at: no open router knows the device"
    assert f"\n{words}\n" in result.stdout
    assert "routed" not in result.stdout
