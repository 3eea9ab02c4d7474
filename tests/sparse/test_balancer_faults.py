"""Faults planted in the load balancer's Verilog, each of which the regression must catch."""

from sim.sparse.load_balancer import regress
from sw.sparse.load_balancer import BalancerParameters

from .planted import PLAIN, STALLS, Bench, Fault

SMALL = BalancerParameters(lines=2, pointer_bits=8, count_bits=3)

BENCH = Bench(
    unit="load_balancer",
    parameters=SMALL,
    regress=regress,
    runs=({"blocks": 400, "seed": 8},),
)

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, Fault] = {
    "equal keys change places": (
        "sorting_cell",
        "new_[2:0] > content[2:0]",
        "new_[2:0] >= content[2:0]",
        PLAIN,
        "pieces",
    ),
    "keys do not move on": (
        "sorting_cell",
        "pushed ?",
        "1'h0 ?",
        PLAIN,
        "pieces|m_axis|tlast",
    ),
    "the halves run together": (
        "sorting_row",
        "{ 1'h0, cell_0_after[4:0] }",
        "cell_0_after",
        PLAIN,
        "pieces|totals|m_axis",
    ),
    "emptied without the output": (
        "folding_sorter",
        "emptying & move",
        "emptying",
        STALLS,
        "m_axis|pieces",
    ),
    "a wave without an end": (
        "folding_sorter",
        "last <= last_next",
        "last <= 1'h0",
        PLAIN,
        "tlast does not end a wave",
    ),
    "counts wrap": (
        "load_balancer_",
        "{ saturated, saturated, saturated }",
        "3'h0",
        PLAIN,
        "pieces",
    ),
    "a pause between keys": (
        "load_balancer_",
        "~counts__valid | counts__ready",
        "~counts__valid",
        PLAIN,
        "cycles",
    ),
    "waits for pointers are not counted": (
        "load_balancer_",
        "input_stalls + input_stalls_event",
        "input_stalls",
        PLAIN,
        "input_stalls",
    ),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
