"""The binary32 adder and the rounding of integers by themselves, in Amaranth's simulator."""

import numpy as np
import pytest

from hw.float.add import Adder
from hw.float.from_integer import FromInteger
from sw.formats import BFLOAT16, binary32
from sw.formats.binary32 import ADDER_LATENCY
from tests.stimuli import pairs

from .clocked import drive

EXPONENT_BITS = 11


def simulate(dut, inputs, *, enable=1.0, seed=0):
    """Return ``o`` for each row of inputs; ``en`` is high in a share ``enable`` of the cycles."""
    count = len(next(iter(inputs.values())))
    rng = np.random.default_rng(seed)
    columns = {name: values.tolist() for name, values in inputs.items()}
    found = []

    async def bench(ctx):
        beat = 0
        while len(found) < count:
            en = rng.random() < enable
            ctx.set(dut.en, en)
            # What stands at the inputs while the clock is disabled must not matter.
            row = beat if en and beat < count else 0
            for name, column in columns.items():
                ctx.set(getattr(dut, name), column[row])
            if en and beat >= dut.latency:
                found.append(ctx.get(dut.o))
            beat += en
            await ctx.tick()

    drive(dut, bench)
    return np.array(found, np.uint32)


def integers(width, count, seed):
    """Integers of every length, halfway cases among them, near both ends of binary32 and within."""
    rng = np.random.default_rng(seed)
    least, most = -(1 << (width - 1)), (1 << (width - 1)) - 1
    length = rng.integers(0, width, count)
    q = rng.integers(0, 1 << 62, count) & ((np.int64(1) << length) - 1)
    half = np.int64(1) << np.maximum(length - 25, 0)
    q = np.where(rng.random(count) < 0.3, q & ~(half - 1) | half, q)
    q = np.where(rng.random(count) < 0.5, -q, q)
    q = np.where(rng.random(count) < 0.1, -(np.int64(1) << np.maximum(length - 1, 0)), q)
    q = np.clip(q, least, most)
    q[:4] = 0, -1, least, most
    edge = np.where(rng.random(count) < 0.5, -126, 128) - length + rng.integers(-2, 4, count)
    exponent = np.where(rng.random(count) < 0.6, edge, rng.integers(-1024, 1024, count))
    return {"mantissa": q, "exponent": exponent, "nan": rng.random(count) < 0.02}


def test_adder():
    x, y = pairs(3000, seed=1)
    found = simulate(Adder(), {"a": x.view(np.uint32), "b": y.view(np.uint32)})
    expected = binary32.add(x, y).view(np.uint32)
    np.testing.assert_array_equal(found, expected)
    assert Adder.latency == ADDER_LATENCY


def test_adder_stops_with_its_clock_enable():
    x, y = pairs(200, seed=2)
    inputs = {"a": x.view(np.uint32), "b": y.view(np.uint32)}
    found = simulate(Adder(), inputs, enable=0.4)
    np.testing.assert_array_equal(found, binary32.add(x, y).view(np.uint32))


def test_a_planted_fault_is_caught():
    # Halfway cases away from zero; the pairs must hold some.
    x, y = pairs(3000, seed=1)
    expected = binary32.add(x, y)
    with np.errstate(all="ignore"):
        exact = x.astype(np.float64) + y.astype(np.float64)
        away = np.nextafter(expected, np.copysign(np.float32(np.inf), expected))
        half = np.abs(exact - expected) == np.abs(exact - away)
    wrong = np.where(half & np.isfinite(away), away, expected).view(np.uint32)
    found = simulate(Adder(), {"a": x.view(np.uint32), "b": y.view(np.uint32)})
    assert (found != wrong).sum() > 10


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("width", [1, 2, 13, 24, 25, 26, 39, 62])
def test_rounding_of_integers(width, apart):
    inputs = integers(width, 600, seed=width)
    expected = binary32.from_integer(inputs["mantissa"], inputs["exponent"], inputs["nan"])
    dut = FromInteger(width=width, exponent_bits=EXPONENT_BITS, extra_stage=apart)
    np.testing.assert_array_equal(simulate(dut, inputs), expected.view(np.uint32))


@pytest.mark.parametrize("width", [5, 9, 10, 34])
def test_rounding_of_integers_to_bfloat16(width):
    inputs = integers(width, 600, seed=width)
    inputs["exponent"] = np.clip(inputs["exponent"], -900, 900)
    exact = np.ldexp(inputs["mantissa"].astype(np.float64), inputs["exponent"])
    exact = np.where(inputs["nan"], np.nan, exact)
    expected = binary32.to_bits(binary32.narrowed(exact, BFLOAT16), BFLOAT16)
    dut = FromInteger(width=width, exponent_bits=EXPONENT_BITS, format=BFLOAT16)
    np.testing.assert_array_equal(simulate(dut, inputs), expected)


@pytest.mark.parametrize("apart", [False, True])
def test_rounding_of_integers_stops_with_its_clock_enable(apart):
    inputs = integers(30, 200, seed=3)
    expected = binary32.from_integer(inputs["mantissa"], inputs["exponent"], inputs["nan"])
    dut = FromInteger(width=30, exponent_bits=EXPONENT_BITS, extra_stage=apart)
    np.testing.assert_array_equal(simulate(dut, inputs, enable=0.5), expected.view(np.uint32))
