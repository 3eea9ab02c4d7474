"""Each fault planted in the outer product is caught by its regression."""

import pytest
from amaranth.hdl import Cat, Mux

from hw.stochastic.accumulator import Accumulator
from hw.stochastic.crossbar import Crossbar
from hw.stochastic.lane import ResultLane
from hw.stochastic.outer_product import OuterProduct
from hw.stochastic.pe import PE
from hw.stochastic.results import Results
from hw.stochastic.sums import Sums
from sim.stochastic.outer_product import regress
from sw.stochastic.outer_parameters import OuterProductParameters
from tests.faults import STALLS, Fault, Names, assert_caught, message

# Four groups of a row, as many as the cycles of a pair; columns in two banks.
SMALL = OuterProductParameters.make(
    overrides="rows=4 columns=6 lanes=2 results=3 length=4 width=8 bits=4 batch=5 guard=3".split(),
    source="bfloat16",
    weights="binary32",
    seed=5,
)
JOB = {"blocks": 200, "seed": 8}


def cut_term(s: Names):
    """Leave the rounding of a count out."""
    term = s.scaled ^ s.negative_0.replicate(len(s.scaled))
    return s.term.eq(Cat(term[1:], s.negative_0).as_signed())


def nan_or_infinite(s: Names):
    """Take every value whose exponent is all ones for an infinity."""
    o = s.results.o
    special = Cat(value[23:31].all() for value in o.payload.data.value).any()
    return s.flags.overflow.eq(o.valid & o.ready & special)


FAULTS = {
    "a row in another's window": Fault(
        Crossbar, lambda s: s.windows.eq(Cat(s.first, s.first, s.later)), "results"
    ),
    "a row counts on": Fault(PE, lambda s: s.count.eq(s.count + s.common.any()), "results"),
    "two rows at once": Fault(Crossbar, lambda s: s.row_2_0.select.eq(s.end[2]), "results"),
    "a bank too early": Fault(Crossbar, lambda s: s.row_2_1.select.eq(s.end[3]), "results"),
    "another bank's command": Fault(Sums, lambda s: s.bank_1.add.valid.eq(s.i.valid), "results"),
    "another bank's sign": Fault(
        Crossbar,
        lambda s: s.o.negative[4:].eq(s.column_signs_1_0 ^ s.row_signs[0].replicate(2)),
        "results",
    ),
    "signs stay": Fault(
        Crossbar,
        lambda s: s.row_signs.eq(Mux(s.o.drain, s.d.negative, s.row_signs)),
        "results",
    ),
    "too few words": Fault(
        Crossbar,
        lambda s: [side.run.eq(s.first | s.later[:2] | s.later[2:4]) for side in (s.x, s.d)],
        "results",
    ),
    "a sum stays": Fault(Sums, lambda s: s.sum_shift.eq(0), "results"),
    "a count stays": Fault(Sums, lambda s: s.count_shift.eq(0), "results"),
    "a count is cut": Fault(Accumulator, cut_term, "results"),
    "old sums": Fault(
        Accumulator,
        lambda s: s.total.eq(Cat(0, s.sum).as_signed() >> s.sum_shift_0),
        "results",
    ),
    "no credit": Fault(Sums, lambda s: s.i.allow.eq(1), "results|m_axis", STALLS),
    "a batch too early": Fault(
        Sums, lambda s: s.batch_ends.eq(s.i.valid & (s.group == 3)), "results|handshake"
    ),
    "a batch too short": Fault(Sums, lambda s: s.full.eq(s.number == 3), "results|handshake"),
    "another batch's scale": Fault(
        Sums,
        lambda s: s.o.payload.scale.eq(
            Mux(s.fire, Mux(s.write_half, s.scale_1, s.scale_0), s.o.payload.scale)
        ),
        "results",
    ),
    "a NaN is forgotten": Fault(
        Sums, lambda s: s.nan.eq(Mux(s.started_0, s.special_0, s.nan)), "results"
    ),
    "no rate": Fault(OuterProduct, lambda s: s.results.rate.eq(0), "results|overflow"),
    "tlast with every row": Fault(
        Results, lambda s: s.last.eq(s.left == 0), "tlast does not follow"
    ),
    "results less weights": Fault(ResultLane, lambda s: s.positive.eq(s.scale.o[-1]), "results"),
    "NaN as overflow": Fault(OuterProduct, nan_or_infinite, "status.overflow"),
}


def test_without_faults():
    assert message(regress, SMALL, **JOB) == message(regress, SMALL, stalls=STALLS, **JOB) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert_caught(regress, "outer_product", SMALL, FAULTS[name], **JOB)
