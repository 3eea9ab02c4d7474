"""The exact sum of products of FP4 in RTL: all pairs of codes, zeros of both signs, stalls."""

import numpy as np
import pytest

from hw.bfp.fp4_product_sum import Fp4ProductSum
from hw.flow.emit import emit
from hw.flow.yosys import netlist
from sim.costs.clocked import Clocked
from sw.bfp.dot import DotParameters
from sw.formats.presets import MX_FORMATS

from ..icarus import simulate

TARGETS = ["generic", "ecp5", "xilinx"]

HALVES = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12])
"""Twice the numbers of E2M1 by code (OCP Microscaling Formats (MX) specification 1.0, table 5)."""


def parameters(lanes, target):
    form = MX_FORMATS["mxfp4"]
    if form.reduction % lanes:
        form = form.changed({"block": lanes})
    return DotParameters(format=form, lanes=lanes, target=target)


def model(a, b):
    return (HALVES[a] * HALVES[b]).sum(axis=1).tolist()


def pack(codes):
    """Join the codes of each row, lane 0 lowest."""
    places = np.array([1 << 4 * i for i in range(codes.shape[1])], dtype=object)
    return codes.astype(object) @ places


def beats(a, b):
    return list(pack(a) | pack(b) << 4 * a.shape[1])


def hardware(folder, p, a, b, verilog=None):
    """Return the sums of products of the rows of ``a`` and ``b``, codes."""
    top = Clocked(inner=Fp4ProductSum(parameters=p))
    bits = p.product_sum_bits
    codes = simulate(
        folder,
        verilog or emit(top, "top", parameters=p).verilog,
        target=p.target,
        ports={"a": 4 * p.lanes, "b": 4 * p.lanes},
        output="sum",
        bits=bits,
        latency=top.inner.latency,
        beats=beats(a, b),
    )
    return [code - (code >> bits - 1 << bits) for code in codes]


def every_pair(lanes):
    """Return all pairs of codes in each lane: alone, beside others, and the same in all lanes."""
    rng = np.random.default_rng(lanes)
    every = np.arange(256)
    pairs = np.stack([every & 15, every >> 4])
    parts = [np.broadcast_to(pairs[:, :, None], (2, 256, lanes))]
    for lane in range(lanes):
        for others in (np.zeros((2, 256, lanes), int), rng.integers(0, 16, (2, 256, lanes))):
            others[:, :, lane] = pairs
            parts.append(others)
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("lanes", [1, 2, 4, 16])
def test_every_pair_of_codes(tmp_path, lanes, target):
    a, b = every_pair(lanes)
    assert hardware(tmp_path, parameters(lanes, target), a, b) == model(a, b)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("lanes", [3, 6, 7, 8, 32])
def test_random_sums(tmp_path, lanes, target):
    rng = np.random.default_rng(lanes)
    codes = rng.integers(0, 16, (2, 600, lanes))
    codes[:, :200] = rng.choice([0, 7, 8, 15], (2, 200, lanes))
    codes[:, :2] = np.array([[[7], [7]], [[7], [15]]])
    a, b = codes
    sums = model(a, b)
    assert sums[:2] == [144 * lanes, -144 * lanes]
    assert hardware(tmp_path, parameters(lanes, target), a, b) == sums


def test_every_pair_of_pairs_of_codes(tmp_path):
    """Both lanes of a pair at once, in gates."""
    every = np.arange(1 << 16)
    a, b, c, d = (every >> 4 * i & 15 for i in range(4))
    left, right = np.stack([a, b], axis=1), np.stack([c, d], axis=1)
    assert hardware(tmp_path, parameters(2, "generic"), left, right) == model(left, right)


@pytest.mark.parametrize("family", ["gates", "ecp5", "xilinx"])
def test_netlist(tmp_path, family):
    p = parameters(4, "generic" if family == "gates" else family)
    a, b = every_pair(4)
    text = netlist(emit(Clocked(inner=Fp4ProductSum(parameters=p)), "top", parameters=p), family)
    assert hardware(tmp_path, p, a, b, text) == model(a, b)


STALLED = """
module top(input aclk, en, go, input [15:0] a, b, output [{top}:0] sum);
  stalled inner (.aclk(aclk), .en(en & go), .a(a), .b(b), .sum(sum));
endmodule
"""


@pytest.mark.parametrize("target", TARGETS)
def test_clock_enable(tmp_path, target):
    """A cycle without ``en`` is as if it had not been."""
    p = parameters(4, target)
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 16, (2, 200, 4))
    go = rng.integers(0, 2, 200)
    inner = Fp4ProductSum(parameters=p)
    text = emit(Clocked(inner=inner), "stalled", parameters=p).verilog
    shown = simulate(
        tmp_path,
        text + STALLED.format(top=p.product_sum_bits - 1),
        target=target,
        ports={"a": 16, "b": 16, "go": 1},
        output="sum",
        bits=p.product_sum_bits,
        latency=1,
        beats=[beat | int(on) << 32 for beat, on in zip(beats(a, b), go, strict=True)],
    )
    sums = [s for s, on in zip(model(a, b), go, strict=True) if on]
    done = go.cumsum() - inner.latency
    expected = [sums[k] % (1 << p.product_sum_bits) for k in done if k >= 0]
    assert shown[-len(expected) :] == expected
