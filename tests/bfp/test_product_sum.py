import numpy as np
import pytest
from amaranth.sim import Simulator

from hw.bfp.product_sum import ProductSum
from sw.bfp.dot import DotParameters
from sw.formats import BlockFormat


def parameters(bits, symmetric, lanes, **fields):
    inside = bits < 24
    form = BlockFormat(
        mantissa_bits=bits + inside, sign_inside=inside, symmetric=symmetric, block=(lanes,)
    )
    return DotParameters(format=form, lanes=lanes, **fields)


def values(form, codes):
    """Return the integers that wire codes stand for."""
    codes = np.asarray(codes, dtype=np.int64)
    low, top = codes & form.largest, codes >> form.magnitude_bits
    if form.symmetric:
        return np.where(top == 1, -low, low)
    return low - (top << form.magnitude_bits)


def pack(form, codes):
    return sum(int(c) << (i * form.element_bits) for i, c in enumerate(codes))


def simulate(p, a, b):
    dut = ProductSum(parameters=p)
    sums = []

    async def bench(ctx):
        ctx.set(dut.en, 1)
        for beat in range(len(a) + dut.latency):
            if beat < len(a):
                ctx.set(dut.a, pack(p.format, a[beat]))
                ctx.set(dut.b, pack(p.format, b[beat]))
            if beat >= dut.latency:
                sums.append(ctx.get(dut.sum))
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-8)
    sim.add_testbench(bench)
    sim.run()
    return sums


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits, lanes", [(1, 1), (3, 7), (7, 16), (16, 3)])
def test_random(bits, lanes, symmetric):
    p = parameters(bits, symmetric, lanes)
    rng = np.random.default_rng(bits * lanes)
    a, b = rng.integers(0, 1 << p.format.element_bits, (2, 50, lanes))
    expected = (values(p.format, a) * values(p.format, b)).sum(axis=1)
    assert simulate(p, a, b) == expected.tolist()
