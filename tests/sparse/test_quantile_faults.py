"""Faults planted in the quantile estimator's Verilog, each of which the regression must catch."""

from sim.sparse.quantile_estimator import regress
from sw.sparse.quantile_estimator import QuantileParameters

from .planted import PLAIN, STALLS, Bench, Fault

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

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, Fault] = {
    "equal is above": ("quantile_tracker", "] > bound", "] >= bound", PLAIN, "keep"),
    "the absent count": ("quantile_tracker", "present[0] + present[1]", "2'h2", PLAIN, "keep"),
    "the absent are kept": ("quantile_tracker", "present[1] & ", "", PLAIN, "keep"),
    "without a floor": (
        "quantile_tracker",
        "under = ~(|moved[38:31])",
        "under = 1'h0",
        PLAIN,
        "keep",
    ),
    "without a ceiling": ("quantile_tracker", "over = &", "over = 1'h0 & ", PLAIN, "keep"),
    "an update outlives its packet": (
        "quantile_tracker",
        "if (load | rst) fall_0",
        "if (rst) fall_0",
        PLAIN,
        "keep",
    ),
    "values kept outlive their packet": (
        "quantile_tracker",
        "if (load | rst) kept_0",
        "if (rst) kept_0",
        PLAIN,
        "keep",
    ),
    "infinities of lane 0 alone are told": (
        "quantile_estimator_",
        "{ &value[62:55], all_value_bits_30_23 }",
        "{ 1'h0, all_value_bits_30_23 }",
        PLAIN,
        "nan",
    ),
    "infinities of lane 0 are not told": (
        "quantile_estimator_",
        "{ &value[62:55], all_value_bits_30_23 }",
        "{ &value[62:55], 1'h0 }",
        PLAIN,
        "nan",
    ),
    "updates do not wait for beats": (
        "quantile_tracker",
        "if (en) fall_0",
        "if (1'h1) fall_0",
        STALLS,
        "keep",
    ),
    "the estimate goes on": (
        "quantile_estimator_",
        "anew = accept & i__payload[66]",
        "anew = 1'h0",
        PLAIN,
        "keep",
    ),
    "a beat is overwritten": (
        "quantile_estimator_",
        "~o__valid | o__ready",
        "1'h1",
        STALLS,
        "m_axis",
    ),
    "a pause between beats": (
        "quantile_estimator_",
        "~o__valid | o__ready",
        "~o__valid",
        PLAIN,
        "m_axis|cycles",
    ),
    "tlast of another beat": (
        "quantile_estimator_",
        "(accept) last",
        "(1'h1) last",
        STALLS,
        "m_axis|tlast",
    ),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
