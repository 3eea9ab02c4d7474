"""What a data sheet is made of, whatever it is written in: sections of texts, tables, figures."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "Block",
    "Code",
    "Figure",
    "Items",
    "Section",
    "Steps",
    "Table",
    "Text",
    "anchor",
    "table",
]


@dataclasses.dataclass(frozen=True)
class Text:
    """A paragraph; names of signals and registers stand in backquotes."""

    text: str


@dataclasses.dataclass(frozen=True)
class Items:
    """A list without numbers."""

    items: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Steps:
    """A list with numbers."""

    items: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table; all rows are as long as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclasses.dataclass(frozen=True)
class Code:
    """Lines to be shown as they are."""

    text: str


@dataclasses.dataclass(frozen=True)
class Figure:
    """A drawing: in HTML the SVG itself, in Markdown its WaveDrom source or the file's name."""

    caption: str
    svg: str
    file: str = ""
    wave: str = ""


Block = Text | Items | Steps | Table | Code | Figure


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and what stands below; ``level`` 2 is the highest below the title."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2

    @property
    def anchor(self) -> str:
        """The name of the place, as links have it."""
        return anchor(self.title)


def anchor(title: str) -> str:
    """Return the name that Markdown gives to a heading."""
    return re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[Block]:
    """Give a table of anything that prints, if it has a row."""
    found = tuple(tuple(map(str, row)) for row in rows)
    if found:
        yield Table(tuple(head), found)
