"""The version of Gradgate."""

import functools
import importlib.metadata
import tomllib
from pathlib import Path

__all__ = ["version"]


@functools.cache
def version() -> str:
    """Return the version of the checkout that this file is in, or else of the installed wheel."""
    project = Path(__file__).parents[1] / "pyproject.toml"
    if project.is_file():
        table = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {})
        if table.get("name") == "gradgate":
            return table["version"]
    return importlib.metadata.version("gradgate")
