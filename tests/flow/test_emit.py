"""Emitted Verilog: one module a distinct circuit, legal names, the same bytes each time."""

import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hw.cells import models
from hw.flow.emit import emit, generate, write
from hw.units import UNITS
from sw.errors import UserError

from ..lint import lint
from .circuits import Accumulator, Misnamed, Parity, Top

ROOT = Path(__file__).parents[2]


def modules(verilog: str) -> list[str]:
    return re.findall(r"^module (\w+)", verilog, re.M)


@pytest.fixture(scope="module")
def verilog() -> str:
    return emit(Top(), "unit").verilog


def test_each_distinct_module_is_emitted_once(verilog):
    assert modules(verilog) == [
        "unit",
        "unit_accumulator_width4",
        "unit_delay",
        "unit_accumulator_width8",
    ]
    assert modules(emit(Top(size=9), "unit").verilog) == modules(verilog)


def test_a_module_that_was_emitted_is_not_elaborated_again():
    before = Accumulator.elaborations
    emit(Top(size=9), "unit")
    assert Accumulator.elaborations - before == 2


def test_ports_are_in_order_of_declaration(verilog):
    def ports(module: str) -> list[str]:
        (head,) = re.findall(rf"^module {module} \((.*?)^\);", verilog, re.M | re.S)
        return re.findall(r"(\w+),?$", head, re.M)

    assert ports("unit") == ["aclk", "aresetn", "x", "go", "wide", "narrow", "odd"]
    assert ports("unit_accumulator_width8") == ["clk", "rst", "en", "pair", "total"]
    assert ports("unit_delay") == ["clk", "i", "o"]


def test_no_escaped_or_numbered_names_remain(verilog):
    assert "\\" not in verilog
    assert not re.search(r"\b_\d+_\b|\$\d|auto\$", verilog)


def test_a_primitive_passes_through():
    text = emit(Parity(), "unit").verilog
    assert re.search(r"^  LUT4 #\(\n    \.INIT\(32'd27030\)\n  \) cell_ \($", text, re.M)
    assert modules(text) == ["unit"]


def test_a_port_that_is_a_keyword_is_refused():
    with pytest.raises(ValueError, match="has a port 'signed'"):
        emit(Misnamed(), "unit")


def run(code: list[str], folder: Path, seed: str) -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    # Of its own, so that Yosys runs again.
    environment["GRADGATE_CACHE"] = str(folder / "cache")
    done = subprocess.run(
        [sys.executable, *code], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_bytes_do_not_depend_on_hash_seed_or_directory(tmp_path, verilog):
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        assert run(["-m", "tests.flow.circuits"], folder, seed) == verilog


@pytest.mark.parametrize("name", list(UNITS))
def test_a_unit_is_the_same_from_another_process(name, tmp_path):
    run(["-m", "hw", "verilog", name, "-o", "out"], tmp_path, "7")
    design = generate(name, UNITS[name].parameters())
    for file, text in design.files.items():
        assert (tmp_path / "out" / file).read_text() == text


def accepted_by_icarus(*paths: Path) -> None:
    assert shutil.which("iverilog"), "needs iverilog: sudo apt-get install iverilog"
    done = subprocess.run(
        ["iverilog", "-g2005", "-Wall", "-o", os.devnull, *paths], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_lint_finds_what_is_wrong(tmp_path, verilog):
    (tmp_path / "unit.v").write_text(verilog.replace("assign rst = ~aresetn;", ""))
    assert "UNDRIVEN" in lint(tmp_path / "unit.v")


@pytest.mark.parametrize("name", ["unit", *UNITS])
def test_simulators_take_the_verilog_without_a_word(name, tmp_path, verilog):
    text = verilog if name == "unit" else generate(name, UNITS[name].parameters()).verilog
    path = tmp_path / f"{name}.v"
    path.write_text(text)
    assert lint(path) == ""
    accepted_by_icarus(path)


@pytest.mark.parametrize("target", ["ecp5", "xilinx"])
def test_verilog_of_a_target_is_taken_with_the_models_of_its_cells(target, tmp_path):
    parameters = UNITS["bfp_dot"].parameters.make(preset="mxint8", lanes=2, target=target)
    path = tmp_path / "bfp_dot.v"
    path.write_text(generate("bfp_dot", parameters).verilog)
    assert lint(path, models(target)) == ""


def test_header_holds_the_configuration_as_toml(tmp_path):
    kind = UNITS["bfp_dot"].parameters
    parameters = kind.make(preset="hbfp4", lanes=4)
    text = generate("bfp_dot", parameters).verilog
    (block,) = re.findall(r"as TOML:\n(.*?)\n//\n", text, re.S)
    config = tmp_path / "dot.toml"
    config.write_text(re.sub(r"^// *", "", block, flags=re.M))
    assert kind.make(config=config) == parameters
    assert parameters.digest in text


def test_manifest_describes_ports_streams_registers_and_files():
    design = generate("bfp_dot", UNITS["bfp_dot"].parameters())
    manifest = json.loads(design.files["bfp_dot.json"])
    names = [port["name"] for port in manifest["ports"]]
    assert names[:2] == ["aclk", "aresetn"]
    for port in manifest["ports"]:
        width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        pattern = rf"^  {port['direction']}put (wire|reg) {re.escape(width)}{port['name']},?$"
        assert re.search(pattern, design.verilog, re.M), port
    for name, stream in manifest["streams"].items():
        data = next(p for p in manifest["ports"] if p["name"] == f"{name}_tdata")
        assert data["width"] == 8 * stream["bytes"]
        end = stream["fields"][-1]
        assert end["offset"] + end["bits"] * end["count"] == stream["bits"]
    assert [r["offset"] for r in manifest["registers"]] == [
        4 * i for i in range(len(manifest["registers"]))
    ]
    for file, digest in manifest["files"].items():
        assert hashlib.sha256(design.files[file].encode()).hexdigest() == digest


def test_snippet_connects_every_port():
    design = emit(Top(), "unit")
    assert re.findall(r"\.(\w+) ", design.snippet) == [
        port["name"] for port in design.manifest["ports"]
    ]


def test_writing_below_a_file_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"^cannot write to .*file/out: Not a directory$"):
        write(emit(Parity(), "unit"), tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_files(tmp_path):
    design = emit(Parity(), "unit")
    write(design, tmp_path)
    old = (tmp_path / "unit.v").read_text()
    (tmp_path / f".unit.core.{os.getpid()}").mkdir()
    broken = dataclasses.replace(design, verilog="half")
    with pytest.raises((UserError, OSError)):
        write(broken, tmp_path)
    assert (tmp_path / "unit.v").read_text() == old
