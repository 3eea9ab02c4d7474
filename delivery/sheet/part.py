"""The part of a delivery that is its data sheet, in Markdown and in HTML."""

from collections.abc import Iterator
from typing import Any

from ..delivered import Delivered
from ..template import render
from .control import diagrams, events, protocol
from .document import Figure, Section
from .facts import Facts
from .interface import ports, registers, summary
from .numbers import computation, numbers, stream_sections, worked_sections
from .performance import cost, recorded, timing

__all__ = ["files", "sections"]

PARTS = (
    summary,
    ports,
    stream_sections,
    numbers,
    worked_sections,
    computation,
    protocol,
    diagrams,
    registers,
    events,
    timing,
    cost,
    recorded,
)


def sections(delivered: Delivered) -> list[Section]:
    """Return the sections of the data sheet of a delivery."""
    facts = Facts(delivered)
    return [section for part in PARTS for section in part(facts)]


def files(delivered: Delivered) -> dict[str, str]:
    """Return the data sheet in Markdown and HTML, and the picture that the former names."""
    found = sections(delivered)
    name, manifest = delivered.design.name, delivered.design.manifest
    given: dict[str, Any] = {
        "name": name,
        "unit": manifest["unit"],
        "summary": delivered.unit.summary,
        "version": manifest["version"],
        "digest": manifest["digest"],
        "sections": found,
    }
    pictures = {f"doc/{each.file}": each.svg + "\n" for each in _pictures(found)}
    return {
        f"doc/{name}.md": render("sheet/sheet.md", **given),
        f"doc/{name}.html": render("sheet/sheet.html", **given),
        **pictures,
    }


def _pictures(found: list[Section]) -> Iterator[Figure]:
    for section in found:
        for block in section.blocks:
            if isinstance(block, Figure) and block.file:
                yield block
