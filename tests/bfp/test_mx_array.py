"""The array in formats of small floats in RTL: products, the scales of tensors, latencies."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hw.bfp.array import MacArray
from sim.bench import Stalls
from sim.bfp.array import matmul, regress, simulate
from sim.job import ResponseError
from sw.bfp.array import ArrayParameters, gemm
from sw.formats import binary32
from sw.formats.presets import MX_FORMATS
from sw.formats.quantize import quantize
from sw.parameters import TARGETS

from ..faults import Fault, assert_caught

SMALL: dict[str, Any] = {"rows": 2, "columns": 2, "lanes": 2}
STALLS = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("name", ["nvfp4", "mxfp4", "mxfp8_e5m2"])
def test_regression(name):
    p = ArrayParameters.make(preset=name, **SMALL)
    assert regress(p, blocks=200, seed=1).message == ""
    assert regress(p, blocks=60, seed=2, stalls=STALLS, reset_after=60).message == ""


def test_the_scales_of_tensors():
    """Blocks are added in order, since a beat of two lanes leaves an adder the time."""
    p = ArrayParameters.make(preset="nvfp4", **SMALL)
    assert p.accumulators == 1
    rng = np.random.default_rng(3)
    x, y = (rng.standard_normal((5, 60)).astype(np.float32) * np.float32(s) for s in (3, 0.01))
    a, b = quantize(x, p.format), quantize(y, p.format).transposed
    product, result = simulate(p, a, b)
    assert np.array_equal(product, gemm(a, b))
    exact = x @ y.T
    assert np.abs(product - exact).max() < 0.1 * np.abs(exact).max()
    alpha = binary32.from_bits(np.array(result.registers["alpha"], np.uint32))
    tops = [np.float32(np.abs(v).max()) for v in (x, y)]
    # TransformerEngine: amax_x * amax_w / (36 * 448 * 448).
    assert alpha == np.float32(tops[0] * tops[1]) / np.float32(36 * 448 * 448)
    with pytest.raises(ResponseError, match="write of alpha was answered with response 2"):
        simulate(p, a, b, later=[(150, "alpha", 0)])
    plain = [dataclasses.replace(v, amax=np.float32(2688)) for v in (a, b)]
    twice, _ = simulate(p, a, b, commands=[("alpha", 0x40000000), ("control.start", 1)])
    assert np.array_equal(twice, np.float32(2) * gemm(*plain))


# By target; with 8 lanes.
LATENCIES = {
    "mxfp8_e4m3": "27 27 26",
    "mxfp8_e5m2": "28 29 27",
    "mxfp6_e2m3": "26 26 25",
    "mxfp6_e3m2": "25 26 25",
    "mxfp4": "25 25 25",
    "nvfp4": "40 37 37",
    "nvfp4_16x16": "40 37 37",
}


@pytest.mark.parametrize("name", MX_FORMATS)
def test_latencies_of_presets(name):
    made = [ArrayParameters.make(preset=name, target=target) for target in TARGETS]
    assert [p.timing.latency for p in made] == [int(text) for text in LATENCIES[name].split()]


def test_a_planted_fault_is_caught():
    p = ArrayParameters.make(preset="nvfp4", **SMALL)
    fault = Fault(MacArray, lambda s: s.scale_1.b.eq(0x3F800000), "product: ")
    assert_caught(regress, "bfp_array", p, fault, blocks=60, seed=8)


def test_a_window():
    p = ArrayParameters.make(preset="mxfp8_e4m3", window=8, **SMALL)
    x = np.random.default_rng(4).standard_normal((3, 64)).astype(np.float32)
    a = quantize(x, p.format)
    b = a.transposed
    product = matmul(p, a, b)
    assert np.array_equal(product, gemm(a, b, accumulators=p.accumulators, window=p.dot.alignment))
    assert not np.array_equal(product, gemm(a, b, accumulators=p.accumulators))
