"""The floating-point multiplier, and the adder of bfloat16, in RTL: edges and a million pairs."""

from typing import Any

import numpy as np
import pytest

from hw.float.multiplier import FloatMultiplier
from hw.flow.yosys import netlist
from sim.bench import Stalls
from sim.compare import MismatchError, assert_equal
from sw.formats import BFLOAT16, BINARY16, BINARY32, FLOAT_FORMATS, FloatFormat, binary32
from tests.floats import design, run_patterns
from tests.stimuli import edge_bits, factor_bits, pair_bits
from tests.test_float import simulate

MODELS = {"add": binary32.add, "multiply": binary32.multiply}
PAIRS = {"add": pair_bits, "multiply": factor_bits}
CASES = [("multiply", BINARY32), ("multiply", BFLOAT16), ("add", BFLOAT16)]
NAMES = [f"{operation}-{form.name}" for operation, form in CASES]


def expected(operation: str, form: FloatFormat, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a, b = (binary32.from_bits(bits, form) for bits in (x, y))
    return binary32.to_bits(MODELS[operation](a, b, form), form)


def check(operation, form, x, y, *, target: str = "generic", **options: Any) -> None:
    circuit = design(operation, format=form.name, target=target)
    found = run_patterns(circuit, {"a": x, "b": y}, **options)
    inputs = {"inputs": {"x": x, "y": y}}
    assert_equal(found.astype(np.uint32), expected(operation, form, x, y), context=inputs)


@pytest.mark.parametrize("operation, form", CASES, ids=NAMES)
def test_a_million_pairs(operation, form):
    check(operation, form, *PAIRS[operation](1_000_000, 1, form))


@pytest.mark.parametrize("operation", MODELS)
def test_every_bfloat16_against_edges(operation):
    edges = edge_bits(BFLOAT16)
    assert len(set(edges.tolist())) == 64
    every = np.arange(1 << 16, dtype=np.uint32)
    check(operation, BFLOAT16, np.repeat(edges, len(every)), np.tile(every, len(edges)))


@pytest.mark.parametrize("form", [BFLOAT16, BINARY32], ids=["bfloat16", "binary32"])
@pytest.mark.parametrize("target", ["ecp5", "xilinx"])
def test_multiplier_in_carry_cells(form, target):
    check("multiply", form, *factor_bits(50_000, 2, form), target=target)


@pytest.mark.parametrize("operation, form", CASES, ids=NAMES)
def test_stalls(operation, form):
    x, y = PAIRS[operation](20_000, 3, form)
    for stalls in (Stalls(idle=0.3, back_pressure=0.5), Stalls(back_pressure=0.8)):
        check(operation, form, x, y, stalls=stalls)


def test_netlist():
    gates = netlist(design("multiply", format="bfloat16"), "gates")
    check("multiply", BFLOAT16, *factor_bits(20_000, 4, BFLOAT16), netlist=gates)


@pytest.mark.parametrize("form", FLOAT_FORMATS.values(), ids=FLOAT_FORMATS)
def test_clock_enable(form):
    x, y = (bits[-300:] for bits in factor_bits(300, 6, form))
    dut = FloatMultiplier(format=form, target="generic")
    found = simulate(dut, {"a": x, "b": y}, enable=0.6)
    assert_equal(found, expected("multiply", form, x, y))


def test_a_planted_fault_is_caught():
    # Halfway cases away from zero; the pairs must hold some.
    x, y = factor_bits(20_000, 7, BFLOAT16)
    found = run_patterns(design("multiply", format="bfloat16"), {"a": x, "b": y})
    a, b = (binary32.from_bits(bits, BFLOAT16) for bits in (x, y))
    product = binary32.multiply(a, b, BFLOAT16)
    pattern = binary32.to_bits(product, BFLOAT16)
    away = binary32.from_bits(pattern + 1, BFLOAT16)
    with np.errstate(all="ignore"):
        exact = a.astype(np.float64) * b
        half = np.abs(exact - product) == np.abs(away - exact)
    half &= np.isfinite(away) & (product != 0)
    assert half.sum() > 100
    with pytest.raises(MismatchError, match=f"{half.sum()} of"):
        assert_equal(found.astype(np.uint32), pattern + half.astype(np.uint32))


def test_binary16():
    for operation in MODELS:
        check(operation, BINARY16, *PAIRS[operation](100_000, 8, BINARY16))
