"""Faults planted in the circuit of the sparse array, which its bench must catch."""

from typing import Any

from amaranth.hdl import Mux
from amaranth.lib import data

from hw.sparse.accumulator import Accumulator
from hw.sparse.controller import Controller
from hw.sparse.issue import Issue
from hw.sparse.packets import step_layout
from hw.sparse.pass_tracker import PassTracker
from hw.sparse.pe import ProcessingElement
from hw.sparse.pe_row import PeRow
from hw.sparse.scheduling_table import SchedulingTable
from hw.sparse.unpacker import ValueUnpacker
from sim.sparse.array import regress
from sw.sparse.stages import LEAST_SPACING
from tests.faults import STALLS, Fault

from .planted import Bench
from .test_array import SMALL

BENCH = Bench(
    unit="sparse_array",
    parameters=SMALL,
    regress=regress,
    runs=({"blocks": 60, "watchdog": 2000},),
)


def exchanged(s: Any) -> Any:
    """The second sub-tile of a PE row counts those with a higher number before it."""
    [first, second] = s.queue.read_ports[0].data
    index = Mux(s.which == 0, second < first, first > second)
    return s.schedule.write_ports[0].data.index.eq(index)


def overlapping(s: Any) -> Any:
    """The sums of a row lie where those of the row before do."""
    step = data.View(step_layout(SMALL), s.step_1)
    base = s.own("base")
    return base.eq(Mux(step.begins & step.opening, 0, base))


FAULTS = {
    "an empty row is not null": Fault(Issue, lambda s: s.is_null_0.eq(0), "sums"),
    "no shift": Fault(Issue, lambda s: s.nonzero[0].offset.eq(s.offsets_0.o), "sums"),
    "what is left of a beat is kept": Fault(
        ValueUnpacker, lambda s: s.kept.eq(s.kept ^ (s.want[0] & s.valid)), "sums|beats"
    ),
    "sub-tiles change places": Fault(SchedulingTable, exchanged, "."),
    "pointers run ahead": Fault(
        SchedulingTable,
        lambda s: [s.balancer.i.valid.eq(s.i.valid), s.i.ready.eq(s.balancer.i.ready)],
        ".",
    ),
    "a nonzero too few": Fault(Controller, lambda s: s.own("more").eq(0), "sums|steps"),
    "sums meet in the adder": Fault(
        Controller,
        lambda s: s.last.eq(Mux(s.pixels < LEAST_SPACING, LEAST_SPACING - 1, s.pixels) - 1),
        "sums|steps",
    ),
    "rows overlap": Fault(PeRow, overlapping, "sums"),
    "the sum before counts": Fault(ProcessingElement, lambda s: s.sum_before.eq(s.sum), "sums"),
    "an activation tile is overwritten": Fault(PassTracker, lambda s: s.may_load.eq(1), "."),
    "sums are overwritten": Fault(
        PassTracker,
        lambda s: [s.may_apply.eq(s.stored.any() & s.loaded.any()), s.sum_wait.eq(0)],
        "sums",
        STALLS,
    ),
    "a pause between passes": Fault(Controller, lambda s: s.begin.eq(s.go & ~s.busy), "cycles"),
    "the output is not waited for": Fault(Accumulator, lambda s: s.get.eq(1), ".", STALLS),
    "indices are not told apart": Fault(Accumulator, lambda s: s.begin.eq(0), "sums"),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
