"""Steps of the shift register in Amaranth's simulator against its model."""

import numpy as np
import pytest

from hw.flow.emit import emit
from hw.stochastic.lfsr import Steps
from sw.stochastic.lfsr import FORMS, TAPS, Lfsr

from ..clocked import drive

SOME = [(width, stride) for width in (8, 24, 32) for stride in (1, 2, width, 100)]
ALL = [(width, 1) for width in TAPS if width not in (8, 24, 32)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("width", "stride"), [*SOME, *ALL, (8, 255), (17, 136)])
def test_states(form, width, stride):
    lfsr = Lfsr(width=width, form=form)
    dut = Steps(lfsr=lfsr, stride=stride)
    found, wanted = [], [int(np.random.default_rng(width).integers(1, 1 << width))]
    # Step by step, not by the matrices that the circuit is made of.
    for step in range(50 * stride):
        wanted.append(lfsr.step(wanted[step]))

    async def bench(ctx):
        ctx.set(dut.i, wanted[0])
        for _ in range(50):
            found.append(ctx.get(dut.o))
            ctx.set(dut.i, found[-1])

    drive(dut, bench)
    assert found == wanted[stride::stride]


def test_parities_are_shared():
    # 122 of two values each; row by row they would be 279.
    verilog = emit(Steps(lfsr=Lfsr(width=24), stride=8 * 29), "steps").verilog
    assert verilog.count("^") == 122
