"""Results of tools, kept under a key of everything that they depend on."""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

__all__ = ["cache_dir", "key_of", "load", "store"]


def cache_dir() -> Path:
    """Return ``$GRADGATE_CACHE``, or ``gradgate`` in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    if own := os.environ.get("GRADGATE_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gradgate"


def key_of(*parts: object) -> str:
    """Return a key for anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def load(kind: str, key: str) -> dict[str, str] | None:
    """Return the texts by name that were stored, or None."""
    try:
        return json.loads(zlib.decompress((cache_dir() / kind / f"{key}.z").read_bytes()))
    except (OSError, ValueError, zlib.error):
        return None


def store(kind: str, key: str, texts: Mapping[str, str]) -> None:
    """Store texts by name. A cache that cannot be written is no error: work is then done again."""
    path = cache_dir() / kind / f"{key}.z"
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(zlib.compress(json.dumps(texts).encode(), 1))
        temporary.replace(path)
    except OSError:
        pass
