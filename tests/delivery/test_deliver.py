"""The command that delivers: what is in the folder, what goes from it, and what it refuses."""

import hashlib
import json
import os
import subprocess

import pytest
from click.testing import CliRunner

from delivery.folder import write
from delivery.parts import PARTS
from hw.__main__ import main
from sw.errors import UserError


def run(*arguments: object):
    return CliRunner(env={"COLUMNS": "400"}).invoke(main, ["deliver", *map(str, arguments)])


def inside(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_folder_has_what_its_manifest_lists(tmp_path):
    result = run("csb_encoder", "--set", "lanes=3", "--name", "coder", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "coder.json").read_text())
    assert manifest["unit"] == "csb_encoder" and manifest["top"] == "coder"
    assert inside(tmp_path) == {*manifest["files"], "coder.json"}
    for file, digest in manifest["files"].items():
        assert hashlib.sha256((tmp_path / file).read_bytes()).hexdigest() == digest
        assert file.rpartition("/")[2] in result.stdout
    named = "coder.v", "coder.core", "bench/coder_bench.v", "bench/s_axis.hex", "synth/ecp5.sh"
    assert {*named, "vivado/coder.xdc", "synth/coder.lpf", "README.md"} < set(manifest["files"])
    for text in ((tmp_path / file).read_text() for file in manifest["files"]):
        assert str(tmp_path) not in text and "csb_encoder_" not in text
    for script in tmp_path.glob("synth/*.sh"):
        assert subprocess.run(["sh", "-n", script]).returncode == 0
    again = run("csb_encoder", "--set", "lanes=3", "--name", "coder", "-o", tmp_path)
    assert again.exit_code == 0 and json.loads((tmp_path / "coder.json").read_text()) == manifest


def test_scripts_are_those_of_the_target(tmp_path):
    for target in ("ecp5", "xilinx"):
        fields = ("--preset", "mxint8", "--set", "lanes=2", "--set", f"target={target}")
        result = run("bfp_dot", *fields, "-o", tmp_path)
        assert result.exit_code == 0, result.output
        assert {path.name for path in tmp_path.glob("synth/*.ys")} == {f"{target}.ys"}
        assert (tmp_path / "vivado").exists() == (target == "xilinx")
        assert (tmp_path / "synth" / "ecp5.sh").exists() == (target == "ecp5")
        assert "bfp_dot_cells.v" in (tmp_path / "bfp_dot.core").read_text()
        assert "../bfp_dot_cells.v" in (tmp_path / "README.md").read_text()


OLD = {"top.v": "module top; endmodule\n", "bench/old.hex": "1\n", "kept.txt": "k\n"}


def listing(files) -> dict[str, str]:
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    return {**files, "top.json": json.dumps({"files": digests})}


def test_old_files_go_and_others_stay(tmp_path):
    write(listing(OLD), tmp_path, "top")
    (tmp_path / "bench" / "mine.txt").write_text("mine")
    (tmp_path.parent / f"{tmp_path.name}.txt").write_text("k\n")
    new = {name: OLD[name] for name in ("top.v", "kept.txt")}
    # A list may name what is outside of the folder.
    told = json.loads(listing(OLD)["top.json"])
    told["files"][f"../{tmp_path.name}.txt"] = told["files"]["kept.txt"]
    (tmp_path / "top.json").write_text(json.dumps(told))
    write(listing(new), tmp_path, "top")
    assert inside(tmp_path) == {"top.v", "kept.txt", "top.json", "bench/mine.txt"}
    assert (tmp_path.parent / f"{tmp_path.name}.txt").exists()


def test_an_old_file_that_was_changed_is_not_lost(tmp_path):
    write(listing(OLD), tmp_path, "top")
    (tmp_path / "bench" / "old.hex").write_text("2\n")
    before = {name: (tmp_path / name).read_text() for name in inside(tmp_path)}
    with pytest.raises(UserError, match=r"bench/old.hex must be moved away: an earlier delivery"):
        write(listing({"top.v": "module top; wire x; endmodule\n"}), tmp_path, "top")
    assert {name: (tmp_path / name).read_text() for name in inside(tmp_path)} == before


@pytest.mark.parametrize("text", ["", "[]", "3", '{"files": 3}', '{"files": {"a": {}}}'])
def test_a_manifest_that_is_none_is_no_list(text, tmp_path):
    (tmp_path / "top.json").write_text(text)
    write(listing(OLD), tmp_path, "top")
    assert inside(tmp_path) == {*OLD, "top.json"}


def test_mistakes_are_told_in_a_line_and_write_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for arguments, words in (
        (["bfp_dott"], "bfp_dott"),
        (["bfp_dot", "--set", "lanes=0"], "lanes must be"),
        (["bfp_dot", "--name", "module"], "--name must not be a keyword"),
        (["bfp_dot", "-o", tmp_path / "file" / "x"], "cannot write to"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2 and result.stderr.startswith("error: ")
        assert words in result.stderr and result.stderr.count("\n") == 1

    # A part that fails, as when the unit differs from its model.
    def failing(delivered):
        raise UserError("bfp_dot differs from its model: a beat")

    monkeypatch.setattr("delivery.command.PARTS", (*PARTS[:1], ("test bench", failing)))
    result = run("bfp_dot", "--set", "lanes=2", "-o", tmp_path / "out")
    assert result.exit_code == 2 and "differs from its model: a beat\n" in result.stderr
    assert os.listdir(tmp_path) == ["file"]


def test_help_shows_examples():
    result = run("-h")
    assert (
        result.exit_code == 0 and "python -m hw deliver bfp_array -o build/array" in result.stdout
    )
