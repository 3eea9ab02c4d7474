"""The converter to small floats in RTL and as a netlist against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.formats.float_lane import FloatLane
from hw.formats.quantizer import Quantizer
from hw.formats.truncated import at_least
from hw.units import UNITS
from sim.bench import Stalls
from sim.formats.converter import regress, simulate
from sw.errors import UserError
from sw.formats import (
    BINARY16,
    FLOAT_FORMATS,
    MX_FORMATS,
    ROUNDINGS,
    MxFormat,
    binary32,
    read_format,
)
from sw.formats.converter import ConverterParameters, convert
from sw.formats.element import ELEMENTS, read_element
from sw.formats.scale import MX_RULES, MxScale

from ..faults import Fault, assert_caught

STALLS = Stalls(idle=0.3, back_pressure=0.5)


def parameters(
    element: Any, rule: str = "floor", *, lanes: int = 2, source: str = "binary32", **fields: Any
) -> ConverterParameters:
    """A converter to an element under a rule, in blocks of 4 unless told otherwise."""
    fields = {"block": (4,), **fields}
    form = MxFormat(element=read_element(element), scale=MxScale(rule=rule), **fields)
    return ConverterParameters(format=form, lanes=lanes, source=source)


def check(p: ConverterParameters, x: np.ndarray) -> np.ndarray:
    """Compare with the model, and return the scales' codes."""
    (element, exponent, zero_set), _ = simulate(p, x)
    expected, code, flags = convert(p, x)
    assert np.array_equal(exponent, code)
    assert np.array_equal(element, expected)
    assert zero_set == flags.sum()
    return exponent


@pytest.mark.parametrize("preset", MX_FORMATS)
def test_every_preset(preset):
    p = ConverterParameters.make(preset=preset)
    assert p.format.name == preset
    blocks = 40 if p.format.block_elements > 32 else 300
    assert regress(p, blocks=blocks, seed=1, stalls=STALLS).message == ""


