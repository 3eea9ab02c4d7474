"""A page a unit: its data sheet, in its default configuration."""

import dataclasses
import functools
import os
from collections.abc import Iterator

from delivery.delivered import Delivered, Recorded
from delivery.sheet.document import Block, Figure, Section, Text
from delivery.sheet.part import sections
from delivery.template import render
from hw.units import UNITS
from sw.parameters import Parameters

__all__ = ["files", "path"]

INTRODUCTION = """# {name}

{summary}.

This is the data sheet that `python -m hw deliver {name}` writes, for the configuration
[below](#configuration), {which}. The delivered one is of your configuration, and has a recorded run
besides. [All units](index.md) · [how to put one into a system](../guides/system.md)
"""

DEFAULT, SMALL = "the default one", "a small one"


class _Unrun(Delivered):
    """A delivery without a recorded run, which would take a simulation."""

    @functools.cached_property
    def recorded(self) -> tuple[Recorded, ...]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return ()


def path(name: str) -> str:
    """Return where the page of a unit is."""
    return f"units/{name}.md"


def files() -> dict[str, str]:
    """Return the pages of all units, and their pictures.

    ``GRADGATE_BOOK=small`` in the environment takes their smallest configurations, whose Verilog
    the tests need anyway.
    """
    small = os.environ.get("GRADGATE_BOOK") == "small"
    made: dict[str, str] = {}
    for name, unit in UNITS.items():
        made |= _page(name, unit.small if small else unit.parameters(), SMALL if small else DEFAULT)
    return made


def _page(name: str, parameters: Parameters, which: str) -> dict[str, str]:
    """Return the page of a unit and its pictures."""
    pictures: dict[str, str] = {}
    found = [
        dataclasses.replace(section, blocks=tuple(_blocks(name, section, pictures)))
        for section in sections(_Unrun(unit_name=name, parameters=parameters))
    ]
    summary = UNITS[name].summary
    head = INTRODUCTION.format(name=name, which=which, summary=summary[0].upper() + summary[1:])
    return {path(name): head + render("sheet/sections.md", sections=found)} | pictures


def _blocks(name: str, section: Section, pictures: dict[str, str]) -> Iterator[Block]:
    """Give the blocks of a section; what is drawn becomes a file among ``pictures``."""
    for block in section.blocks:
        if isinstance(block, Figure):
            file = f"{name}_{len(pictures)}.svg"
            pictures[f"units/{file}"] = block.svg
            yield Text(f"{block.caption}:")
            yield dataclasses.replace(block, file=file, wave="")
        else:
            yield block
