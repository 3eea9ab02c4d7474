"""Texts that stand at the root of the repository, with their links as the book has them."""

import re
from pathlib import Path

__all__ = ["changelog", "contributing"]

ROOT = Path(__file__).parents[2]


def changelog() -> str:
    """Return the changelog."""
    return (ROOT / "CHANGELOG.md").read_text("utf-8")


def contributing() -> str:
    """Return what contributors are told; it links to pages of the book by ``docs/``."""
    return re.sub(r"\]\(docs/", "](../", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
