"""What of the book is made from the code: pages, pictures, and parts of pages."""

import functools
from collections.abc import Callable, Mapping

from hw.units import UNITS

from . import accuracy, commands, events, formats, project, proof, registers, units
from .code import excerpt

__all__ = ["example_pages", "files", "part", "unit_pages"]

PARTS: Mapping[str, Callable[[], str]] = {
    "changelog": project.changelog,
    "commands": commands.rooms,
    "contributing": project.contributing,
    "events": events.events,
    "formats beside the published": formats.beside,
    "formats of floats": formats.floats,
    "formats by preset": formats.presets,
    "proof in figures": proof.figures,
    "registers of all units": registers.common,
    "registers of each unit": registers.own,
    "verbs": commands.verbs,
}


def part(name: str) -> str:
    """Return what stands in a page in the place of ``<!-- made: NAME -->``.

    ``NAME`` is one of `PARTS`, or an excerpt such as ``class Clip of examples/own_unit/clip.py``.
    """
    if name.endswith(".py"):
        what, _, path = name.rpartition(" of ")
        return excerpt(what, path)
    return PARTS[name]()


def unit_pages() -> list[str]:
    """Return the paths of the pages of units."""
    return [units.path(name) for name in UNITS]


def example_pages() -> list[str]:
    """Return the paths of the pages of examples."""
    return list(project.examples())


@functools.cache
def files() -> dict[str, str]:
    """Return the pages and pictures that are made as a whole, by their paths in the book."""
    pictures = {
        "evidence/accuracy.svg": accuracy.picture(),
        "reference/formats.svg": formats.picture(),
    }
    return units.files() | project.examples() | pictures
