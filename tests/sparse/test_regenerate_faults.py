"""Faults planted in the weight regenerator's Verilog, each of which the regression must catch."""

import math

from hw.sparse.weight_regenerator import WeightRegenerator
from sim.sparse.weight_regenerator import regress
from sw.sparse.weight_regenerator import RegeneratorParameters

from .planted import PLAIN, STALLS, Bench, Fault

SMALL = RegeneratorParameters(lanes=1, layers=2, rounds=7, least=2.0**-100)
UNIT = "weight_regenerator_"
LAST = WeightRegenerator(parameters=SMALL).lane.latency

BENCH = Bench(
    unit="weight_regenerator",
    parameters=SMALL,
    regress=regress,
    runs=tuple(
        {"blocks": 200, "seed": 24, "decay": decay}
        for decay in (None, math.inf, 2.0**-100, 2.0**-101)
    ),
)

# Fault: module, text, fault, stalls, what the message says.
FAULTS: dict[str, Fault] = {
    "another rotation": ("index_cipher", "i[13:0], i[15:14]", "i[14:0], i[15]", PLAIN, "weight:"),
    "a mean that is not zero": (
        "weight_generator",
        "$signed(3'h2)",
        "$signed(3'h1)",
        PLAIN,
        "weight:",
    ),
    "a digit of two is one": (
        "constant_multiplier",
        "{ b, 1'h0 } & {25{two_0}",
        "{ 1'h0, b } & {25{two_0}",
        PLAIN,
        "weight:",
    ),
    "what is cut off does not count": (
        "weight_generator",
        "rest = |",
        "rest = 1'h0 &",
        PLAIN,
        "weight:",
    ),
    "too small is not zero": (
        "weight_generator",
        "zero | ($signed(packed_[32:23]) <= $signed(1'h0))",
        "zero",
        PLAIN,
        "weight:",
    ),
    "magnitudes are one too low": (
        "significand",
        "magnitude_next_term + i[9]",
        "magnitude_next_term",
        PLAIN,
        "weight:",
    ),
    "one layer for all": (UNIT, "layer <= i__payload[32]", "layer <= 1'h0", PLAIN, "weight:"),
    "layers change places": (UNIT, " ? shift_1", " ? shift_0", PLAIN, "weight:"),
    "a smaller decay counts": (UNIT, "decay >=", "decay >= 0 &", PLAIN, "weight:"),
    "the least decay does not count": (UNIT, "decay >=", "decay >", PLAIN, "weight:"),
    "the lanes move without the rest": (
        UNIT,
        "credit & (|{ live",
        "(|{ live",
        STALLS,
        "weight:",
    ),
    "the lanes stop early": (
        UNIT,
        f"live[{LAST - 1}:0], enters",
        f"live[{LAST - 3}:0], enters",
        STALLS,
        "weight:",
    ),
    "tlast of the request before": (
        "stream_pipeline",
        f"last_2[{LAST}], result",
        f"last_2[{LAST - 1}], result",
        PLAIN,
        "tlast",
    ),
    "infinities are not told": (UNIT, "flags_nan = push", "flags_nan = 1'h0 & push", PLAIN, "nan"),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
