"""The collector of vectors in Amaranth's simulator: order, pace and ends of packets."""

import numpy as np
import pytest

from hw.formats.operand import operand_packet
from hw.stochastic.loader import Loader
from sw.formats import BfpFormat

from ..clocked import drive

VECTORS = 30
FORMAT = BfpFormat(mantissa_bits=4, sign_inside=False, block=(4,))


@pytest.mark.parametrize(
    ("lanes", "elements", "period"),
    [(1, 4, 4), (2, 4, 2), (4, 4, 1), (1, 3, 3), (1, 4, 5), (4, 4, 2)],
)
@pytest.mark.parametrize(("idle", "busy"), [(0, 0), (0.4, 0), (0, 0.8), (0.4, 0.5)])
def test_vectors(lanes, elements, period, idle, busy):
    packet = operand_packet(FORMAT, lanes)
    dut = Loader(packet=packet, elements=elements, period=period)
    beats = elements // lanes
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 1 << FORMAT.element_bits, (VECTORS, beats, lanes)).tolist()
    codes = rng.integers(0, 256, VECTORS).tolist()
    ends = rng.integers(0, 2, (VECTORS, beats)).astype(bool).tolist()
    found = []
    errors = cycles = 0

    async def give(ctx):
        for row, code, end in zip(rows, codes, ends, strict=True):
            for mantissa, last in zip(row, end, strict=True):
                while rng.random() < idle:
                    await ctx.tick()
                beat = {"data": {"mantissa": mantissa, "exponent": code}, "last": last}
                ctx.set(dut.i.payload, beat)
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)

    async def accept(ctx):
        nonlocal errors, cycles
        while len(found) < VECTORS:
            ready = rng.random() >= busy
            ctx.set(dut.o.ready, ready)
            if ready and ctx.get(dut.o.valid):
                vector = ctx.get(dut.o.payload)
                elements = [element.as_bits() for element in vector.elements]
                found.append([elements, vector.exponent, vector.last])
            errors += ctx.get(dut.framing)
            cycles += 1
            assert cycles < 100 * VECTORS
            await ctx.tick()

    drive(dut, give, accept)
    vectors = [sum(row, []) for row in rows]
    wanted = [[*each] for each in zip(vectors, codes, (end[-1] for end in ends), strict=True)]
    assert found == wanted
    assert errors == sum(sum(end[:-1]) for end in ends)
    if not idle and not busy:
        assert cycles == 1 + beats + (VECTORS - 1) * period
