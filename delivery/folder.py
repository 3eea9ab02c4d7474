"""The folder of a delivery: its list of files, and what an earlier one left there."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from hw.flow.emit import Design, write_files
from sw.cli import output_folder
from sw.errors import UserError

__all__ = ["listed", "write"]


def listed(design: Design, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files with a manifest that has the SHA-256 of every other."""
    name = f"{design.name}.json"
    digests = {file: _digest(text) for file, text in files.items() if file != name}
    manifest = {**design.manifest, "files": digests}
    return {**files, name: json.dumps(manifest, indent=2) + "\n"}


def write(files: Mapping[str, str], folder: Path, name: str) -> list[Path]:
    """Write the files of a delivery called ``name``, all or none, and return their paths.

    What the manifest of an earlier one lists, and this one has not, is removed. Raises `UserError`
    if that was changed since, or if a file cannot be written.
    """
    stale = _stale(files, folder, name)
    for parent in {(folder / file).parent for file in files}:
        output_folder(parent)
    for parent in {(folder / file).parent for file in files}:
        parent.mkdir(parents=True, exist_ok=True)
    paths = write_files(files, folder)
    for path in stale:
        path.unlink(missing_ok=True)
        if path.parent != folder and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return paths


def _stale(files: Mapping[str, str], folder: Path, name: str) -> list[Path]:
    """Return the files of an earlier delivery that this one has not."""
    try:
        earlier = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, LookupError, TypeError):
        return []
    if not isinstance(earlier, dict):
        return []
    here = folder.resolve()
    found = []
    for file, digest in earlier.items():
        path = folder / file
        # A list that was not made here names what it likes.
        if file in files or here not in path.resolve().parents or not path.is_file():
            continue
        if _digest(path.read_bytes()) != digest:
            raise UserError(
                f"{path} must be moved away: an earlier delivery wrote it, it was changed since, "
                "and this one has no such file"
            )
        found.append(path)
    return found


def _digest(text: str | bytes) -> str:
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()
