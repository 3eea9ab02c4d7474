"""What the book tells its readers to run."""

import os
import re
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "blocks", "code", "page", "run"]

ROOT = Path(__file__).parents[1]


def page(name: str) -> str:
    """Return the text of a page of the book, by its path in it."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    """Return the blocks of code of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.DOTALL | re.MULTILINE)


def code(name: str, language: str) -> str:
    """Return the only block of code of a language in a page."""
    [block] = blocks(name, language)
    return block


def run(*arguments: str) -> str:
    """Run Python in the project's root, return what it printed."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
    return done.stdout
