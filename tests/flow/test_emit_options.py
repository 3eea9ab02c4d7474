"""What is beside the Verilog: its name, a time scale, models of cells, and the command."""

import json
import re
import shlex
import subprocess

import pytest
from click.testing import CliRunner

from hw.__main__ import main
from hw.flow.command import command
from hw.flow.emit import generate
from hw.flow.primitives import cell_models
from hw.units import UNITS
from sw.errors import UserError

from ..lint import lint

DOT = UNITS["bfp_dot"].parameters


def run(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("module", "name must not be a keyword of Verilog or SystemVerilog, as module is"),
        ("logic", "name must not be a keyword of Verilog or SystemVerilog, as logic is"),
        ("endpackage", "name must not be a keyword of Verilog or SystemVerilog, as endpackage is"),
        ("CARRY4", "name must not be a cell of a device, as CARRY4 is"),
        ("2dot", "name must be a Verilog identifier"),
        ("dot-2", "name must be a Verilog identifier"),
        ("dot$2", "name must be a Verilog identifier"),
        ("dot\n", "name must be a line of text"),
        ("α", "name must be a Verilog identifier"),
        ("d" * 65, "name must be a Verilog identifier"),
        (3, "name must be a line of text, not 3"),
    ],
)
def test_a_name_that_verilog_does_not_take_is_refused(name, words):
    with pytest.raises(UserError, match=f"^{words}"):
        generate("bfp_dot", DOT(), name=name)


def test_a_name_names_top_files_and_modules(tmp_path):
    line = f"verilog bfp_dot --set lanes=2 --name dot_2 -o {tmp_path}"
    result = run(*line.split())
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["dot_2.core", "dot_2.json", "dot_2.v"]
    manifest = json.loads((tmp_path / "dot_2.json").read_text())
    digest = DOT.make(overrides=["lanes=2"]).digest
    assert manifest["unit"] == "bfp_dot" and manifest["top"] == "dot_2"
    assert manifest["prefix"] == f"dot_2_{digest[:8]}_"
    assert manifest["command"] == "python -m hw verilog bfp_dot --set lanes=2 --name dot_2"
    text = (tmp_path / "dot_2.v").read_text()
    modules = re.findall(r"^module (\w+)", text, re.M)
    assert modules[0] == "dot_2"
    assert all(name.startswith(manifest["prefix"]) for name in modules[1:])
    assert "bfp_dot" not in text.split("endmodule")[0].split("module ")[1]
    assert f"name: gradgate::dot_2-{digest[:8]}:" in (tmp_path / "dot_2.core").read_text()


@pytest.mark.parametrize(
    "text", ["1ns", "2ns/1ps", "1ns/1ns/1ps", "1 parsec/1ps", "ns/ps", "1ns/", "1000ns/1ps", ""]
)
def test_a_time_scale_that_is_none_is_refused(text, tmp_path):
    result = run("verilog", "bfp_dot", "--timescale", text, "-o", tmp_path / "out")
    assert result.exit_code == 2 and not result.stdout
    assert re.match("error: --timescale must be ", result.stderr)
    assert not (tmp_path / "out").exists()


def test_the_precision_is_no_coarser_than_the_unit():
    with pytest.raises(UserError, match="precision no coarser than its unit, not '1ps/1ns'"):
        generate("bfp_dot", DOT(), timescale="1ps/1ns")
    with pytest.raises(UserError, match="precision no coarser"):
        generate("bfp_dot", DOT(), timescale="10ns/100ns")
    assert "`timescale 10ns/10ns\n" in generate("bfp_dot", DOT(), timescale="10ns/10ns").verilog


def test_a_time_scale_stands_beside_a_file_that_has_one(tmp_path):
    (tmp_path / "other.v").write_text(
        "`timescale 1ns/1ps\nmodule other (input wire i, output wire o);\n"
        "  assign o = i;\nendmodule\n"
    )
    p = DOT.make(preset="mxint8", overrides=["lanes=2", "target=xilinx"])
    plain = generate("bfp_dot", p)
    assert "timescale" not in plain.verilog + plain.cells
    scaled = generate("bfp_dot", p, timescale="1ns/1ps")
    for design in (plain, scaled):
        (tmp_path / "bfp_dot.v").write_text(design.verilog)
        (tmp_path / "cells.v").write_text(design.cells)
        files = [tmp_path / f for f in ("bfp_dot.v", "cells.v", "other.v")]
        told = lint(*files, "-Wno-MULTITOP")
        assert ("TIMESCALEMOD" in told) == (design is plain)
        assert told == "" or design is plain


