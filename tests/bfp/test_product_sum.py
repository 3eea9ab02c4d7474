"""The exact sum of a block's products in RTL: exhaustive where small, random where wide."""

import itertools

import numpy as np
import pytest

from hw.bfp.product_sum import ProductSum
from hw.flow.emit import emit
from sim.costs.clocked import Clocked
from sw.bfp.dot import DotParameters
from sw.formats import BfpFormat

from ..clocked import drive
from ..icarus import simulate

TARGETS = ["generic", "ecp5", "xilinx"]


def parameters(bits, symmetric, lanes, **fields):
    """Return parameters for magnitudes of ``bits``."""
    inside = bits < 24
    form = BfpFormat(
        mantissa_bits=bits + inside, sign_inside=inside, symmetric=symmetric, block=(lanes,)
    )
    return DotParameters(format=form, lanes=lanes, **fields)


def values(form, codes):
    """Return the integers that wire codes stand for."""
    codes = np.asarray(codes, dtype=object)
    low, top = codes & form.largest, codes >> form.magnitude_bits
    if form.symmetric:
        return np.where(top == 1, -low, low)
    return low - (top << form.magnitude_bits)


def pack(form, codes):
    """Join the codes of each row, lane 0 lowest."""
    places = np.array([1 << i * form.element_bits for i in range(codes.shape[1])], dtype=object)
    return codes.astype(object) @ places


def hardware(folder, p, a, b):
    """Return the sums of products of the rows of ``a`` and ``b``, wire codes."""
    top = Clocked(inner=ProductSum(parameters=p))
    size, bits = p.lanes * p.format.element_bits, p.product_sum_bits
    codes = simulate(
        folder,
        emit(top, "top").verilog,
        target=p.target,
        ports={"a": size, "b": size},
        output="sum",
        bits=bits,
        latency=top.inner.latency,
        beats=list(pack(p.format, a) | pack(p.format, b) << size),
    )
    return [code - (code >> bits - 1 << bits) for code in codes]


def model(p, a, b):
    return (values(p.format, a) * values(p.format, b)).sum(axis=1).tolist()


def random_codes(p, beats):
    """Return random codes; in the first beats only the extreme ones, zeros of both signs."""
    form = p.format
    rng = np.random.default_rng([form.magnitude_bits, p.lanes])
    codes = rng.integers(0, 1 << form.element_bits, (2, beats, p.lanes))
    ends = [0, form.largest, 1 << form.magnitude_bits, (1 << form.element_bits) - 1]
    codes[:, : beats // 4] = rng.choice(ends, (2, beats // 4, p.lanes))
    codes[:, : len(ends) ** 2] = np.array(list(itertools.product(ends, ends))).T[:, :, None]
    return codes


KINDS = [(t, "logic") for t in TARGETS] + [("generic", "dsp"), ("ecp5", "dsp")]


@pytest.mark.parametrize("target, multiplier", KINDS)
@pytest.mark.parametrize("bits, symmetric", [(1, True), (1, False), (2, True), (2, False)])
def test_exhaustive(tmp_path, bits, symmetric, target, multiplier):
    p = parameters(bits, symmetric, 2, target=target, multiplier=multiplier)
    every = np.arange(1 << 4 * p.format.element_bits)
    mask = (1 << p.format.element_bits) - 1
    a, b, c, d = (every >> i * p.format.element_bits & mask for i in range(4))
    left, right = np.stack([a, b], axis=1), np.stack([c, d], axis=1)
    assert hardware(tmp_path, p, left, right) == model(p, left, right)


SHAPES = [(3, 1), (3, 16), (4, 5), (5, 3), (7, 32), (8, 3), (16, 2), (24, 1)]


@pytest.mark.parametrize("target, multiplier", KINDS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits, lanes", SHAPES)
def test_random(tmp_path, bits, lanes, symmetric, target, multiplier):
    p = parameters(bits, symmetric, lanes, target=target, multiplier=multiplier)
    a, b = random_codes(p, 160)
    assert hardware(tmp_path, p, a, b) == model(p, a, b)


def test_wide_sum(tmp_path):
    p = parameters(1, True, 256)
    a, b = random_codes(p, 20)
    assert hardware(tmp_path, p, a, b) == model(p, a, b)


def test_clock_enable():
    """A cycle without ``en`` is as if it had not been."""
    p = parameters(2, True, 3)
    a, b = random_codes(p, 60)
    top = ProductSum(parameters=p)
    rng = np.random.default_rng(0)
    sums = []

    async def bench(ctx):
        for left, right in zip(pack(p.format, a), pack(p.format, b), strict=True):
            ctx.set(top.a, left)
            ctx.set(top.b, right)
            ctx.set(top.en, 1)
            await ctx.tick()
            sums.append(ctx.get(top.sum))
            ctx.set(top.a, 0)
            ctx.set(top.en, 0)
            await ctx.tick().repeat(int(rng.integers(1, 4)))

    drive(top, bench)
    late = top.latency - 1
    assert sums[late:] == model(p, a, b)[: len(sums) - late]
