"""Texts from the templates that stand beside this module."""

import functools
from pathlib import Path
from typing import Any

import jinja2

__all__ = ["render"]


def render(template: str, **facts: Any) -> str:
    """Return the text of ``template.jinja``; in XML and SVD what is put in is escaped.

    Filters ``rdl`` and ``tcl`` make literals of texts; ``hexadecimal`` is of 32 bits.
    """
    return _environment().get_template(f"{template}.jinja").render(**facts)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=lambda name: name is not None and name.endswith((".svd.jinja", ".xml.jinja")),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["rdl"] = _rdl
    environment.filters["tcl"] = _tcl
    environment.filters["hexadecimal"] = "0x{:08X}".format
    return environment


def _rdl(text: str) -> str:
    """Return a string of SystemRDL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tcl(text: str) -> str:
    """Return a word of Tcl that nothing is substituted in."""
    return '"' + "".join(f"\\{c}" if c in '\\"$[]{}' else c for c in text) + '"'
