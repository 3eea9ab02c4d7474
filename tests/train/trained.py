"""Trainings by the command line, and what they write."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sw.__main__ import main

__all__ = ["trained"]


def trained(path: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """Return what a training prints, and the record that it writes beside the weights."""
    result = CliRunner().invoke(main, ["train", *options, "-o", str(path)])
    assert result.exit_code == 0
    return result.stdout, json.loads(path.with_suffix(".json").read_text())
