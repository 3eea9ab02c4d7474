"""What approximate multipliers cost: exact counts of the pinned Yosys, held against the bars."""

import pytest

from hw.flow.multiplier_costs import compare
from sw.formats import BFLOAT16, BINARY32

NAMES = ("exact", "mitchell", "mbm", "realm8")
# How much smaller than the exact one, which truncates as they do.
SMALLER = {
    ("mitchell", "bfloat16"): 0.50,
    ("mbm", "bfloat16"): 0.50,
    ("realm8", "bfloat16"): 0.30,
    ("mitchell", "binary32"): 0.80,
    ("mbm", "binary32"): 0.80,
    ("realm8", "binary32"): 0.70,
}
# NAND2 equivalents with the pipeline's registers.
GATES = {
    "bfloat16": {"exact": 1236.5, "mitchell": 526.5, "mbm": 563.0, "realm8": 754.0},
    "binary32": {"exact": 8493.5, "mitchell": 1000.5, "mbm": 1094.5, "realm8": 1280.0},
}
# The least of the open multipliers under the same flow.
XILINX = {"bfloat16": 191, "binary32": 1327}


@pytest.fixture(scope="module")
def rows():
    rows = compare((BFLOAT16, BINARY32), NAMES)
    for row in rows:
        print(row)
    return {(row.multiplier, row.format): row for row in rows}


@pytest.mark.parametrize("name, form", SMALLER)
def test_smaller_than_exact_in_gates(rows, name, form):
    row, exact = rows[name, form], rows["exact", form]
    assert row.gates <= (1 - SMALLER[name, form]) * exact.gates
    assert row.latency <= exact.latency


@pytest.mark.parametrize("form", GATES)
def test_gates(rows, form):
    assert {name: rows[name, form].gates for name in NAMES} == GATES[form]


@pytest.mark.parametrize("form", XILINX)
def test_the_exact_one_is_small(rows, form):
    assert rows["exact", form].xilinx <= XILINX[form]
