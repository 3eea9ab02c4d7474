"""Every component of hw says its members, latency and interval; files and functions are short."""

import ast
import importlib
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw.base.circuit import Circuit
from hw.engine.core import Core

ROOT = Path(__file__).parents[1]
CODE = ("hw", "sw", "sim", "delivery", "boards", "docs", "tests", "examples")

NEEDED = {
    "members": "^ *Members\n *-------$",
    "latency": "[Ll]atency",
    "interval": "[Ii]nterval|[Tt]hroughput",
}
"""What a docstring must have."""

GENERAL = (Circuit, Core, object)
"""Bases whose docstrings say nothing of a circuit that is made of them."""


def components() -> Iterator[type]:
    """Give the classes of hw that elaborate."""
    for file in sorted((ROOT / "hw").rglob("*.py")):
        if file.name == "__main__.py":
            continue
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for each in vars(importlib.import_module(name)).values():
            if isinstance(each, type) and each.__module__ == name and hasattr(each, "elaborate"):
                yield each


def missing(component: type) -> set[str]:
    """Return what neither the docstring of a component nor those of its bases say."""
    bases = [each for each in component.__mro__ if each not in GENERAL]
    text = "\n".join(vars(each).get("__doc__") or "" for each in bases)
    return {what for what, pattern in NEEDED.items() if not re.search(pattern, text, re.M)}


COMPONENTS = [each for each in components() if each not in GENERAL]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.__name__)
def test_a_component_says_its_members_latency_and_interval(component):
    assert missing(component) == set()


def test_what_is_missing_is_found():
    class Silent(Core):
        """Gives a sum, without a word of time."""

    class Timed(Silent):
        """Latency is two cycles.

        Members
        -------
        o : Out(1)
        """

    assert missing(Silent) == {"members", "latency", "interval"}
    assert missing(Timed) == {"interval"}
    assert len(COMPONENTS) > 100


def lengths(text: str) -> list[int]:
    """Return the lines of each ``elaborate`` in a file."""
    found = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    return [n.end_lineno - n.lineno + 1 for n in found if n.name == "elaborate" and n.end_lineno]


def test_elaborate_is_short():
    found = [n for file in (ROOT / "hw").rglob("*.py") for n in lengths(file.read_text("utf-8"))]
    assert len(found) > 100
    assert max(found) <= 90
    assert statistics.median(found) <= 30
    body = "def elaborate(self, platform):\n" + "    self.i = 1\n" * 90
    assert lengths(body) == [91]


@pytest.mark.parametrize("room", CODE)
def test_no_file_is_over_300_lines(room):
    files = {str(file): file.read_text("utf-8").count("\n") for file in (ROOT / room).rglob("*.py")}
    assert files
    assert {name: lines for name, lines in files.items() if lines > 300} == {}
