"""The command of a paper's tables, on a network that trains in a second."""

from pathlib import Path

from click.testing import CliRunner

from sim.__main__ import main
from sim.paper.accuracy import Case

__all__ = ["SMALL", "run"]

SMALL = Case(model="mlp", data="digits", fields=(("epochs", 2), ("hidden", (8,))))


def run(paper: str, folder: Path, *sections: str, seeds: int = 1) -> tuple[int, str]:
    """Return the exit code of the command for some sections, and what it prints."""
    only = [word for section in sections for word in ("--only", section)]
    command = ["paper", paper, *only, "--seeds", str(seeds), "-o", str(folder)]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.stdout
