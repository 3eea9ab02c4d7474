"""Every unit has all that a unit has: record, bench, planted faults, a row in the book.

What is one test of all units by their records stands elsewhere: registers in `tests.test_bus`,
reset in `tests.test_reset`, abort in `tests.test_abort`, ports in `tests.formal.test_axi`.
"""

import ast
import math
import re
from pathlib import Path

import pytest

from hw.units import UNITS
from sim.units import bench

from .book import ROOT, page

PLANTS = ("faults", "planted")
OF_ALL_UNITS = ("test_bus", "test_reset", "test_abort", "formal/test_axi", "flow/test_lint")


def parametrized(path: Path) -> set[str]:
    """Return the names over which a file's tests are parametrized, such as UNITS."""
    calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
    marks = [n for n in calls if ast.unparse(n.func) == "pytest.mark.parametrize"]
    return {each.id for n in marks for each in ast.walk(n.args[1]) if isinstance(each, ast.Name)}


def faulted(source: str) -> set[str]:
    """Return the units in whose circuits a file of tests plants faults, and looks for them.

    Such a file imports what plants them, and names the unit or imports its bench.
    """
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    if not any((node.module or "").split(".")[-1] in PLANTS for node in imports):
        return set()
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    modules = {node.module for node in imports}
    modules |= {f"{node.module}.{alias.name}" for node in imports for alias in node.names}
    return {n for n, unit in UNITS.items() if n in texts or unit.bench in modules}


@pytest.mark.parametrize("name", UNITS)
def test_the_record_has_configurations_for_tests(name):
    unit = UNITS[name]
    assert unit.second != unit.small
    small, usual = (
        math.prod(getattr(p, size) for size in unit.sizes) for p in (unit.small, unit.parameters())
    )
    assert 1 <= small <= usual


@pytest.mark.parametrize("name", UNITS)
def test_it_has_a_bench_of_its_own(name):
    module = bench(name)
    assert module.__name__ == UNITS[name].bench  # pyright: ignore[reportAttributeAccessIssue]
    assert [n for n, unit in UNITS.items() if unit.bench == UNITS[name].bench] == [name]


@pytest.fixture(scope="module")
def faults() -> set[str]:
    """The units with planted faults."""
    files = (ROOT / "tests").rglob("test_*.py")
    return set().union(*(faulted(file.read_text("utf-8")) for file in files))


@pytest.mark.parametrize("name", UNITS)
def test_faults_are_planted_in_it(name, faults):
    assert name in faults


@pytest.mark.parametrize("file", OF_ALL_UNITS)
def test_tests_of_all_units_are_of_all_units(file):
    names = parametrized(ROOT / "tests" / f"{file}.py")
    assert names & {"UNITS", "SMALL"}


@pytest.mark.parametrize("name", UNITS)
def test_it_is_documented(name):
    rows = re.findall(r"^\| (\[`.*?) \| \S.* \|$", page("units/index.md"), re.M)
    assert sum(f"[`{name}`]({name}.md)" in row.split(", ") for row in rows) == 1
    assert UNITS[name].summary and UNITS[name].core.__doc__ and UNITS[name].parameters.__doc__


def test_a_fault_counts_for_the_unit_that_it_is_in():
    planted, bench = "from ..faults import Fault\n", "from sim.bfp.dot import regress\n"
    assert faulted(planted + bench) == {"bfp_dot"}
    assert faulted(f"{planted}FAULTS = {{'a': 'bfp_array'}}\n") == {"bfp_array"}
    assert faulted(f"{bench}UNIT = 'bfp_dot'\n") == set()
