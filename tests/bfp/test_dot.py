"""The dot product in RTL and as a netlist against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.bfp.dot import DotUnit
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.stream.pipeline import StreamPipeline
from hw.units import UNITS
from sim.bench import Stalls
from sim.bfp.dot import regress, simulate
from sw.bfp.dot import MULTIPLIERS, TARGETS, DotParameters
from sw.formats import BLOCK_FORMATS
from sw.formats.quantize import quantize
from sw.words import Words, stream_key

from ..faults import Fault, assert_caught
from ..small import DOT

STALLS = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("preset", BLOCK_FORMATS)
def test_every_preset(preset):
    p = DotParameters.make(preset=preset)
    assert regress(p, blocks=10_000, seed=1).message == ""
    assert regress(p, blocks=500, seed=2, stalls=STALLS).message == ""


@pytest.mark.parametrize("preset", ["msfp12", "mxint8"])
def test_binary32_operands(preset):
    lanes = BLOCK_FORMATS[preset].reduction
    p = DotParameters.make(preset=preset, lanes=lanes, operands="binary32")
    assert regress(p, blocks=2000, seed=3).message == ""
    assert regress(p, blocks=500, seed=4, stalls=STALLS).message == ""


def test_binary32_operands_rounded_at_random():
    table = {"preset": "hbfp6", "block": 16}
    p = DotParameters.make(format=table, lanes=16, operands="binary32", seed=99)
    assert regress(p, blocks=2000, seed=5).message == ""
    assert regress(p, blocks=500, seed=6, stalls=STALLS, reset_after=200).message == ""
    random = Words(key=stream_key(1, step=2)), Words(key=stream_key(1, step=2, use=1))
    assert regress(p, blocks=500, seed=7, stalls=STALLS, random=random).message == ""
    x, y = np.random.default_rng(1).standard_normal((2, 300, 16)).astype(np.float32)
    for writes, later, told in (([("restart", 1)], [], 0), ([], [(40, "restart", 1)], 1)):
        _, result = simulate(p, x, y, writes=writes, later=later)
        assert result.registers["status.restarted"] == told


def test_reset_in_mid_stream():
    p = DotParameters.make(preset="hbfp4")
    for cycles in (2, 60, 300):
        assert regress(p, blocks=100, seed=7, reset_after=cycles, stalls=STALLS).message == ""


CHOICES = [(target, multiplier) for target in TARGETS for multiplier in MULTIPLIERS]


@pytest.mark.parametrize(("target", "multiplier"), CHOICES)
def test_every_target_and_multiplier(target, multiplier):
    for preset in ("hbfp4", "mxint8"):
        p = DotParameters.make(preset=preset, target=target, multiplier=multiplier)
        assert regress(p, blocks=2000, seed=12, stalls=STALLS).message == ""


# Yosys has no behaviour for ECP5's MULT18X18D; what is multiplied there is tested above.
@pytest.mark.parametrize(("target", "multiplier"), [c for c in CHOICES if c != ("ecp5", "dsp")])
def test_netlist_of_every_target(target, multiplier):
    family = "gates" if target == "generic" else target
    p = DotParameters.make(preset="hbfp4", target=target, multiplier=multiplier)
    gates = netlist(generate("bfp_dot", p), family)
    assert regress(p, blocks=500, seed=8, stalls=STALLS, netlist=gates).message == ""


@pytest.mark.parametrize("preset", ["hbfp8", "fb24", "msfp12"])
def test_the_documented_latency(preset):
    p = DotParameters.make(preset=preset)
    latency = UNITS["bfp_dot"].top(p).latency
    assert latency is not None
    x = np.random.default_rng(9).standard_normal((50, p.format.reduction)).astype(np.float32)
    a = quantize(x, p.format, random=np.zeros(x.shape, int))
    _, result = simulate(p, a, a)
    assert result.cycles == 50 * p.beats + latency


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotb(simulator):
    p = DotParameters.make(preset="hbfp4")
    options: dict[str, Any] = {"engine": "cocotb", "simulator": simulator}
    assert regress(p, blocks=40, seed=10, stalls=STALLS, **options).message == ""


FAULTS = {
    "an exponent": (
        DotParameters.make(preset="hbfp4"),
        Fault(DotUnit, lambda s: s.value.exponent_a.eq(500), "values"),
    ),
    "a NaN": (DOT, Fault(DotUnit, lambda s: s.flags.nan.eq(0), "status.nan")),
    "the end of a packet": (
        DOT,
        Fault(StreamPipeline, lambda s: s.fifo.word.last.eq(0), "tlast does not follow"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert regress(p, blocks=300, seed=8).message == ""
    assert_caught(regress, "bfp_dot", p, fault, blocks=300, seed=8)
