"""Texts that stand elsewhere in the repository, with their links as the book has them."""

import re
from pathlib import Path

__all__ = ["changelog", "contributing", "examples"]

ROOT = Path(__file__).parents[2]


def changelog() -> str:
    """Return the changelog."""
    return (ROOT / "CHANGELOG.md").read_text("utf-8")


def contributing() -> str:
    """Return what contributors are told; it links to pages of the book by ``docs/``."""
    return re.sub(r"\]\(docs/", "](../", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))


def examples() -> dict[str, str]:
    """Return the pages of the examples, by their paths in the book, that of all of them first."""
    folder = ROOT / "examples"
    found = {"index": folder / "README.md"}
    found |= {path.parent.name: path for path in sorted(folder.glob("*/README.md"))}
    return {f"examples/{name}.md": _linked(path) for name, path in found.items()}


def _linked(path: Path) -> str:
    """Return an example's README; files of its folder, which are no pages, are named alone."""
    text = re.sub(r"\]\((?:\.\./)?(\w+)/README\.md", r"](\1.md", path.read_text("utf-8"))
    text = re.sub(r"\]\(\.\./README\.md", "](index.md", text)
    return re.sub(r"\[([^]]*)\]\((?!\w+\.md|#|https?:)[^)]*\)", r"\1", text)
