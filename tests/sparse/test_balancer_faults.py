"""Faults planted in the load balancer's circuit, each of which the regression must catch."""

import pytest
from amaranth.hdl import Mux

from hw.sparse.load_balancer import LoadBalancer
from hw.sparse.sorter import FoldingSorter, SortingCell, SortingRow
from sim.sparse.load_balancer import regress
from sw.sparse.load_balancer import BalancerParameters
from tests.faults import STALLS, Fault, assert_caught, message

SMALL = BalancerParameters(pe_rows=2, pointer_bits=8, count_bits=3)
RUN = {"blocks": 400, "seed": 8}

CELLS = [f"cell_{n}" for n in range(SMALL.keys)]
HALF = SMALL.keys // 2

FAULTS = {
    "equal keys change places": Fault(
        SortingCell,
        lambda s: s.exceeded.eq(~s.full | (s.new.key >= s.held.key)),
        "subtiles",
    ),
    "keys do not move on": Fault(
        SortingRow,
        lambda s: [getattr(s, cell).pushed.eq(0) for cell in CELLS[1:]],
        "subtiles|m_axis|tlast",
    ),
    "the halves run together": Fault(
        SortingRow,
        lambda s: getattr(s, CELLS[HALF]).after.eq(getattr(s, CELLS[HALF - 1]).held),
        "subtiles|totals|m_axis",
    ),
    "emptied without the output": Fault(
        FoldingSorter, lambda s: s.row.fold.eq(s.emptying), "m_axis|subtiles", STALLS
    ),
    "a pass without an end": Fault(
        FoldingSorter, lambda s: s.last.eq(0), "tlast does not end a pass"
    ),
    "counts wrap": Fault(
        LoadBalancer,
        lambda s: s.count.eq(Mux(s.accept, Mux(s.decreasing, 0, s.difference), s.count)),
        "subtiles",
    ),
    "a pause between keys": Fault(LoadBalancer, lambda s: s.i.ready.eq(~s.counts__valid), "cycles"),
    "waits for pointers are not counted": Fault(
        LoadBalancer, lambda s: s.input_stalls_event.eq(0), "input_stalls"
    ),
}


def test_without_faults():
    assert message(regress, SMALL, **RUN) == message(regress, SMALL, stalls=STALLS, **RUN) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert_caught(regress, "load_balancer", SMALL, FAULTS[name], **RUN)
