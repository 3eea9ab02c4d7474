"""The approximate multipliers in RTL against their models, on every bit."""

import numpy as np
import pytest

from hw.approx.product import ApproxMultiplier, fractions
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.approx.multiplier import regress, simulate
from sim.bench import Stalls
from sim.compare import assert_equal
from sw.approx.multiplier import ApproxParameters, multiply
from sw.approx.multipliers import multiplier
from sw.errors import UserError
from sw.formats import BFLOAT16, BINARY16, BINARY32, FloatFormat
from tests.stimuli import edge_bits, factor_bits

from .side_by_side import STALLS, check

FREE = FloatFormat(exponent_bits=5, fraction_bits=2)
FAMILIES = (
    *("exact", "exact_nearest", "mitchell", "mbm", "realm4", "realm8", "realm16"),
    *("drum6", "array2"),
)
SMALL = [
    (name, bits, BFLOAT16)
    for bits in range(1, 8)
    for name in FAMILIES
    if bits >= multiplier(name).least_bits
]
SMALL += [("drum2", 2, BFLOAT16), ("drum3", 3, BFLOAT16), ("drum3", 5, BFLOAT16)]
SMALL += [(name, 7, BFLOAT16) for name in ("drum2", "drum7", "drum8", "array0", "array7")]
OTHERS = [(name, 10, BINARY16) for name in FAMILIES]
OTHERS += [(name, 2, FREE) for name in ("exact", "exact_nearest", "mitchell", "mbm", "drum2")]
WIDE = [(name, 23, BINARY32) for name in FAMILIES]
WIDE += [(name, 15, BINARY32) for name in ("mbm", "drum6", "array2")]
CARRIES = [(name, 7, BFLOAT16) for name in ("exact", "exact_nearest", "drum6", "array2")]
CARRIES += [("array2", 10, BINARY16)]


def pairs_of(patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    patterns = patterns.astype(np.uint32)
    return np.repeat(patterns, len(patterns)), np.tile(patterns, len(patterns))


def test_all_pairs_of_fractions_and_of_edges():
    fractions = pairs_of(np.arange(128) | BFLOAT16.bias << 7)
    edges = pairs_of(edge_bits(BFLOAT16))
    check(SMALL, [np.concatenate(x) for x in zip(fractions, edges, strict=True)])


def test_other_formats():
    edges = pairs_of(edge_bits(BINARY16)), pairs_of(np.arange(1 << FREE.width))
    random = factor_bits(20_000, 1, BINARY16)
    check(OTHERS, [np.concatenate(x) for x in zip(*edges, random, strict=True)])


def test_a_million_pairs():
    check(WIDE, factor_bits(1_000_000, 2, BINARY32))


@pytest.mark.parametrize("target", ["ecp5", "xilinx"])
def test_carry_cells(target):
    check(CARRIES, factor_bits(50_000, 3, BFLOAT16), target)


UNIT = ApproxParameters(multiplier="realm8", lanes=3)


def test_unit_with_stalls():
    assert regress(UNIT, blocks=3000, seed=4).message == ""
    for stalls in (STALLS, Stalls(idle=0.8), Stalls(back_pressure=0.8)):
        assert regress(UNIT, blocks=1000, seed=5, stalls=stalls).message == ""


def test_reset_in_mid_stream():
    for cycles in (2, 60, 300):
        assert regress(UNIT, blocks=200, seed=6, reset_after=cycles, stalls=STALLS).message == ""


def test_a_last_beat_that_is_not_full():
    a, b = (x[:100] for x in factor_bits(100, 7, BFLOAT16))
    assert_equal(simulate(UNIT, a, b)[0], multiply(UNIT, a, b))


@pytest.mark.parametrize("name", ["mbm", "realm8"])
def test_netlist(name):
    p = ApproxParameters(multiplier=name)
    gates = netlist(generate("approx_multiplier", p))
    assert regress(p, blocks=1000, seed=8, stalls=STALLS, netlist=gates).message == ""


def test_the_documented_latency():
    latency = UNITS["approx_multiplier"].top(UNIT).latency
    assert latency == 4
    a, b = factor_bits(300, 9, BFLOAT16)
    _, result = simulate(UNIT, a, b)
    assert result.cycles == -(-len(a) // 3) + latency


LATENCIES = {
    "exact": (3, 7),
    "exact_nearest": (3, 7),
    "mitchell": (2, 2),
    "mbm": (2, 2),
    "realm8": (2, 2),
    "drum6": (3, 3),
    "array2": (3, 4),
}


@pytest.mark.parametrize("name", LATENCIES)
def test_latencies(name):
    assert LATENCIES[name] == tuple(
        ApproxMultiplier(
            multiplier=name, bits=form.fraction_bits, format=form, target="generic"
        ).latency
        for form in (BFLOAT16, BINARY32)
    )


def test_too_few_bits():
    with pytest.raises(UserError, match="bits of realm16 must be an integer from 4 to 23, not 3"):
        fractions("realm16", 3, "generic")
