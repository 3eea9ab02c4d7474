"""Faults planted in the weight regenerator's circuit, each of which the regression must catch."""

import math
from typing import Any

from amaranth.hdl import Cat, Mux

from hw.base.cipher import IndexCipher
from hw.sparse.constant_multiplier import ConstantMultiplier
from hw.sparse.significand import Significand
from hw.sparse.weight_generator import WeightGenerator
from hw.sparse.weight_regenerator import WeightRegenerator
from hw.stream.pipeline import StreamPipeline
from sim.sparse.weight_regenerator import regress
from sw.formats import BINARY32
from sw.sparse.weight_regenerator import RegeneratorParameters
from tests.faults import STALLS, Fault

from .planted import Bench

SMALL = RegeneratorParameters(lanes=1, layers=2, rounds=7, least=2.0**-100)
POINT = BINARY32.fraction_bits

BENCH = Bench(
    unit="weight_regenerator",
    parameters=SMALL,
    regress=regress,
    runs=tuple(
        {"blocks": 200, "seed": 24, "decay": decay}
        for decay in (None, math.inf, 2.0**-100, 2.0**-101)
    ),
)


def mean(s: Any) -> Any:
    """Half the sum of the odd numbers that words stand for, less one."""
    words = [s.cipher.o.word_select(n, SMALL.bits).as_signed() for n in range(SMALL.words)]
    total = sum(words[1:], words[0]) + SMALL.words // 2 - 1
    return s.total.eq(Mux(s.en, total, s.total))


def too_small(s: Any) -> Any:
    """Below the normal numbers a weight is not zero."""
    over = s.packed[POINT:].as_signed() >= BINARY32.exponent_ones
    infinity = BINARY32.exponent_ones << POINT
    value = Mux(s.zero, 0, Mux(over, infinity, s.packed[: BINARY32.width - 1]))
    nan = infinity | 1 << POINT - 1
    return s.o_[:-1].eq(Mux(s.en, Mux(s.nan, nan, value), s.o_[:-1]))


FAULTS = {
    "another rotation": Fault(
        IndexCipher, lambda s: s.y_0.eq(s.i[:16].rotate_left(1) ^ s.x_0), "weight:"
    ),
    "a mean that is not zero": Fault(WeightGenerator, mean, "weight:"),
    "a digit of two is one": Fault(
        ConstantMultiplier, lambda s: [s.one_0.eq(s.a[:2].any()), s.two_0.eq(0)], "weight:"
    ),
    "what is cut off does not count": Fault(WeightGenerator, lambda s: s.rest.eq(0), "weight:"),
    "too small is not zero": Fault(WeightGenerator, too_small, "weight:"),
    "magnitudes are one too low": Fault(
        Significand,
        lambda s: s.magnitude.eq(
            Mux(s.en, s.i[:-1] ^ s.i[-1].replicate(len(s.magnitude)), s.magnitude)
        ),
        "weight:",
    ),
    "one layer for all": Fault(WeightRegenerator, lambda s: s.layer.eq(0), "weight:"),
    "all layers have the first one's shift": Fault(
        WeightRegenerator, lambda s: s.shift.eq(Mux(s.work, s.shift_0, s.shift)), "weight:"
    ),
    "a smaller decay counts": Fault(WeightRegenerator, lambda s: s.nonzero.eq(1), "weight:"),
    "the least decay does not count": Fault(
        WeightRegenerator, lambda s: s.nonzero.eq(s.decay > SMALL.least_pattern), "weight:"
    ),
    "the lanes move without the rest": Fault(
        WeightRegenerator,
        lambda s: s.work.eq(Cat(s.enters, s.live[:-1]).any()),
        "weight:",
        STALLS,
    ),
    "the lanes stop early": Fault(
        WeightRegenerator,
        lambda s: s.work.eq(s.pipeline.credit & Cat(s.enters, s.live[:-3]).any()),
        "weight:",
        STALLS,
    ),
    "tlast of the request before": Fault(
        StreamPipeline, lambda s: s.fifo.word.last.eq(s.own("last")[-2]), "tlast"
    ),
    "infinities are not told": Fault(WeightRegenerator, lambda s: s.flags.nan.eq(0), "nan"),
}

test_without_faults, test_a_planted_fault_is_caught = BENCH.tests(FAULTS)
