"""Faults planted in the quantile estimator's circuit, each of which the regression must catch."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Mux

from hw.sparse.quantile_estimator import QuantileEstimator
from hw.sparse.tracker import QuantileTracker
from sim.sparse.quantile_estimator import regress
from sw.sparse.quantile_estimator import QuantileParameters
from tests.faults import STALLS, Fault

from .planted import Bench

SMALL = QuantileParameters(lanes=2, step=4)

BENCH = Bench(
    unit="quantile_estimator",
    parameters=SMALL,
    regress=regress,
    runs=(
        # Near the smallest and near the largest number.
        {"seed": 8, "initial": 2.0**-126},
        {"seed": 7, "initial": 3.4028235e38},
    ),
)


def tells_of(*lanes: int) -> Callable[[Any], Any]:
    """Return the assignment by which the flag of infinities and NaNs sees some lanes only."""

    def assign(s: Any) -> Any:
        special = [s.value[32 * n + 23 : 32 * n + 31].all() & s.present[n] for n in lanes]
        return s.flags.nan.eq(s.done & Cat(special).any())

    return assign


FAULTS = {
    "equal is above": Fault(
        QuantileTracker,
        lambda s: [s.keep[n].eq(s.present[n] & (s.magnitude[n] >= s.bound)) for n in range(2)],
        "keep",
    ),
    "the absent count": Fault(
        QuantileTracker,
        lambda s: s.down_sum.eq(Mux(s.load, 0, Mux(s.en, s.down << 1, s.down_sum))),
        "keep",
    ),
    "the absent are kept": Fault(
        QuantileTracker, lambda s: s.keep[1].eq(s.magnitude[1] > s.bound), "keep"
    ),
    "without a floor": Fault(QuantileTracker, lambda s: s.under.eq(0), "keep"),
    "without a ceiling": Fault(QuantileTracker, lambda s: s.over.eq(0), "keep"),
    "an update outlives its packet": Fault(
        QuantileTracker, lambda s: s.fall_0.eq(Mux(s.en, s.fall, s.fall_0)), "keep"
    ),
    "values kept outlive their packet": Fault(
        QuantileTracker, lambda s: s.kept_0.eq(Mux(s.en, s.keep, s.kept_0)), "keep"
    ),
    "infinities of lane 0 alone are told": Fault(QuantileEstimator, tells_of(0), "nan"),
    "infinities of lane 0 are not told": Fault(QuantileEstimator, tells_of(1), "nan"),
    "updates do not wait for beats": Fault(
        QuantileTracker, lambda s: s.fall_0.eq(Mux(s.load, 0, s.fall)), "keep", STALLS
    ),
    "the estimate goes on": Fault(QuantileEstimator, lambda s: s.anew.eq(0), "keep"),
    "a beat is overwritten": Fault(QuantileEstimator, lambda s: s.move.eq(1), "m_axis", STALLS),
    "a pause between beats": Fault(
        QuantileEstimator, lambda s: s.move.eq(~s.o.valid), "m_axis|cycles"
    ),
    "tlast of another beat": Fault(
        QuantileEstimator, lambda s: s.last.eq(s.i.payload.last), "m_axis|tlast", STALLS
    ),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
