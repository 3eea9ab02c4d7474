"""Texts from the templates that stand beside this module."""

import functools
import html
import json
import pprint
import re
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

__all__ = ["render"]

MARKUP = (".html.jinja", ".svd.jinja", ".xml.jinja")


def render(template: str, **facts: Any) -> str:
    """Return the text of ``template.jinja``; in HTML, XML and SVD what is put in is escaped.

    Filters ``rdl``, ``tcl`` and ``c_string`` make literals of texts, ``python`` of values;
    ``comment`` (C) and ``doc`` (Python) make texts fit for these; ``hexadecimal`` is of 32 bits.
    Of data sheets: ``kind`` of a block, ``inline`` and ``cell`` of texts, ``raw`` HTML.
    """
    return _environment().get_template(f"{template}.jinja").render(**facts)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=lambda name: name is not None and name.endswith(MARKUP),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "rdl": _rdl,
        "tcl": _tcl,
        "comment": _comment,
        "c_string": _string,
        "python": _python,
        "doc": _doc,
        "kind": lambda block: type(block).__name__,
        "inline": _inline,
        "cell": lambda text: text.replace("|", "\\|"),
        "raw": Markup,
        "hexadecimal": "0x{:08X}".format,
    }
    return environment


def _rdl(text: str) -> str:
    """Return a string of SystemRDL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _tcl(text: str) -> str:
    """Return a word of Tcl that nothing is substituted in."""
    return '"' + "".join(f"\\{c}" if c in '\\"$[]{}' else c for c in text) + '"'


def _comment(text: str) -> str:
    """Return a text for a comment in C."""
    return text.replace("*/", "* /").replace("/*", "/ *")


def _string(text: str) -> str:
    """Return a text as a string in C."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("?", r"\?")
    return '"' + re.sub(r"[^ -~]", lambda m: _octal(m[0]), escaped) + '"'


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())


def _doc(text: str) -> str:
    """Return a text for a string in Python within double quotes."""
    return json.dumps(text)[1:-1]


def _python(value: Any) -> str:
    """Return a value as Python's source."""
    return pprint.pformat(value, width=100, sort_dicts=False)


def _inline(text: str) -> Markup:
    """Return a text for HTML: what stands in backquotes as code, links as links."""
    escaped = html.escape(text)
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return Markup(re.sub(r"\[([^\]]+)\]\((#[^)]+)\)", r'<a href="\2">\1</a>', escaped))
