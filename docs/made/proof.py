"""Figures on the tests, counted in their sources."""

import ast
from collections.abc import Iterator
from pathlib import Path

from hw.units import UNITS

from .markdown import table

__all__ = ["figures"]

TESTS = Path(__file__).parents[2] / "tests"


def figures() -> str:
    """Return the table of what there is of each."""
    nodes = [node for file in TESTS.rglob("*.py") for node in _nodes(file)]
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef)]
    tests = [n for n in functions if n.name.startswith("test_")]
    calls = [n.func for n in nodes if isinstance(n, ast.Call)]
    faults = [f for f in calls if isinstance(f, ast.Name) and f.id == "Fault"]
    rows = (
        ("units, each with a bench, planted faults and a data sheet", len(UNITS)),
        ("functions of tests, many of them run for every unit or format", len(tests)),
        ("faults planted in circuits, each of which a bench must catch", len(faults)),
    )
    return table(("what", "how many"), ((what, f"{count:,}") for what, count in rows))


def _nodes(file: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(file.read_text("utf-8")))