MIXED = [
    (element, MX_RULES[(i + k) % 4], ROUNDINGS[(i + 2 * k + i // 4) % 4], (*FLOAT_FORMATS,)[i % 3])
    for i, element in enumerate(ELEMENTS)
    for k in (0, 1)
]


@pytest.mark.parametrize(("element", "rule", "rounding", "source"), MIXED, ids=str)
def test_elements_under_rules(element, rule, rounding, source):
    p = parameters(element, rule, rounding=rounding, source=source)
    assert regress(p, blocks=1000, seed=3).message == ""


ODD = [
    parameters({"exponent_bits": 1, "fraction_bits": 1}, "rceil"),
    parameters({"exponent_bits": 1, "fraction_bits": 2, "specials": "nan"}, "ceil"),
    parameters({"exponent_bits": 2, "fraction_bits": 2, "specials": "ieee"}, "even"),
    parameters({"exponent_bits": 2, "fraction_bits": 5}, source="bfloat16", lanes=4),
    parameters({"mantissa_bits": 6, "symmetric": False}, "rceil", source="binary16"),
    parameters("e5m2", rounding="stochastic", random_bits=24),
    parameters("e2m1", rounding="stochastic", random_bits=1, block=(1, 2, 3), lanes=6),
]


@pytest.mark.parametrize("p", ODD, ids=lambda p: f"{p.format.element}-{p.lanes}")
def test_odd_formats(p):
    assert regress(p, blocks=1000, seed=4, stalls=STALLS).message == ""


@pytest.mark.parametrize("element", ["e2m1", "e4m3", "e5m2"])
def test_every_binary16_value(element):
    """In blocks whose largest element is 2**15; the positive ones alone, under a rule."""
    every = binary32.from_bits(np.arange(1 << 16, dtype=np.uint32), BINARY16)
    largest = np.full(1 << 14, 2.0**15, np.float32)
    beside = np.concatenate([largest, every]).reshape(5, -1).T
    check(parameters(element, block=(5,), lanes=5, source="binary16"), beside)
    if element == "e4m3":
        alone = every[: 1 << 15, np.newaxis]
        check(parameters(element, "rceil", block=(1,), lanes=1, source="binary16"), alone)


@pytest.mark.parametrize(
    ("element", "rule"), [("e2m1", "rceil"), ("e4m3", "ceil"), ("e4m3", "even")]
)
def test_every_code_of_a_scale(element, rule):
    """Every exponent, with fractions around the rule's thresholds."""
    p = parameters(element, rule, block=(1,), lanes=1)
    scale, form = p.format.scale, p.format.element
    near = [scale.carry_from(form, lowest=low) + n for low in (False, True) for n in (-1, 0, 1)]
    fractions = {0, 1, 0x7FFFFF, *(f for f in near if f < 1 << 23)}
    bits = [e << 23 | f for e in range(256) for f in sorted(fractions)]
    codes = check(p, np.array(bits, np.uint32).view(np.float32)[:, None])
    # The largest exponent of binary32 is 127; of `ceil` and others with a carry, as if 128.
    highest = 254 - form.emax + (rule != "floor")
    assert sorted(set(codes.tolist())) == [*range(highest + 1), 255]


def test_published_values():
    """Scales and first codes of a block by a NumPy reading of torchao's quantizer."""
    x = [0, 0.1, -0.25, 0.3, 0.5, -0.75, 1, 1.25, -1.75, 2.5, 3.4, -3.5, 5, 6.9, -7, 0.01]
    x = np.array([[*x, *(0.02 * i for i in range(16))]], np.float32)
    for preset, rule, scale, codes in [
        ("mxfp8_e4m3", "ceil", 122, "00 45 d0 52 58 dc 60 62 e6 6a 6e ee 72 76 f6 2a"),
        ("mxfp4", "even", 128, "0 0 8 0 0 9 1 1 a 2 3 c 4 5 e 0"),
    ]:
        p = ConverterParameters(format=read_format(f"{preset}:scale.rule={rule}"), lanes=1)
        (element, exponent, _), _ = simulate(p, x)
        assert exponent.tolist() == [scale]
        assert element[0, :16].tolist() == [int(code, 16) for code in codes.split()]


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_beat_a_cycle_and_the_documented_latency(lanes):
    p = parameters("e3m2", "rceil", lanes=lanes)
    latency = UNITS["bfp_converter"].top(p).latency
    assert latency is not None
    # Of the wait, the maximum of the lanes, and a lane.
    assert latency == {1: 6 + 0 + 3, 4: 2 + 2 + 3}[lanes]
    x = np.random.default_rng(7).standard_normal((50, 4)).astype(np.float32)
    _, result = simulate(p, x)
    assert result.cycles == 50 * p.beats + p.beats - 1 + latency


def test_reset_starts_the_random_words_anew():
    p = parameters("e2m1", rounding="stochastic")
    for cycles in (3, 50):
        assert regress(p, blocks=40, seed=5, reset_after=cycles, stalls=STALLS).message == ""


def test_netlist():
    p = parameters("e4m3", "rceil")
    gates = netlist(generate("bfp_converter", p), "gates")
    assert regress(p, blocks=300, seed=6, stalls=STALLS, netlist=gates).message == ""


def test_what_no_circuit_has_is_refused():
    for scale, message in (
        ({"four_over_six": True}, r"^format\.scale\.four_over_six must be false in a circuit"),
        ({"headroom": 1.5}, r"^format\.scale\.headroom must be 1 in a circuit, not 1\.5$"),
    ):
        with pytest.raises(UserError, match=message):
            ConverterParameters.make(preset="nvfp4", format={"preset": "nvfp4", "scale": scale})


def reaches(threshold: int) -> Any:
    """The rule's comparison with a threshold of all exponents."""
    return lambda s: s.reaches_0.eq(at_least(s.i.payload.data.value[0][:23], threshold))


RCEIL = parameters("e4m3", "rceil", lanes=1)
CARRY = RCEIL.format.scale.carry_from(RCEIL.format.element)

FAULTS = {
    "a threshold one too high": (RCEIL, Fault(Quantizer, reaches(CARRY + 1), "element")),
    "no threshold of its own for the code 0": (
        RCEIL,
        Fault(Quantizer, reaches(CARRY), "element|exponent"),
    ),
    "no place behind the half": (
        parameters("e4m3"),
        Fault(FloatLane, lambda s: s.sticky_2.eq(0), "element"),
    ),
    "subnormal numbers that are not shifted": (
        parameters("e4m3"),
        Fault(FloatLane, lambda s: s.shift_1.eq(0), "element"),
    ),
    "NaN as a number": (parameters("e4m3"), Fault(FloatLane, lambda s: s.nan_2.eq(0), "element")),
    "zero without a sign": (
        parameters("e2m1"),
        Fault(FloatLane, lambda s: s.sign_2.eq(s.sign_1 & ~s.beyond_1), "element"),
    ),
    "no random words": (
        parameters("e2m1", rounding="stochastic"),
        Fault(FloatLane, lambda s: s.mantissa_3.eq(s.aligned_2), "element"),
    ),
    "zeros of blocks of zeros count": (
        parameters("e2m1"),
        Fault(FloatLane, lambda s: s.counts_1.eq(1), "zero_set"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert regress(p, blocks=600, seed=8).message == ""
    assert_caught(regress, "bfp_converter", p, fault, blocks=600, seed=8)
