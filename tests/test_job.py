"""The job port of an engine without AXI: a descriptor and a start in, results and done out."""

import numpy as np
from amaranth.sim import Simulator

from hw.bfp.array import MacArray
from sim.compare import assert_equal
from sim.formats.elements import encode
from sw.bfp.array import matmul
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize

from .small import ARRAY as P


def _beats(blocks: Blocks, axis: int, side: int) -> list[list[dict[str, list[int]]]]:
    """Return the fields of the beats of each tile of rows, or of columns."""
    mantissa, codes = blocks.mantissa, blocks.codes(axis)
    if axis:
        mantissa, codes = mantissa.T, codes.T
    elements = encode(mantissa, P.format)
    return [
        [
            {
                "mantissa": elements[lines, k : k + P.lanes].ravel().tolist(),
                "exponent": codes[lines, k // P.format.reduction].tolist(),
            }
            for k in range(0, elements.shape[1], P.lanes)
        ]
        for lines in (slice(i, i + side) for i in range(0, len(elements), side))
    ]


async def _start(ctx, core, **sizes: int) -> bool:
    """Start a job; return whether it is refused."""
    ctx.set(core.job, sizes)
    ctx.set(core.start, 1)
    await ctx.delay(0)
    refused = bool(ctx.get(core.flags.refused))
    await ctx.tick()
    ctx.set(core.start, 0)
    return refused


async def _give(ctx, port, beats: list[dict[str, list[int]]]) -> None:
    """Give beats, one a cycle if they are accepted."""
    ctx.set(port.valid, 1)
    for beat in beats:
        ctx.set(port.payload.data, beat)
        await ctx.tick().until(port.ready)
    ctx.set(port.valid, 0)


def test_a_job_by_its_descriptor():
    rng = np.random.default_rng(1)
    m, n, k = 2 * P.rows, 2 * P.columns, 3 * P.format.reduction
    x, y = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    words = (rng.integers(0, 1 << P.format.random_bits, each.shape) for each in (x, y))
    a = quantize(x, P.format, axis=1, random=next(words))
    b = quantize(y, P.format, axis=0, random=next(words))
    down, across = _beats(a, 0, P.rows), _beats(b, 1, P.columns)
    core = MacArray(parameters=P)
    rows: list[list[int]] = []
    stamps: list[int] = []

    async def operand_a(ctx):
        await _give(ctx, core.i_a, [beat for tile in down for _ in across for beat in tile])

    async def operand_b(ctx):
        await _give(ctx, core.i_b, [beat for _ in down for tile in across for beat in tile])

    async def bench(ctx):
        ctx.set(core.o.ready, 1)
        assert await _start(ctx, core, tile_rows=0, tile_columns=1, blocks=1)
        assert not ctx.get(core.busy)
        assert not await _start(ctx, core, tile_rows=2, tile_columns=2, blocks=3)
        assert ctx.get(core.busy)
        for cycle in range(500):
            if ctx.get(core.i_a.valid) and ctx.get(core.i_a.ready) and not stamps:
                stamps.append(cycle)
            if ctx.get(core.o.valid):
                rows.append([ctx.get(word) for word in core.o.payload.data.result])
                assert ctx.get(core.done) == ctx.get(core.o.payload.last)
            if ctx.get(core.done):
                stamps.append(cycle)
                break
            await ctx.tick()
        await ctx.tick()
        assert not ctx.get(core.busy)

    simulator = Simulator(core)
    simulator.add_clock(1e-8)
    for each in (operand_a, operand_b):
        simulator.add_testbench(each, background=True)
    simulator.add_testbench(bench)
    simulator.run()

    found = np.array(rows, np.uint32).view(np.float32).reshape(2, 2, P.rows, P.columns)
    assert_equal(found.swapaxes(1, 2).reshape(m, n), matmul(P, a, b))
    first, done = stamps
    assert done - first + 1 == P.cycles(m, n, k) == 4 * 6 + P.timing.latency + P.rows - 1
