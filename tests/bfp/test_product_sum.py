import itertools

import numpy as np
import pytest
from amaranth.back import verilog

from hw.bfp.product_sum import ProductSum
from sw.bfp.dot import DotParameters
from sw.formats import BlockFormat

from ..icarus import simulate

TARGETS = ["generic", "ecp5", "xilinx"]


def parameters(bits, symmetric, lanes, **fields):
    """Return parameters for magnitudes of ``bits``."""
    inside = bits < 24
    form = BlockFormat(
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
    top = ProductSum(parameters=p)
    size, bits = p.lanes * p.format.element_bits, p.product_sum_bits
    codes = simulate(
        folder,
        verilog.convert(top, name="top"),
        target=p.target,
        ports={"a": size, "b": size},
        output="sum",
        bits=bits,
        latency=top.latency,
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


@pytest.mark.parametrize("multiplier", ["logic", "dsp"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("bits, symmetric", [(1, True), (1, False), (2, True), (2, False)])
def test_exhaustive(tmp_path, bits, symmetric, target, multiplier):
    p = parameters(bits, symmetric, 2, target=target, multiplier=multiplier)
    every = np.arange(1 << 4 * p.format.element_bits)
    mask = (1 << p.format.element_bits) - 1
    a, b, c, d = (every >> i * p.format.element_bits & mask for i in range(4))
    left, right = np.stack([a, b], axis=1), np.stack([c, d], axis=1)
    assert hardware(tmp_path, p, left, right) == model(p, left, right)


SHAPES = [(3, 16), (3, 7), (4, 5), (5, 3), (7, 32), (7, 1), (8, 3), (11, 2), (16, 6), (24, 2)]


@pytest.mark.parametrize("multiplier", ["logic", "dsp"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("bits, lanes", SHAPES)
def test_random(tmp_path, bits, lanes, symmetric, target, multiplier):
    p = parameters(bits, symmetric, lanes, target=target, multiplier=multiplier)
    a, b = random_codes(p, 400)
    assert hardware(tmp_path, p, a, b) == model(p, a, b)
