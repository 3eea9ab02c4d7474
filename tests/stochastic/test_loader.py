"""The collector of vectors in Amaranth's simulator: order, pace and ends of packets."""

import numpy as np
import pytest

from hw.stochastic.loader import Loader

VECTORS = 30


@pytest.mark.parametrize(
    ("lanes", "elements", "period"),
    [(1, 4, 4), (2, 4, 2), (4, 4, 1), (1, 3, 3), (1, 4, 5), (4, 4, 2)],
)
@pytest.mark.parametrize(("idle", "busy"), [(0, 0), (0.4, 0), (0, 0.8), (0.4, 0.5)])
def test_vectors(lanes, elements, period, idle, busy):
    dut = Loader(elements=elements, lanes=lanes, width=5, exponent_bits=8, period=period)
    beats = elements // lanes
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 1 << 5 * lanes, (VECTORS, beats)).tolist()
    codes = rng.integers(0, 256, VECTORS).tolist()
    ends = rng.integers(0, 2, (VECTORS, beats)).astype(bool).tolist()
    found, told, cycles = [], 0, 0

    async def drive(ctx):
        for row, code, end in zip(rows, codes, ends, strict=True):
            for mantissa, last in zip(row, end, strict=True):
                while rng.random() < idle:
                    await ctx.tick()
                ctx.set(dut.i.payload, {"mantissa": mantissa, "exponent": code, "last": last})
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)

    async def take(ctx):
        nonlocal told, cycles
        while len(found) < VECTORS:
            full = ctx.get(dut.full)
            taken = full and rng.random() >= busy
            ctx.set(dut.take, taken)
            if taken:
                found.append([ctx.get(each) for each in (dut.vector, dut.exponent, dut.last)])
            told += ctx.get(dut.early)
            cycles += 1
            assert cycles < 100 * VECTORS
            await ctx.tick()

    drive(dut, drive, take)
    vectors = [sum(q << 5 * lanes * i for i, q in enumerate(row)) for row in rows]
    wanted = [[*each] for each in zip(vectors, codes, (end[-1] for end in ends), strict=True)]
    assert found == wanted
    assert told == sum(sum(end[:-1]) for end in ends)
    if not idle and not busy:
        assert cycles == 1 + beats + (VECTORS - 1) * period
