"""The generators in hardware against their model."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.lfsr import Xorshift
from sw.lfsr import random_words


@pytest.mark.parametrize(("lanes", "bits"), [(1, 32), (3, 8), (2, 1)])
def test_words(lanes, bits):
    dut = Xorshift(lanes=lanes, seed=2024, bits=bits)
    rng = np.random.default_rng(1)
    found = []

    async def bench(ctx):
        while len(found) < 200:
            en = bool(rng.integers(2))
            ctx.set(dut.en, en)
            if en:
                word = ctx.get(dut.o)
                found.append([word >> (lane * bits) & ((1 << bits) - 1) for lane in range(lanes)])
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    np.testing.assert_array_equal(found, random_words(beats=200, lanes=lanes, seed=2024, bits=bits))
