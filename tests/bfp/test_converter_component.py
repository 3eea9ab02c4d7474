"""The converter by itself, in Amaranth's simulator: numbers, order, stalls, pace."""

import dataclasses

import numpy as np
import pytest

from hw.bfp.dot import DotUnit
from hw.formats.converter import ConverterUnit
from hw.formats.maximum import Maximum
from hw.formats.quantizer import Quantizer
from sw.bfp.dot import DotParameters
from sw.formats import BLOCK_FORMATS, FLOAT_FORMATS, binary32
from sw.formats.converter import ConverterParameters, convert
from sw.words import Words
from tests import stimuli

from ..clocked import drive


def parameters(preset, *, lanes, source="binary32", **fields):
    form = dataclasses.replace(BLOCK_FORMATS[preset], **fields)
    return ConverterParameters(format=form, lanes=lanes, source=source, seed=9)


def values(p, count, seed):
    """Blocks of every kind whose values ``p.source`` holds."""
    x = stimuli.blocks(count, p.format.block_elements, seed)
    if p.source == "binary32":
        return x
    with np.errstate(all="ignore"):
        if p.source == "binary16":
            return x.astype(np.float16).astype(np.float32)
        return (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def simulate(p, x, *, idle=0.0, stall=0.0, seed=0):
    """Return codes, exponents, zero-set flags and ``last`` of each beat, and cycles taken."""
    dut = Quantizer(parameters=p)
    rows = binary32.to_bits(x, FLOAT_FORMATS[p.source]).reshape(-1, p.lanes).tolist()
    rng = np.random.default_rng(seed)
    found, cycles = [], 0

    async def give(ctx):
        for beat, row in enumerate(rows):
            while rng.random() < idle:
                await ctx.tick()
            ctx.set(dut.i.payload, {"data": {"value": row}, "last": int(beat % 3 == 0)})
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def take(ctx):
        nonlocal cycles
        while len(found) < len(rows):
            ready = rng.random() >= stall
            ctx.set(dut.o.ready, ready)
            _, _, valid, out = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            cycles += 1
            assert cycles < 1000 + 20 * len(rows), f"stopped after {len(found)} beats"
            if valid and ready:
                beat = out.data
                found.append((list(beat.mantissa), beat.exponent, list(beat.zero_set), out.last))

    drive(dut, give, take)
    codes, exponents, flags, last = (np.array(column) for column in zip(*found, strict=True))
    return codes, exponents, flags, last, cycles


def check(p, x, **stalls):
    """Compare with the model and return the cycles."""
    codes, exponents, flags, last, cycles = simulate(p, x, **stalls)
    elements, scales, zero_set = convert(p, x)
    np.testing.assert_array_equal(codes, elements.reshape(codes.shape))
    np.testing.assert_array_equal(exponents, np.repeat(scales, p.beats))
    np.testing.assert_array_equal(flags, zero_set.reshape(flags.shape))
    np.testing.assert_array_equal(last, np.arange(len(codes)) % 3 == 0)
    return cycles


CASES = [
    parameters("mxint8", lanes=8),
    parameters("mxint8", lanes=2, symmetric=False, source="bfloat16"),
    parameters("mxint8", lanes=4, exponent_bits=4),
    parameters("mxint8", lanes=8, exponent_rule="ceil"),
    parameters("fb12", lanes=9),
    parameters("fb24_sign_inside", lanes=6),
    parameters("fb16", lanes=4, exponent_rule="ceil", symmetric=False),
    parameters("hbfp4", lanes=2),
    parameters("hbfp8", lanes=8, source="binary16"),
    parameters("hbfp6_8x8", lanes=16, symmetric=False),
    parameters("hbfp12", lanes=1, block=(4,)),
    parameters("mxint8", lanes=4, rounding="nearest_away"),
    parameters("hbfp6", lanes=4, twos_complement=True),
    parameters("fb12", lanes=9, rounding="nearest_away", block=(1, 2, 3, 3)),
    parameters("msfp12", lanes=16),
    parameters("hbfp6", lanes=5, block=(5,), source="bfloat16"),
]


@pytest.mark.parametrize("p", CASES, ids=lambda p: f"{p.format.name}-{p.lanes}-{p.source}")
def test_numbers_and_stalls(p):
    x = values(p, 26, seed=1)
    check(p, x)
    check(p, x[:13], idle=0.3, stall=0.4)


@pytest.mark.parametrize("lanes", [1, 2, 8, 16])
def test_a_beat_a_cycle(lanes):
    p = parameters("msfp16", lanes=lanes)
    cycles = check(p, values(p, 20, seed=2))
    latency = Quantizer(parameters=p).latency
    assert cycles == 21 * p.beats - 1 + latency, (cycles, latency)


def test_a_planted_fault_is_caught():
    p = parameters("hbfp4", lanes=2)
    with pytest.raises(AssertionError):
        x = values(p, 10, seed=3)
        codes, *_ = simulate(p.replace(seed=10), x)
        np.testing.assert_array_equal(codes, convert(p, x)[0].reshape(-1, 2))


@pytest.mark.parametrize("unit", ["converter", "dot"])
@pytest.mark.parametrize("left", [8, 16, 96, 104])
def test_the_end_of_the_random_words_is_told(unit, left, monkeypatch):
    """Once, by the beat that has the last ones, of 96 elements in twelve blocks."""
    stream = Words(key=1, first=2**34 - left)
    format = dataclasses.replace(BLOCK_FORMATS["hbfp6"], block=(8,))
    if unit == "converter":
        monkeypatch.setattr(ConverterParameters, "stream", stream)
        dut = ConverterUnit(parameters=ConverterParameters(format=format, lanes=8))
        inputs = [dut.i]
    else:
        monkeypatch.setattr(DotParameters, "streams", (stream, stream))
        p = DotParameters(format=format, lanes=8, operands="binary32")
        dut = DotUnit(parameters=p)
        inputs = [dut.i_a, dut.i_b]
    ends = []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for cycle in range(60):
            for port in inputs:
                ctx.set(port.valid, cycle < 12)
            ends.append(ctx.get(dut.flags.exhausted))
            assert not ctx.get(dut.flags.restarted)
            await ctx.tick()

    drive(dut, bench)
    assert sum(ends) == (left <= 96)


@pytest.mark.parametrize("lanes", [2, 8])
def test_a_restart_is_told_while_elements_are_inside(lanes):
    """While beats are taken, while they wait, until the last is given; neither before nor after."""
    format = dataclasses.replace(BLOCK_FORMATS["hbfp6"], block=(8,))
    dut = ConverterUnit(parameters=ConverterParameters(format=format, lanes=lanes))
    beats = 8 // lanes
    told = []

    async def restart(ctx):
        ctx.set(dut.restart, 1)
        await ctx.delay(1e-9)
        told.append(ctx.get(dut.flags.restarted))
        await ctx.tick()
        ctx.set(dut.restart, 0)

    async def bench(ctx):
        await restart(ctx)
        ctx.set(dut.i.valid, 1)
        await restart(ctx)
        for _ in range(beats - 1):
            await ctx.tick()
        ctx.set(dut.i.valid, 0)
        await restart(ctx)
        await ctx.tick().repeat(30)
        await restart(ctx)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(beats)
        assert not ctx.get(dut.o.valid)
        await restart(ctx)

    drive(dut, bench)
    assert told == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("count", [2, 3, 6, 7])
def test_maximum(count):
    dut = Maximum(count=count, width=3)
    rows = np.random.default_rng(count).integers(0, 8, (200, count))
    found = []

    async def bench(ctx):
        ctx.set(dut.en, 1)
        for row in [*rows.tolist(), *[[0] * count] * dut.latency]:
            ctx.set(dut.i, sum(v << (3 * n) for n, v in enumerate(row)))
            found.append(ctx.get(dut.o))
            await ctx.tick()

    drive(dut, bench)
    np.testing.assert_array_equal(found[dut.latency :], rows.max(1))
