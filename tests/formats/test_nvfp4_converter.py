"""The converter to NVFP4, with the scale of a tensor, in RTL and as a netlist against its model."""

from typing import Any

import numpy as np
import pytest

from hw.float.divider import SerialDivider
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from hw.formats.float_lane import FloatLane
from hw.formats.quantizer import Quantizer
from hw.formats.scaled_lane import ScaledLane
from hw.formats.tensor_scale import TensorScale
from hw.units import UNITS
from sim.bench import Stalls
from sim.formats.converter import regress, simulate
from sim.formats.edges import with_scaled_edges
from sw.formats import BINARY32, MxFormat
from sw.formats.converter import ConverterParameters, convert
from sw.formats.element import ELEMENTS
from sw.formats.scale import FloatScale
from sw.formats.stages import SCALE_CYCLES
from tests import bus

from ..clocked import drive
from ..faults import Fault, assert_caught

STALLS = Stalls(idle=0.3, back_pressure=0.5)


def parameters(
    element: str = "e2m1", *, lanes: int = 2, source: str = "binary32", **fields: Any
) -> ConverterParameters:
    """A converter to an element under a scale a tensor, in blocks of 4 unless told otherwise."""
    fields = {"block": (4,), **fields}
    form = MxFormat(element=ELEMENTS[element], scale=FloatScale(), **fields)
    return ConverterParameters(format=form, lanes=lanes, source=source)


STOCHASTIC = parameters(rounding="stochastic", lanes=4)
CASES = [
    parameters(),
    STOCHASTIC,
    parameters(rounding="truncate", source="bfloat16"),
    parameters(rounding="nearest_away", source="binary16", lanes=1),
    parameters(rounding="stochastic", source="bfloat16", random_bits=12, lanes=1),
]


@pytest.mark.parametrize("p", CASES, ids=lambda p: f"{p.format.rounding}-{p.lanes}-{p.source}")
def test_roundings_and_sources(p):
    assert regress(p, blocks=1000, seed=1).message == ""
    assert regress(p, blocks=300, seed=2, stalls=STALLS).message == ""


LEAST = 2688 * 2.0**-116
AMAX = [0, 1e-40, 2.0**-126, LEAST * (1 - 2.0**-24), LEAST, 1e-20, 1, 2688, 3e5, 3.4028235e38]


def test_the_largest_magnitude_of_a_tensor():
    """Of zeros and subnormals, below the least that counts, up to the largest of all."""
    p = parameters()
    for seed, amax in enumerate(AMAX):
        assert regress(p, blocks=100, seed=seed, amax=np.float32(amax)).message == ""
    # Blocks around it.
    for amax in (1e-30, 1.7e-4, 3.0, 5.9e19):
        amax = np.float32(amax)
        x = amax * np.random.default_rng(4).uniform(-1, 1, (300, 4)).astype(np.float32)
        x *= np.float32(2.0) ** -(np.arange(300, dtype=np.float32)[:, None] ** 0.5)
        (element, exponent, _), _ = simulate(p, x, amax=amax)
        expected = convert(p, x, amax=amax)
        assert np.array_equal(exponent, expected[1])
        assert np.array_equal(element, expected[0])


@pytest.mark.parametrize("element", ["e5m2", "int8"])
def test_other_elements(element):
    p = parameters(element, lanes=1)
    assert regress(p, blocks=1000, seed=5).message == ""
    assert regress(p, blocks=100, seed=6, amax=np.float32(3.4028235e38)).message == ""


def test_every_code_of_a_scale():
    p = parameters(block=(1,), lanes=1)
    amax = np.float32(5.3)
    top = np.geomspace(5.3 * 2.0**-20, 5.3, 2000).astype(np.float32)[:, None]
    special = np.array([[np.nan], [np.inf], [0], [3e38]], np.float32)
    assert isinstance(p.format, MxFormat)
    near = with_scaled_edges(np.random.default_rng(1), top, p.format, p.source, amax)
    top = np.concatenate([top, near, special])
    (element, exponent, _), _ = simulate(p, top, amax=amax)
    expected = convert(p, top, amax=amax)
    assert np.array_equal(exponent, expected[1])
    assert np.array_equal(element, expected[0])
    assert sorted(set(exponent.tolist())) == [*range(128)]


def test_published_values():
    """Scales and codes by a NumPy reading of TransformerEngine's reference quantizer."""
    p = ConverterParameters.make(preset="nvfp4", lanes=1)
    x = [0, 0.1, -0.25, 0.3, 0.5, -0.75, 1, 1.25, -1.75, 2.5, 3.4, -3.5, 5, 6.9, -7, 0.01]
    (element, exponent, _), _ = simulate(p, np.array([x], np.float32), amax=np.float32(8))
    assert exponent.tolist() == [0x7C]
    assert element.tolist() == [[0, 0, 8, 1, 1, 9, 2, 2, 0xB, 4, 5, 0xD, 6, 7, 0xF, 0]]
    (element, exponent, _), _ = simulate(p, np.arange(-4, 4, 0.5)[np.newaxis].astype(np.float32))
    assert exponent.tolist() == [0x7E]
    assert element.tolist() == [[0xF, 0xF, 0xE, 0xE, 0xD, 0xC, 0xB, 0xA, 0, 2, 3, 4, 5, 6, 6, 7]]


