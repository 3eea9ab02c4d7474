"""The converter in RTL and as a netlist against its model, on every bit."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.formats.converter import ConverterUnit
from hw.formats.quantizer import Quantizer
from hw.units import UNITS
from sim.bench import Stalls
from sim.formats.converter import regress, simulate
from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, ROUNDINGS, BfpFormat, fast
from sw.formats.converter import ConverterParameters, convert
from sw.words import Words, stream_key

from ..faults import Fault, assert_caught
from ..small import CONVERTER

FORMAT_FIELDS = {field.name for field in dataclasses.fields(BfpFormat)}
STALLS = Stalls(idle=0.3, back_pressure=0.5)


def _parameters(preset: str, **fields: Any) -> ConverterParameters:
    """A preset, with format fields changed."""
    own = {name: fields.pop(name) for name in list(fields) if name in FORMAT_FIELDS}
    form = dataclasses.replace(BLOCK_FORMATS[preset], **own)
    return ConverterParameters(format=form, **fields)


@pytest.mark.parametrize("preset", BLOCK_FORMATS)
def test_every_preset(preset):
    p = ConverterParameters.make(preset=preset)
    assert regress(p, blocks=1000, seed=1).message == ""
    assert regress(p, blocks=200, seed=2, stalls=STALLS).message == ""


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("source", FLOAT_FORMATS)
def test_every_rounding_of_every_source(rounding, source):
    p = _parameters("hbfp6", rounding=rounding, source=source, lanes=4, seed=77)
    assert regress(p, blocks=1000, seed=3).message == ""


ODD = [
    ("hbfp8", {"block": (1,), "lanes": 1}),
    ("hbfp8", {"block": (3,), "lanes": 1}),
    ("hbfp8", {"block": (5,), "lanes": 5}),
    ("mxint8", {"lanes": 32}),
    ("mxint8", {"symmetric": False, "lanes": 8}),
    ("fb12", {"exponent_bits": 4, "lanes": 6}),
    ("hbfp4", {"exponent_bits": 5, "exponent_floor": None, "lanes": 2}),
    ("hbfp4", {"random_bits": 1, "lanes": 16}),
    ("hbfp4", {"random_bits": 24, "lanes": 2}),
    ("fb24", {"mantissa_bits": 24, "rounding": "nearest_even", "lanes": 2}),
    ("fb24", {"mantissa_bits": 24, "rounding": "nearest_away", "lanes": 2}),
    ("hbfp4", {"rounding": "nearest_away", "twos_complement": True, "lanes": 4}),
    ("mxint8", {"rounding": "nearest_away", "symmetric": False, "lanes": 4}),
    ("fb12_linear", {"block": (1, 6, 2, 2), "lanes": 3}),
]


@pytest.mark.parametrize(("preset", "fields"), ODD, ids=str)
def test_odd_formats(preset, fields):
    p = _parameters(preset, **fields)
    assert regress(p, blocks=1000, seed=4).message == ""
    assert regress(p, blocks=1000, seed=4, stalls=STALLS).message == ""


def test_reset_starts_the_random_words_anew():
    p = _parameters("hbfp4", lanes=4)
    for cycles in (3, 50, 201):
        assert regress(p, blocks=40, seed=5, reset_after=cycles, stalls=STALLS).message == ""


STREAMS = [
    Words(key=stream_key(1, step=3, layer=2, use=1)),
    Words(key=stream_key(2**32 - 1, step=2**32 - 1, layer=65535, use=255, part=255)),
    Words(key=0),
]


@pytest.mark.parametrize("lanes", [1, 3, 8, 16])
def test_streams_of_random_words(lanes):
    """Started by registers: circuit, model and compiled loops, also across a reset."""
    p = _parameters("hbfp6", block=(48,), lanes=lanes)
    for random in STREAMS:
        assert regress(p, blocks=60, seed=5, random=random, stalls=STALLS).message == ""
        assert regress(p, blocks=60, seed=5, random=random, reset_after=70).message == ""
    x = np.random.default_rng(1).standard_normal((7, 100)).astype(np.float32)
    for random in STREAMS:
        blocks = np.pad(x, ((0, 0), (0, 44))).reshape(-1, 48)
        (code, exponent, _), _ = simulate(p, blocks, random=random)
        compiled = fast.quantize(x, p.format, random=random)
        assert np.array_equal(code.reshape(7, -1)[:, :100], compiled.code)
        assert np.array_equal(exponent.reshape(7, -1), compiled.exponent)


def test_clear_does_not_start_the_random_words_anew():
    p = _parameters("hbfp6", lanes=4)
    x = np.random.default_rng(2).standard_normal((20, 64)).astype(np.float32)
    (code, _, _), result = simulate(p, x, later=[(100, "control.clear", 1)])
    assert np.array_equal(code, convert(p, x)[0])
    assert 0 < result.registers["elements"] < x.size
    assert result.registers["status.restarted"] == 0


def test_a_restart_with_elements_inside_is_told():
    p = _parameters("hbfp6", lanes=4)
    x = np.random.default_rng(3).standard_normal((20, 64)).astype(np.float32)
    _, result = simulate(p, x, later=[(50, "restart", 1)])
    assert result.registers["status.restarted"] == 1
    _, result = simulate(p, x, writes=[("restart", 1)])
    assert result.registers["status.restarted"] == 0


def test_the_lanes_do_not_matter():
    x = np.random.default_rng(4).standard_normal((20, 64)).astype(np.float32)
    found = [convert(_parameters("hbfp4", lanes=n), x)[0] for n in (1, 2, 16, 64)]
    assert all(np.array_equal(found[0], each) for each in found)


@pytest.mark.parametrize("preset", ["hbfp4", "mxint8"])
def test_netlist(preset):
    p = ConverterParameters.make(preset=preset)
    gates = netlist(generate("bfp_converter", p), "gates")
    assert regress(p, blocks=300, seed=6, stalls=STALLS, netlist=gates).message == ""


@pytest.mark.parametrize("lanes", [1, 2, 8, 32])
def test_a_beat_a_cycle_and_the_documented_latency(lanes):
    p = _parameters("mxint8", lanes=lanes)
    latency = UNITS["bfp_converter"].top(p).latency
    assert latency is not None
    x = np.random.default_rng(7).standard_normal((50, 32)).astype(np.float32)
    _, result = simulate(p, x)
    assert result.cycles == 50 * p.beats + p.beats - 1 + latency


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotb(simulator):
    p = _parameters("hbfp6", lanes=4)
    options: dict[str, Any] = {"engine": "cocotb", "simulator": simulator}
    assert regress(p, blocks=20, seed=8, stalls=STALLS, **options).message == ""


FAULTS = {
    # Truncation where the model rounds: the words never step.
    "no random words": (
        _parameters("hbfp6", lanes=4),
        Fault(
            Quantizer,
            lambda s: [getattr(s, f"lane_{n}").random.eq(0) for n in range(4)],
            "element",
        ),
    ),
    "stalls without a stall": (
        CONVERTER,
        Fault(ConverterUnit, lambda s: s.output_stalls_event.eq(s.o.valid), "output_stalls"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert regress(p, blocks=300, seed=8).message == ""
    assert_caught(regress, "bfp_converter", p, fault, blocks=300, seed=8)
