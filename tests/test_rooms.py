import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELOW = {"sw": set(), "hw": {"sw"}, "sim": {"sw", "hw"}, "boards": {"sw", "hw", "sim"}}


def imported(source: str) -> set[str]:
    """The top-level packages that a file imports by name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).split(".")[0])
    return names


def upward(room: str, source: str) -> set[str]:
    banned = {*BELOW, "tests"} - BELOW[room]
    return imported(source) & (banned | ({"amaranth"} if room == "sw" else set()))


@pytest.mark.parametrize("room", BELOW)
def test_imports_only_go_down(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = {str(f.relative_to(ROOT)): upward(room, f.read_text("utf-8")) for f in files}
    assert not {name: names for name, names in wrong.items() if names}


def test_planted_fault():
    assert upward("sw", "from amaranth.hdl import Module") == {"amaranth"}
    assert upward("hw", "import sim.batch as s\nfrom hw.base.circuit import Circuit") == {
        "sim",
        "hw",
    }
    assert upward("sim", "from sw.errors import UserError\nfrom .job import Job") == set()
