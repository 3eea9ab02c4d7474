"""The commands of an example's README, run in a folder of their own."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.book import ROOT

__all__ = ["Example"]


class Example:
    """The README of an example, whose commands run in ``folder``.

    ``environment`` is that of the commands, the session's unless given.
    """

    def __init__(
        self, name: str, folder: Path, environment: Mapping[str, str] = os.environ
    ) -> None:
        self.folder = folder
        self.text = (ROOT / "examples" / name / "README.md").read_text("utf-8")
        (folder / "examples").symlink_to(ROOT / "examples")
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        self.environment = {**environment, "PATH": path, "PYTHONPATH": str(ROOT)}

    def blocks(self, language: str) -> list[str]:
        """Return the blocks of a language."""
        return re.findall(rf"^```{language}\n(.*?)^```$", self.text, re.DOTALL | re.MULTILINE)

    @property
    def commands(self) -> list[str]:
        """The commands of all blocks, each in a line."""
        text = "".join(self.blocks("sh")).replace("\\\n", " ")
        return [re.sub(" +", " ", line) for line in text.splitlines()]

    def run(self, *commands: str) -> str:
        """Run commands that end well, one after the other, and return what they printed."""
        printed = ""
        for command in commands:
            done = self.ended(command)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            printed += done.stdout
        return printed

    def ended(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
