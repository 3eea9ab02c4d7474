"""Imports only go down: between packages, between rooms of a package, and between files."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sw", "hw", "sim", "delivery", "boards", "docs", "examples", "tests")
WINGS = ("bfp", "approx", "stochastic", "sparse")
# Rooms and files of a package from the ground up; those of a line may not import each other.
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "sw": (
        ("arrays", "errors", "timing", "stages"),
        ("checks", "files", "cipher", "lfsr", "version", "jit"),
        ("grammar",),
        ("parameters", "words", "cli"),
        ("formats", "core"),
        ("networks", *WINGS),
        ("train",),
        ("accelerator",),
        ("__main__",),
    ),
    "hw": (
        ("base",),
        ("stream", "cells"),
        ("float",),
        ("engine",),
        ("bus", "formats"),
        WINGS,
        ("accelerator",),
        ("units",),
        ("flow",),
        ("__main__",),
    ),
}


def imported(name: str, source: str) -> set[str]:
    """Return the files and packages, by their dotted names, that a file imports.

    ``name`` is the file's own dotted name; relative imports count from it.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = name.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            below = {f"{base}.{alias.name}" for alias in node.names}
            files = {each for each in below if _is_file(each)}
            found |= files | ({base} if files != below else set())
    return found


def _is_file(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def graph(package: str) -> dict[str, set[str]]:
    """Return what each file of a package imports."""
    files = sorted((ROOT / package).rglob("*.py"))
    names = {".".join(f.relative_to(ROOT).with_suffix("").parts): f for f in files}
    return {name: imported(name, file.read_text("utf-8")) for name, file in names.items()}


def upward(name: str, imports: set[str]) -> set[str]:
    """Return the imports of a file that do not go down: to packages or to rooms above."""
    package, *rest = name.split(".")
    banned = {*PACKAGES[PACKAGES.index(package) :], *(["amaranth"] if package == "sw" else [])}
    wrong = {each for each in imports if each.split(".")[0] in banned - {package}}
    floors = FLOORS.get(package, (WINGS,))
    floor = {room: i for i, rooms in enumerate(floors) for room in rooms}
    here = rest[0]
    for each in imports:
        there, room = (*each.split("."), "")[:2]
        if there != package or room == here or here not in floor or room not in floor:
            continue
        if floor[room] >= floor[here]:
            wrong.add(each)
    return wrong


@pytest.mark.parametrize("package", PACKAGES[:-1])
def test_imports_only_go_down(package):
    files = graph(package)
    assert files
    wrong = {name: upward(name, imports) for name, imports in files.items()}
    assert not {name: names for name, names in wrong.items() if names}


@pytest.mark.parametrize("package", FLOORS)
def test_every_room_has_a_floor(package):
    rooms = {name.split(".")[1] for name in graph(package)} - {"__init__"}
    assert rooms == {room for rooms in FLOORS[package] for room in rooms}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circles(package):
    files = graph(package)
    tuple(graphlib.TopologicalSorter(files).static_order())


def test_planted_faults():
    names = imported("sw.formats.block", "from amaranth.hdl import Module")
    assert upward("sw.formats.block", names) == {"amaranth.hdl"}
    names = imported("hw.flow.emit", "import sim.batch as s\nfrom hw.base.circuit import Circuit")
    assert upward("hw.flow.emit", names) == {"sim.batch"}
    names = imported("sim.bfp.array", "from sw.errors import UserError\nfrom ..job import Job")
    assert names == {"sw.errors", "sim.job"}
    assert not upward("sim.bfp.array", names)
    # A relative import of a room above, of a wing beside, of a file as a name.
    assert upward(
        "hw.base.pipeline", imported("hw.base.pipeline", "from ..engine import core")
    ) == {"hw.engine.core"}
    assert upward("hw.bfp.dot", imported("hw.bfp.dot", "from ..sparse.line import Line"))
    assert upward("sim.sparse.array", imported("sim.sparse.array", "from ..bfp import array"))
    assert imported("hw.bfp.multimode.column", "from ...float.add import Add") == {"hw.float.add"}
