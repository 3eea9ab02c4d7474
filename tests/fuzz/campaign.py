"""What was tried, kept line by line in a file, from which a stopped run goes on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Campaign"]


class Campaign:
    """Records of trials, those of earlier runs first.

    Parameters
    ----------
    path : Path
        Of the file, a record a line.
    group : str
        Field by which trials are told apart, beside their ``seed``.
    """

    def __init__(self, path: Path, group: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.group = path, group
        lines = path.read_text().splitlines() if path.exists() else []
        self.records: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self._known = {(each[group], each["seed"]) for each in self.records}

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        self.records.append(record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, default=str) + "\n")

    def left(self, group: str, first: int, count: int) -> Iterator[int]:
        """Give the seeds that are still to be tried."""
        return (n for n in range(first, first + count) if (group, n) not in self._known)

    def of(self, group: str) -> list[dict[str, Any]]:
        """Return the records of a group."""
        return [each for each in self.records if each[self.group] == group]