@pytest.mark.parametrize(("target", "cell"), [("ecp5", "CCU2C"), ("xilinx", "CARRY4")])
def test_models_of_cells_are_written_beside_what_needs_them(target, cell, tmp_path):
    sets = f"--preset mxint8 --set lanes=2 --set target={target}"
    result = run(*f"verilog bfp_dot {sets} -o {tmp_path}".split())
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["bfp_dot.core", "bfp_dot.json", "bfp_dot.v", "bfp_dot_cells.v"]
    assert f"module {cell} (" in (tmp_path / "bfp_dot_cells.v").read_text()
    assert "bfp_dot_cells.v" in json.loads((tmp_path / "bfp_dot.json").read_text())["files"]
    core = (tmp_path / "bfp_dot.core").read_text()
    rtl, lint_target, synth = (core.index(f"\n  {n}:") for n in ("default", "lint", "synth"))
    assert core.count("      - bfp_dot_cells.v\n") == 1
    assert "- cells" not in core[rtl:lint_target] + core[synth:]
    assert "      - cells\n" in core[lint_target:synth]
    assert f"      arch: {target}\n" in core[synth:]
    # A simulation takes the bench that is delivered.
    assert "\n  sim:" not in core and ("\n  ecp5:" in core) == (target == "ecp5")
    # Alone, and beside the models of another design.
    files = [str(tmp_path / f) for f in ("bfp_dot.v", "bfp_dot_cells.v")]
    (tmp_path / "again_cells.v").write_text((tmp_path / "bfp_dot_cells.v").read_text())
    for more in ([], [str(tmp_path / "again_cells.v")]):
        compiler = ["iverilog", "-g2005", "-Wall", "-o", str(tmp_path / "x"), *files, *more]
        done = subprocess.run(compiler, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_no_models_without_cells():
    for name, fields in (("bfp_dot", {}), ("bfp_converter", {})):
        design = generate(name, UNITS[name].parameters.make(**fields))
        assert design.cells == "" and f"{name}_cells.v" not in design.files
        assert "cells" not in design.core


PRESETS = [(name, preset) for name, unit in UNITS.items() for preset in unit.parameters.PRESETS]
ODD = [
    ("bfp_dot", ['format={preset="hbfp4", block=12}', "lanes=3", "target=ecp5"]),
    ("bfp_array", ["format.block=16", "lanes=4", "multiplier=dsp"]),
    ("bfp_converter", ['format={preset="mxfp4", scale={rule="even"}}']),
    ("bfp_converter", ["format=nvfp4", "format.element.exponent_bits=3", "seed=9"]),
    ("outer_product", ['weights={preset="hbfp8", block=4}', "results=4"]),
    ("quantile_estimator", ["keep=0.25", "initial=0.5"]),
]


@pytest.mark.parametrize(("unit", "options"), PRESETS + ODD)
def test_the_command_makes_the_same_configuration(unit, options):
    kind = UNITS[unit].parameters
    p = kind.make(preset=options) if isinstance(options, str) else kind.make(overrides=options)
    words = shlex.split(command(unit, p))
    assert words[:5] == ["python", "-m", "hw", "verilog", unit]
    assert set(words[5::2]) <= {"--set"}
    assert kind.make(overrides=words[6::2]) == p


def test_synth_says_which_command_writes_what_it_costs(tmp_path):
    line = "synth bfp_dot --preset hbfp4 --set lanes=2 --target ecp5"
    result = run(*line.split(), "-o", tmp_path)
    assert result.exit_code == 0, result.output
    words = "python -m hw verilog bfp_dot --set format=hbfp4 --set lanes=2 --set target=ecp5"
    line = "the design has target=ecp5, set by --target; its Verilog is written by"
    assert f"{line}\n  {words}\n" in result.stdout
    assert json.loads((tmp_path / "report.json").read_text())["command"] == words
    assert f"| Verilog | {words} |" in (tmp_path / "report.md").read_text()


def test_synth_of_what_verilog_writes_says_nothing(tmp_path):
    line = "synth bfp_dot --preset hbfp4 --set lanes=2 --set target=generic --target ecp5"
    result = run(*line.split(), "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert "set by --target" not in result.stdout
    words = "python -m hw verilog bfp_dot --set format=hbfp4 --set lanes=2"
    assert json.loads((tmp_path / "report.json").read_text())["command"] == words


def test_header_and_help_say_whose_the_text_is():
    text = generate("bfp_dot", DOT()).verilog
    assert (
        "// This text is yours: the licence of Gradgate extends to Gradgate itself,\n"
        "// and makes no claim on what it generates.\n"
    ) in text
    told = " ".join(run("verilog", "--help").stdout.split())
    assert "What is written is yours: the licence of Gradgate makes no claim on it." in told


def test_models_of_instances_with_parameters_and_without(tmp_path):
    file = tmp_path / "cells.v"
    file.write_text("module ONE (i);\nendmodule\nmodule OTHER (i);\nendmodule\n")
    for text in ("  ONE one (", "  OTHER #(", "  OTHER x ("):
        assert "`ifndef GRADGATE_CELLS_ONE\n" in cell_models(f"module m();\n{text}\n", [file])
    for text in ("  ONES x (", "  // ONE one (", "  wire ONE;"):
        assert cell_models(f"module m();\n{text}\n", [file]) == ""


@pytest.mark.parametrize("more", ["", " --timescale 1ns/1ps"])
def test_models_of_cells_go_with_the_design_that_needs_them(more, tmp_path):
    line = f"verilog bfp_dot --preset mxint8 --set lanes=2{more} -o {tmp_path}"
    run(*f"{line} --set target=ecp5".split())
    assert (tmp_path / "bfp_dot_cells.v").is_file()
    (tmp_path / "other_cells.v").write_text("another's\n")
    assert run(*line.split()).exit_code == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["bfp_dot.core", "bfp_dot.json", "bfp_dot.v", "other_cells.v"]


def test_what_is_no_model_of_cells_is_not_removed(tmp_path):
    (tmp_path / "bfp_dot_cells.v").write_text("module mine;\nendmodule\n")
    result = run(*f"verilog bfp_dot --set lanes=2 -o {tmp_path}".split())
    assert result.exit_code == 2
    words = "bfp_dot_cells.v must be moved away: it is where models of cells would be, of which"
    assert words in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bfp_dot_cells.v"]
    assert (tmp_path / "bfp_dot_cells.v").read_text() == "module mine;\nendmodule\n"
