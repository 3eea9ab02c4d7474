"""Faults planted in the emitted Verilog of the sparse array, which its bench must catch."""

import re

import pytest

from hw.flow.emit import generate
from sim.bench import Stalls
from sim.sparse.array import regress
from tests.plant import message, plant

from .test_array import SMALL

STALLS = Stalls(idle=0.3, back_pressure=0.5)
PLAIN = Stalls()

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, tuple[str, str, str, Stalls, str]] = {
    "an empty row is not void": ("fetch", "{ void_, first }", "{ 1'h0, first }", PLAIN, "sums"),
    "no shift": ("fetch", "(entry_0__offset = offsets_0_read_data) .*;", r"\1;", PLAIN, "sums"),
    "what is left of a beat is kept": (
        "values",
        r"if \(end_ \| rst\) kept",
        "if (rst) kept",
        PLAIN,
        "sums|beats",
    ),
    "pieces change places": ("placement", r"> (queue_read_data.1:0.)", r"< \1", PLAIN, "."),
    "pointers run ahead": ("placement", "under_way != 3'h4", "1'h1", PLAIN, "."),
    "an entry too few": ("conductor", "more_2 <= more;", "more_2 <= 1'h0;", PLAIN, "sums|steps"),
    "sums meet in the adder": ("conductor", "\\? 4'h8", "? 4'h7", PLAIN, "sums|steps"),
    "rows overlap": ("line", r"(base_\d+) \+ positions", r"\1", PLAIN, "sums"),
    "the sum before counts": ("element", r"if \(fresh\)", "if (1'h0)", PLAIN, "sums"),
    "a patch is overwritten": ("sparse_array_", "patching != 2'h2", "1'h1", PLAIN, "."),
    "sums are overwritten": ("sparse_array_", "pending != 2'h2", "1'h1", STALLS, "sums"),
    "a pause between waves": (
        "conductor",
        r"\((~busy) \| end_\)",
        r"\1",
        PLAIN,
        "cycles",
    ),
    "the output is not waited for": ("collector", "get <= room", "get <= 1'h1", STALLS, "."),
    "slots are not told apart": (
        "collector",
        r"begin_ <= begin_next.*;",
        "begin_ <= 5'h0;",
        PLAIN,
        "sums",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_caught(fault):
    module, pattern, text, stalls, told = FAULTS[fault]
    netlist = plant(generate("sparse_array", SMALL).verilog, module, pattern, text)
    found = message(regress, SMALL, blocks=60, stalls=stalls, netlist=netlist, watchdog=2000)
    assert re.search(told, found), found
