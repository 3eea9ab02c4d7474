"""The part of a delivery that is its data sheet, in Markdown and in HTML."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from ..delivered import Delivered
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
    environment = _environment()
    return {
        f"doc/{name}.md": environment.get_template("sheet.md.jinja").render(given),
        f"doc/{name}.html": environment.get_template("sheet.html.jinja").render(given),
        **pictures,
    }


def _pictures(found: list[Section]) -> Iterator[Figure]:
    for section in found:
        for block in section.blocks:
            if isinstance(block, Figure) and block.file:
                yield block


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=jinja2.select_autoescape(("html.jinja",)),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "kind": lambda block: type(block).__name__,
        "inline": _inline,
        "cell": lambda text: text.replace("|", "\\|"),
        "raw": Markup,
    }
    return environment


def _inline(text: str) -> Markup:
    """Return a text for HTML: what stands in backquotes as code, links as links."""
    escaped = html.escape(text)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return Markup(re.sub(r"\[([^\]]+)\]\((#[^)]+)\)", r'<a href="\2">\1</a>', escaped))
