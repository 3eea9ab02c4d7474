"""What approximate multipliers cost: exact counts of the pinned Yosys, held against the bars."""

import pytest

from hw.approx.costs import compare
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


@pytest.mark.parametrize("form", XILINX)
def test_the_exact_one_is_small(rows, form):
    assert rows["exact", form].xilinx <= XILINX[form]
