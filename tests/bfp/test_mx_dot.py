"""Dot products of small floats in RTL: every pair of codes, every scale, stalls, netlists."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from hw.bfp.mx_product_sum import MxProductSum
from hw.bfp.value import BlockValue
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.units import UNITS
from sim.bench import Stalls
from sim.bfp.dot import regress, simulate
from sw.bfp.dot import DotParameters, dot
from sw.formats import MxFormat
from sw.formats.blocks import Blocks
from sw.formats.presets import MX_FORMATS
from tests.bfp import floats

from ..faults import Fault, assert_caught

STALLS = Stalls(idle=0.3, back_pressure=0.5)


def short(name: str, block: int = 2, **fields: Any) -> DotParameters:
    """Return parameters of a format with short blocks."""
    lanes = fields.pop("lanes", block)
    form = dataclasses.replace(MX_FORMATS[name], name=f"{name}_short", block=(block,))
    return DotParameters(format=form, lanes=lanes, **fields)


def pairs(count: int) -> np.ndarray:
    """Return all pairs of codes, a column each."""
    return np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2).T


def blocks(format: MxFormat, code: np.ndarray, scale: np.ndarray) -> Blocks:
    amax = np.float32(1) if format.has_tensor_scale else None
    return Blocks(code=code, exponent=scale, format=format, axis=1, amax=amax)


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("mxfp4", "e2m1"),
        ("mxfp6_e2m3", "e2m3"),
        ("mxfp6_e3m2", "e3m2"),
        ("mxfp8_e4m3", "e4m3"),
        ("mxfp8_e5m2", "e5m2"),
    ],
)
def test_every_product(name, element):
    """Each alone: the value of a product of two codes, those that are no numbers among them."""
    p = short(name, 1)
    form: Any = p.format
    a, b = pairs(1 << form.element_bits)
    one = np.full((len(a), 1), 127)
    values, _ = simulate(p, blocks(form, a[:, None], one), blocks(form, b[:, None], one))
    known = np.array([float(floats.value(element, c)) for c in range(1 << form.element_bits)])
    np.testing.assert_array_equal(values.ravel(), (known[a] * known[b]).astype(np.float32) + 0)


@pytest.mark.parametrize("name", ["mxfp4", "nvfp4"])
def test_every_pair_of_scales(name):
    """With the elements 6 * 6 and, where scales are UE4M3, their unused top bit."""
    p = short(name, 1)
    form: Any = p.format
    a, b = pairs(form.nan_code + 1)
    element = np.full((len(a), 1), 7)
    values, result = simulate(
        p, blocks(form, element, a[:, None]), blocks(form, element, b[:, None])
    )
    scales = [
        floats.scale_value(code, unsigned_float=name == "nvfp4")
        for code in range(form.nan_code + 1)
    ]
    known = np.array([np.nan if s is None else float(s) for s in scales])
    with np.errstate(over="ignore", under="ignore"):
        expected = (36 * known[a] * known[b]).astype(np.float32)
    expected = np.where(np.abs(expected) < np.float32(2.0**-126), np.float32(0), expected)
    np.testing.assert_array_equal(values.ravel(), expected)
    assert result.registers["status.nan"] == 1


@pytest.mark.parametrize("name", MX_FORMATS)
def test_every_preset(name):
    p = DotParameters.make(preset=name, lanes=4)
    assert regress(p, blocks=300, seed=1).message == ""
    assert regress(p, blocks=60, seed=2, stalls=STALLS, reset_after=60).message == ""


CASES = [
    short("mxfp8_e4m3", 5, window=20, target="xilinx"),
    short("mxfp8_e4m3", 3, window=8),
    short("mxfp8_e4m3", 2, window=36, lanes=1),
    short("mxfp8_e5m2", 4, window=6, lanes=2, target="ecp5"),
    short("nvfp4", 4, lanes=2, target="xilinx"),
    DotParameters(
        format={
            "element": {"exponent_bits": 1, "fraction_bits": 5},
            "scale": {"rule": "even"},
            "block": 6,
        },  # pyright: ignore[reportArgumentType]
        lanes=3,
        target="xilinx",
    ),
    DotParameters(
        format={"element": "int8", "scale": "ue4m3", "block": 4},  # pyright: ignore[reportArgumentType]
        lanes=2,
        multiplier="dsp",
        target="ecp5",
    ),
]


@pytest.mark.parametrize("p", CASES, ids=lambda p: f"{p.format.name}-{p.window}-{p.target}")
def test_other_shapes(p):
    assert regress(p, blocks=200, seed=3).message == ""


@pytest.mark.parametrize(
    "p",
    [short("nvfp4"), short("mxfp6_e2m3", window=9)],
    ids=["nvfp4", "mxfp6_e2m3"],
)
def test_netlist(p):
    gates = netlist(generate("bfp_dot", p), "gates")
    assert regress(p, blocks=100, seed=5, stalls=STALLS, netlist=gates).message == ""


@pytest.mark.parametrize(
    ("name", "fields"),
    [("nvfp4", {"lanes": 2}), ("mxfp8_e4m3", {"lanes": 4, "window": 20})],
)
def test_the_documented_latency(name, fields):
    p = DotParameters.make(preset=name, **fields)
    latency = UNITS["bfp_dot"].top(p).latency
    assert latency is not None
    form: Any = p.format
    x = blocks(form, np.ones((20, form.reduction), int), np.full((20, 1), 56))
    values, result = simulate(p, x, x)
    assert result.cycles == 20 * p.beats + latency
    np.testing.assert_array_equal(values, dot(p, x, x))


FAULTS = {
    "a code that is no number": (
        short("mxfp8_e5m2"),
        Fault(MxProductSum, lambda s: s.counts_0.eq(1), "values"),
    ),
    "the largest exponent": (
        short("mxfp8_e4m3", window=12),
        Fault(MxProductSum, lambda s: s.larger_0_0.eq(s.field_0[2:]), "values"),
    ),
    "a sign": (short("mxfp6_e2m3"), Fault(MxProductSum, lambda s: s.negative_1.eq(0), "values")),
    "a significand of a scale": (
        short("nvfp4"),
        Fault(BlockValue, lambda s: s.significand_b.eq(8), "values"),
    ),
    "the exponent of a subnormal scale": (
        short("nvfp4"),
        Fault(
            BlockValue,
            lambda s: s.exponent.eq(s.exponent_a[3:-1] + s.exponent_b[3:-1] - 20),
            "values",
        ),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p, fault = FAULTS[name]
    assert regress(p, blocks=200, seed=8).message == ""
    assert_caught(regress, "bfp_dot", p, fault, blocks=200, seed=8)
