"""A training by the command line, and what it leaves."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sw.__main__ import main


def trained(path: Path, *options: str) -> tuple[str, dict[str, Any]]:
    """Train, write the weights to ``path``, and return what is printed and the record."""
    result = CliRunner().invoke(main, ["train", *options, "-o", str(path)])
    assert result.exit_code == 0
    return result.stdout, json.loads(path.with_suffix(".json").read_text())
