"""Faults planted in the emitted Verilog of multipliers, each of which the comparison must catch."""

import re

import numpy as np
import pytest

from hw.flow.emit import generate
from sim.approx.multiplier import simulate
from sim.compare import MismatchError, assert_equal
from sw.approx.multiplier import ApproxParameters, multiply
from sw.formats import BFLOAT16
from tests.plant import plant
from tests.stimuli import factor_bits

from .test_multiplier import pairs_of

# Multiplier, module, text, fault.
FAULTS = {
    "correction that reaches 4": (
        "mbm",
        "minimally_biased",
        "? total[6:0] :",
        "? corrected[6:0] :",
    ),
    "forced last bit": ("mbm", "minimally_biased", "{ x[6:1], 1'h1 }", "x[6:0]"),
    "clamp below 4": ("realm4", "realm", "10'h3ff", "corrected[9:0]"),
    "tie": ("exact_nearest", "exact", "truncated[0] | rest", "1'h1"),
    "carry to the least exponent": ("mitchell", "scale", "? first : last", "? first | last : last"),
    "carry to infinity": ("mitchell", "scale", "? first : last", "? 1'h0 : last"),
    "sign of zero": ("mitchell", "scale", "o <= { state_0[10],", "o <= { state_0[10] & ~below,"),
    "NaN": ("mitchell", "scale", "o_term[6] | state_0[9]", "o_term[6]"),
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault):
    name, module, text, wrong = FAULTS[fault]
    p = parameters_of(name)
    design = generate("approx_multiplier", p)
    mutant = plant(design.verilog, module, re.escape(text), wrong)
    with pytest.raises(MismatchError, match="values differ"):
        products(p, netlist=mutant)


def test_without_faults():
    for name in {name for name, *_ in FAULTS.values()}:
        products(parameters_of(name))
