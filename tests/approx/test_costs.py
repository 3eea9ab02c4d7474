"""What approximate multipliers cost: exact counts of the pinned Yosys, held against the bars."""

import pytest

from hw.approx.product import ApproxMultiplier
from sim.costs.multipliers import synthesized, used
from sw.formats import FLOAT_FORMATS, FloatFormat

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


@pytest.mark.parametrize("form", GATES)
def test_gates(form):
    found = {n: used(synthesized(n, FLOAT_FORMATS[form], "gates")) for n in NAMES}
    assert {n: totals["NAND2 equivalents"] for n, totals in found.items()} == GATES[form]


@pytest.mark.parametrize("name, form", SMALLER)
def test_smaller_than_exact_in_gates(name, form):
    gates = GATES[form]
    assert gates[name] <= (1 - SMALLER[name, form]) * gates["exact"]
    small, exact = (_latency(each, FLOAT_FORMATS[form]) for each in (name, "exact"))
    assert small <= exact


def _latency(name: str, form: FloatFormat) -> int:
    bits = form.fraction_bits
    return ApproxMultiplier(multiplier=name, bits=bits, format=form, target="generic").latency


@pytest.mark.parametrize("form", XILINX)
def test_the_exact_one_is_small(form):
    totals = used(synthesized("exact", FLOAT_FORMATS[form], "xilinx"))
    assert totals["LUT"] + totals.get("SRL", 0) <= XILINX[form]
