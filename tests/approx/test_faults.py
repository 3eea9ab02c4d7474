"""Faults planted in the circuits of multipliers, each of which the comparison must catch."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Cat, Mux

from hw.approx.exact import Exact
from hw.approx.logarithm import MinimallyBiased, Realm
from hw.approx.scale import Scale
from sim.approx.multiplier import simulate
from sim.compare import MismatchError, assert_equal
from sw.approx.multiplier import ApproxParameters, multiply
from sw.formats import BFLOAT16
from tests.faults import Fault, faulty
from tests.stimuli import factor_bits

from .test_multiplier import pairs_of

DIFFER = "values differ"


def unlimited(s: Any) -> Any:
    """A fraction whose correction reaches 4 is that of the corrected product."""
    above_2 = s.corrected[-1] & ~s.total[-1]
    return s.code[:-1].eq(Mux(above_2, s.corrected[1:-1], s.corrected[:-1]))


# Multiplier, fault. Of bfloat16 the state of `Scale` is nine bits of an exponent, NaN and sign.
FAULTS = {
    "correction that reaches 4": ("mbm", Fault(MinimallyBiased, unlimited, DIFFER)),
    "forced last bit": (
        "mbm",
        Fault(MinimallyBiased, lambda s: s.sum.eq(s.x + Cat(1, s.y[1:])), DIFFER),
    ),
    "clamp below 4": ("realm4", Fault(Realm, unlimited, DIFFER)),
    "tie": ("exact_nearest", Fault(Exact, lambda s: s.up.eq(s.half), DIFFER)),
    "carry to the least exponent": (
        "mitchell",
        Fault(
            Scale,
            lambda s: s.first.eq(s.state_0[8] & s.state_0[1:7].all() | s.last),
            DIFFER,
        ),
    ),
    "carry to infinity": ("mitchell", Fault(Scale, lambda s: s.first.eq(0), DIFFER)),
    "sign of zero": (
        "mitchell",
        Fault(
            Scale,
            lambda s: s.o_[-1].eq(Mux(s.en, s.state_0[10] & ~s.below, s.o_[-1])),
            DIFFER,
        ),
    ),
    "NaN": ("mitchell", Fault(Scale, lambda s: s.state[9].eq(0), DIFFER)),
}


def parameters_of(name: str) -> ApproxParameters:
    """Return parameters; what reaches 4 in REALM takes more than bfloat16's bits."""
    return ApproxParameters.make(
        multiplier=name, format="binary16" if name == "realm4" else "bfloat16"
    )


def products(parameters: ApproxParameters, **options) -> None:
    """Compare pairs of fractions, of edges and near the ends with the model."""
    pairs = pairs_of(np.arange(128) | BFLOAT16.bias << 7), factor_bits(20_000, 1, parameters.format)
    a, b = (np.concatenate(x) for x in zip(*pairs, strict=True))
    found = simulate(parameters, a, b, **options)[0]
    assert_equal(found, multiply(parameters, a, b), context={"inputs": {"a": a, "b": b}})


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    multiplier, fault = FAULTS[name]
    p = parameters_of(multiplier)
    mutant = faulty("approx_multiplier", p, fault)
    with pytest.raises(MismatchError, match=fault.sign):
        products(p, netlist=mutant)


def test_without_faults():
    for name in {name for name, _ in FAULTS.values()}:
        products(parameters_of(name))
