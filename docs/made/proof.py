"""Figures on the tests, counted in their sources."""

import re
from pathlib import Path

from hw.units import UNITS

from .markdown import table

__all__ = ["figures"]

TESTS = Path(__file__).parents[2] / "tests"


def figures() -> str:
    """Return the table of what there is of each."""
    texts = [file.read_text("utf-8") for file in TESTS.rglob("*.py")]
    tests, faults = (
        sum(len(re.findall(pattern, text, re.M)) for text in texts)
        for pattern in (r"^ *def test_", r"\bFault\(")
    )
    rows = (
        ("units, each with a bench, planted faults and a data sheet", len(UNITS)),
        ("functions of tests, many of them run for every unit or format", tests),
        ("faults planted in circuits, each of which a bench must catch", faults),
    )
    return table(("what", "how many"), ((what, f"{count:,}") for what, count in rows))
