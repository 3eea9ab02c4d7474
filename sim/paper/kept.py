"""Results of long work, kept item by item, so that an interrupted run goes on where it was."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import sw
from sw.cli import whole_file

__all__ = ["Kept", "sources"]


def sources(module: ModuleType) -> str:
    """Return what is another text whenever a source of a module, or of a package, is."""
    assert module.__file__
    file = Path(module.__file__)
    paths = sorted(file.parent.rglob("*.py")) if file.name == "__init__.py" else [file]
    texts = [path.read_bytes() for path in paths]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


class Kept:
    """Items in JSON files of a folder, by their kind and by everything that they depend on.

    What they depend on includes the sources of `sw`, so that nothing stale is shown.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sources = sources(sw)

    def path(self, kind: str, **fields: Any) -> Path:
        """Return the file of an item."""
        text = json.dumps([self.sources, fields], sort_keys=True, default=str)
        return self.folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"

    def load(self, kind: str, **fields: Any) -> Any:
        """Return an item, or None."""
        try:
            return json.loads(self.path(kind, **fields).read_text(encoding="utf-8"))["value"]
        except (OSError, ValueError):
            return None

    def store(self, kind: str, value: Any, **fields: Any) -> None:
        """Keep an item."""
        path = self.path(kind, **fields)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"kind": kind, **fields, "value": value}, indent=1, default=str)
        with whole_file(path) as beside:
            beside.write_text(text + "\n", encoding="utf-8")

    def get(self, kind: str, compute: Callable[[], Any], **fields: Any) -> Any:
        """Return an item, computed if it is not there."""
        value = self.load(kind, **fields)
        if value is None:
            value = compute()
            self.store(kind, value, **fields)
        return value
