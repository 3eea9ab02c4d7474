"""2,000 command lines changed at random: each works, or ends in one worded line and exit 2.

Work that takes long (simulators, synthesis, boards, tables of papers) is replaced by nothing: what
is tried is everything before it. Where a command fails nothing is left behind.
"""

import importlib
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from .commands import COMMANDS, changed

COUNT = 2000
ROOMS = ("hw", "sw", "sim", "boards")

OWN = "def multiply(a, b, bits):\n    return a * b\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with files that command lines name, and what takes long replaced."""
    monkeypatch.chdir(tmp_path)
    Path("good.toml").write_text("lines = 4\n")
    Path("broken.toml").write_text("lines = \n")
    np.save("good.npy", np.linspace(-1, 1, 64, dtype=np.float32).reshape(4, 16))
    Path("broken.npy").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{")
    Path("own.py").write_text(OWN)
    Path("broken.py").write_text("raise SystemExit('no')\n")
    Path("good.lib").write_text("library (x) { }\n")
    Path("folder").mkdir()
    table = importlib.import_module("sw.approx.table")
    table.write(table.make("mbm", 3), "mbm_3.bin", "byte")
    for name in REPLACED:
        module, _, attribute = name.rpartition(".")
        monkeypatch.setattr(importlib.import_module(module), attribute, _done)
    return tmp_path


REPLACED = (
    "hw.flow.synth.synthesize",
    "hw.flow.fit.fit",
    "hw.flow.report.show",
    "hw.flow.report.as_files",
    "sim.__main__._compare",
    "sim.demo.demo",
    "sim.training.compare",
    "sim.training.show",
    "sim.ratios.measure",
    "boards.build.build",
    "boards.run_commands.board_design",
)


class EndedError(Exception):
    """Work that takes long would begin here."""


def _done(*_: object, **__: object) -> None:
    raise EndedError


def fault(words: list[str]) -> str | None:
    """Return what is wrong about a command line, or None."""
    main = importlib.import_module(f"{words[0]}.__main__").main
    before = sorted(Path().rglob("*"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = CliRunner().invoke(main, words[1:], prog_name=words[0])
    about = f"{words}: exit {result.exit_code}"
    if isinstance(result.exception, EndedError):
        return None
    if result.exception and not isinstance(result.exception, SystemExit):
        return f"{about}: {type(result.exception).__name__}: {result.exception}"
    if result.exit_code == 2:
        # What was done before, told with its time, may stand above.
        *done, last = result.stderr.splitlines() or [""]
        if result.stdout or not last.startswith("error: ") or not all("0:00:" in d for d in done):
            return f"{about}: {result.stdout!r} and {result.stderr!r}"
        if sorted(Path().rglob("*")) != before:
            return f"{about}: left something behind"
        return None if len(last) < 1000 else f"{about}: {len(last)} letters"
    return None if result.exit_code in (0, 1) else about


def test_commands_work_without_a_change(folder):
    for text in COMMANDS:
        assert fault(text.split()) is None


@pytest.mark.parametrize("seed", [1])
def test_no_command_ends_in_a_traceback(folder, seed):
    rng = random.Random(seed)
    faults = [text for _ in range(COUNT) if (text := fault(changed(rng)))]
    assert not faults, f"{len(faults)} of {COUNT}, first:\n" + "\n".join(faults[:20])
