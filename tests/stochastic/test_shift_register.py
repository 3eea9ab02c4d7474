"""The shift register in Amaranth's simulator against its model."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.stochastic.lfsr import ShiftRegisters
from sw.stochastic.lfsr import FORMS, Lfsr

CASES = [(width, stride) for width in (8, 24, 32) for stride in (1, 2, width, 100)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("width", "stride"), [*CASES, (17, 17), (8, 255)])
def test_states(form, width, stride):
    lfsr = Lfsr(width=width, form=form)
    starts = lfsr.jump(1, 12345), 1
    dut = ShiftRegisters(lfsr=lfsr, starts=starts, stride=stride)
    rng = np.random.default_rng(1)
    found, steps = [], []

    async def bench(ctx):
        step = 0
        while len(found) < 100:
            en = int(rng.integers(2))
            ctx.set(dut.en, en)
            found.append(ctx.get(dut.o))
            steps.append(step)
            await ctx.tick()
            step += en

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    # Step by step, not by the matrices that the circuit is made of.
    wanted: list[tuple[int, ...]] = [starts]
    for _ in range(steps[-1]):
        states = list(wanted[-1])
        for _ in range(stride):
            states = [lfsr.step(state) for state in states]
        wanted.append(tuple(states))
    assert found == [wanted[step][0] | wanted[step][1] << width for step in steps]
