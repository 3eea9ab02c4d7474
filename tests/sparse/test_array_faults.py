"""Faults planted in the emitted Verilog of the sparse array, which its bench must catch."""

from sim.sparse.array import regress

from .planted import PLAIN, STALLS, Bench, Fault
from .test_array import SMALL

BENCH = Bench(
    unit="sparse_array",
    parameters=SMALL,
    regress=regress,
    runs=({"blocks": 60, "watchdog": 2000},),
)

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, Fault] = {
    "an empty row is not null": (
        "issue",
        "is_null_0 <= is_null",
        "is_null_0 <= 1'h0",
        PLAIN,
        "sums",
    ),
    "no shift": ("issue", "offsets_0_o + shifts_o", "offsets_0_o", PLAIN, "sums"),
    "what is left of a beat is kept": (
        "value_unpacker",
        "if (end_ | rst) kept",
        "if (rst) kept",
        PLAIN,
        "sums|beats",
    ),
    "sub-tiles change places": (
        "scheduling_table",
        "> queue_read_data[1:0]",
        "< queue_read_data[1:0]",
        PLAIN,
        ".",
    ),
    "pointers run ahead": ("scheduling_table", "in_flight != 3'h4", "1'h1", PLAIN, "."),
    "a nonzero too few": ("controller", "more_2 <= more;", "more_2 <= 1'h0;", PLAIN, "sums|steps"),
    "sums meet in the adder": ("controller", "? 4'h8", "? 4'h7", PLAIN, "sums|steps"),
    "rows overlap": ("pe_row", "base_2 + positions", "base_2", PLAIN, "sums"),
    "the sum before counts": ("processing_element", "if (first)", "if (1'h0)", PLAIN, "sums"),
    "an activation tile is overwritten": ("pass_tracker", "loading != 2'h2", "1'h1", PLAIN, "."),
    "sums are overwritten": ("pass_tracker", "pending != 2'h2", "1'h1", STALLS, "sums"),
    "a pause between passes": ("controller", "(~busy | end_)", "(~busy)", PLAIN, "cycles"),
    "the output is not waited for": ("accumulator", "get <= credit", "get <= 1'h1", STALLS, "."),
    "indices are not told apart": (
        "accumulator",
        "begin_ <= begin_next[4:0]",
        "begin_ <= 5'h0",
        PLAIN,
        "sums",
    ),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