@pytest.mark.parametrize("p", [parameters(), STOCHASTIC], ids=["2", "4"])
def test_a_beat_a_cycle_and_the_documented_latency(p):
    latency = UNITS["bfp_converter"].top(p).latency
    # Of the wait, the maximum of the lanes, product, code and factor of a block, and of a lane.
    assert latency is not None
    assert latency == {2: 6 + 1, 4: 2 + 2}[p.lanes] + (8 + 3 + 1) + (8 + 3)
    x = np.random.default_rng(7).standard_normal((50, 4)).astype(np.float32)
    _, result = simulate(p, x)
    assert result.cycles == 50 * p.beats + p.beats - 1 + latency


def test_reset():
    """While the scale is sought, and while blocks are inside."""
    p = STOCHASTIC
    for cycles in (20, SCALE_CYCLES + 30):
        assert regress(p, blocks=40, seed=5, reset_after=cycles, stalls=STALLS).message == ""


def test_netlist():
    p = parameters(lanes=1)
    gates = netlist(generate("bfp_converter", p), "gates")
    assert regress(p, blocks=20, seed=6, engine="verilog", netlist=gates).message == ""


def test_the_largest_magnitude_is_locked_while_elements_are_there():
    async def bench(unit: bus.Bus) -> None:
        await unit.reset()
        assert await unit.write("amax", 0x40000000) == bus.OKAY
        unit.set("s_axis_tvalid", 1)
        await unit.tick()
        assert await unit.write("amax", 0x40800000) == bus.SLVERR
        while not unit.get("s_axis_tready"):
            await unit.tick()
        await unit.tick()
        unit.set("s_axis_tvalid", 0)
        assert await unit.write("amax", 0x40800000) == bus.SLVERR
        await unit.tick(60)
        assert await unit.read("status.busy") == 1
        unit.set("m_axis_tready", 1)
        await unit.tick(2)
        assert await unit.read("status.busy") == 0
        assert await unit.read("amax") == 0x40000000
        assert await unit.write("amax", 0x40800000) == bus.OKAY
        assert not unit.get("s_axis_tready")

    bus.simulate("bfp_converter", parameters(block=(1,), lanes=1), bench)


def test_tensors_one_after_the_other():
    """The cycles in which nothing is taken, after reset and a change, and a block of each."""
    p = parameters(block=(2,), lanes=2)
    dut = Quantizer(parameters=p)
    x = np.array([[0.3, -2.0]], np.float32)
    waits, found = [], []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.i.payload.data.value, x[0].view(np.uint32).tolist())
        for amax in (0, 0x40000000, 0x42280000, 0x42280000):
            ctx.set(dut.amax, amax)
            ctx.set(dut.i.valid, 1)
            cycles = 0
            while not ctx.get(dut.i.ready):
                await ctx.tick()
                cycles += 1
            waits.append(cycles)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            while not ctx.get(dut.o.valid):
                await ctx.tick()
            given = ctx.get(dut.o.payload.data)
            found.append((list(given.mantissa), given.exponent))
            await ctx.tick()

    drive(dut, bench)
    assert waits == [SCALE_CYCLES, SCALE_CYCLES, SCALE_CYCLES, 0]
    for amax, (element, code) in zip((0, 2, 42, 42), found, strict=True):
        expected = convert(p, x, amax=np.float32(amax))
        assert (element, code) == (expected[0][0].tolist(), expected[1][0])


def test_divider():
    """Significands of few bits and of many, of which some quotients are ties or end in ones."""
    dut = SerialDivider(format=BINARY32)
    rng = np.random.default_rng(8)
    fractions = [0, 1, 0x7FFFFF, 0x7FFFFE, 0x400000, 0x400001, *rng.integers(0, 1 << 23, 8)]
    pairs = [(a, b) for a in fractions for b in fractions]
    bits = (
        np.array(pairs, np.uint32) | rng.integers(90, 160, (len(pairs), 2)).astype(np.uint32) << 23
    )
    found = []

    async def bench(ctx: Any) -> None:
        for a, b in bits.tolist():
            ctx.set(dut.a, a)
            ctx.set(dut.b, b)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            await ctx.tick().repeat(dut.latency - 2)
            assert not ctx.get(dut.done)
            await ctx.tick()
            assert ctx.get(dut.done)
            found.append(ctx.get(dut.o))
            await ctx.tick()

    drive(dut, bench)
    values = bits.view(np.float32)
    assert found == (values[:, 0] / values[:, 1]).view(np.uint32).tolist()


FAULTS = {
    "a magnitude that changes nothing": Fault(TensorScale, lambda s: s.stale.eq(0), "element"),
    "factors of one significand": Fault(TensorScale, lambda s: s.divisor.eq(s.kept), "element"),
    "subnormal codes as normal ones": Fault(TensorScale, lambda s: s.binades[-1].eq(0), "element"),
    "a quotient cut short": Fault(SerialDivider, lambda s: s.quotient[0].eq(0), "element"),
    "what lies beyond is not brought to the largest": Fault(
        FloatLane, lambda s: s.exceeds_1.eq(0), "element|exponent"
    ),
    "a NaN block's elements": Fault(ScaledLane, lambda s: s.inner.block.nan.eq(0), "element"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    p = parameters()
    assert regress(p, blocks=600, seed=8).message == ""
    assert_caught(regress, "bfp_converter", p, FAULTS[name], blocks=600, seed=8)
