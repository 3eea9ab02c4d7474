"""The command of a paper's tables, on a network that trains in a second."""

from concurrent.futures import Future
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sim.__main__ import main
from sim.paper.accuracy import Case

__all__ = ["SMALL", "Pool", "run"]

SMALL = Case(model="mlp", data="digits", fields=(("epochs", 2), ("hidden", (8,))))


def run(paper: str, folder: Path, *sections: str, seeds: int = 1) -> tuple[int, str]:
    """Return the exit code of the command for some sections, and what it prints."""
    only = [word for section in sections for word in ("--only", section)]
    command = ["paper", paper, *only, "--seeds", str(seeds), "-o", str(folder)]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.stdout


class Pool:
    """A pool of processes that runs its jobs here, so that stand-ins are used."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        pass

    def shutdown(self, *arguments: object, **settings: object) -> None:
        pass

    def submit(self, function: Any, *job: object) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*job))
        return future
