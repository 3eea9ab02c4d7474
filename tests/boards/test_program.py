"""What the loader of bitstreams is called with, and how its failures are told."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from boards.__main__ import main
from boards.pack import _dfu

LOADER = """#!/bin/sh
if [ "$1" = --version ]; then echo "openFPGALoader v0.12.1"; exit 0; fi
echo "$@" > "$LOADED"
exit ${STATUS:-0}
"""


@pytest.fixture
def loader(tmp_path, monkeypatch):
    """A stand-in for openFPGALoader, which writes its arguments to the path returned."""
    program = tmp_path / "bin" / "openFPGALoader"
    program.parent.mkdir()
    program.write_text(LOADER)
    program.chmod(0o755)
    loaded = tmp_path / "loaded"
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("LOADED", str(loaded))
    return loaded


def program(board: str, folder: Path):
    return CliRunner().invoke(main, ["program", board, "-o", str(folder)])


LOADED = {
    "ulx3s-85f": "--board ulx3s {}.bit",
    "orangecrab-25f": "--board orangeCrab {}.dfu",
    "icebreaker": "--board ice40_generic {}.bin",
    "tang-nano-9k": "--board tangnano9k {}.fs",
    "tang-nano-20k": "--cable ft2232 {}.fs",
    "arty-a7-35": "--board arty_a7_35t {}.bit",
}


@pytest.mark.parametrize("board", LOADED)
def test_the_loader_is_given_board_and_bitstream(tmp_path, loader, board):
    expected = LOADED[board].format(tmp_path / board)
    Path(expected.split()[-1]).write_bytes(b"bits")
    result = program(board, tmp_path)
    assert result.exit_code == 0, result.output
    assert loader.read_text() == f"{expected}\n"


def error(result) -> str:
    assert result.exit_code == 2
    return result.stderr.removeprefix("error: ").strip()


def test_nothing_built(tmp_path, loader):
    assert error(program("icebreaker", tmp_path)) == (
        f"{tmp_path}/icebreaker.bin is not there: python -m boards build icebreaker -o {tmp_path}"
    )
    assert error(program("arty-a7-35", tmp_path)) == (
        f"{tmp_path}/arty-a7-35.bit is not there: python -m boards build arty-a7-35 -o {tmp_path}, "
        "then vivado -mode batch -source build.tcl there"
    )
    assert not loader.exists()


def test_no_loader(tmp_path, monkeypatch):
    (tmp_path / "icebreaker.bin").write_bytes(b"bits")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert error(program("icebreaker", tmp_path)) == (
        "openFPGALoader is not installed, needed to program a board: apt-get install openfpgaloader"
    )


def test_a_loader_that_fails(tmp_path, loader, monkeypatch):
    (tmp_path / "icebreaker.bin").write_bytes(b"bits")
    monkeypatch.setenv("STATUS", "1")
    assert error(program("icebreaker", tmp_path)) == (
        "openFPGALoader could not program icebreaker (status 1): see above; is the board plugged "
        "in, and may you open its USB device?"
    )


def test_an_unknown_board(tmp_path):
    assert error(program("icebraker", tmp_path)).startswith(
        "unknown board 'icebraker', did you mean icebreaker? (known: "
    )


def test_suffix_of_a_firmware_upgrade():
    # Device version, product, vendor, version 1.0 of the suffix, its mark and its length.
    made = _dfu(b"bits", 0x1209, 0x5AF0)
    assert made[:-4] == b"bits" + bytes.fromhex("ffff f05a 0912 0001 554644 10")
    assert len(made) == 4 + 16
