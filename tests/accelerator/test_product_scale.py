"""Factors of products by whole numbers, and products by them against the array's model."""

import copy
import dataclasses
from fractions import Fraction

import numpy as np
import pytest

from hw.accelerator.ports import CAUSES
from hw.accelerator.product import ProductEngine
from hw.accelerator.product_scale import ProductScale, least_dividend
from sw.accelerator.coding import encode
from sw.bfp.array import matmul
from sw.formats import MxFormat, read_format
from sw.formats.quantize import quantize
from sw.formats.tensor_scale import full_scale

from ..clocked import drive
from ..faults import Fault, planted
from .engine_bench import random_scratchpad, same
from .tensor_scales import (
    INFINITY,
    NEAREST,
    QUIET,
    assert_address_error,
    base,
    factor,
    interpreted,
    largest,
    value,
)
from .test_product_engine import put_panel, run

ONE = 0x3F800000
FACTORS = [
    (0x45280000, 0x45280000, ONE),  # of 2688 twice
    (0x40C00000, 0xC0C00000, 0x36A72F05),  # 36 / 2688**2 = 1 / 448**2
    (0x7F7FFFFF, 0x7F7FFFFF, INFINITY),
    (0, 0x7F7FFFFF, 0),
    (0x007FFFFF, ONE, 0),
    (INFINITY, ONE, INFINITY),
    (INFINITY, 0, QUIET),
    (ONE, 0xFF800001, QUIET),
    # The first counts as 2688 * 2**-116, so times 2688 * 2**106 it is 2**-10.
    (0x00800000, 0x7A280000, 0x3A800000),
    # Quotients around the least normal number, of 441 * 2**-112.
    (0x0BDC8000, ONE, 0x00800000),
    (0x0BDC7FFF, ONE, 0),
    (0x0BDC8001, ONE, 0x00800001),
]


def test_factors_literally():
    for a, b, expected in FACTORS:
        assert factor(a, b) == expected, f"{a:08x} {b:08x}"


@pytest.mark.parametrize("element", ["e2m1", "e2m3", "e3m2", "e4m3", "e5m2"])
def test_no_quotient_is_rounded_up_to_the_least_normal_number(element):
    """Else it would be another with the exponents of subnormal numbers than without bounds."""
    form = read_format(f"nvfp4:element={element}")
    assert isinstance(form, MxFormat)
    full = full_scale(form)
    square = value(int((full * full).view(np.uint32)))
    assert value(least_dividend(full * full)) / square >= Fraction(1, 1 << 126)


def check_factors(seed: int = 3, count: int = 12) -> None:
    """Compare factors of pairs of elements anywhere."""
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a, b, _ in FACTORS]
    pairs += [(int(a), int(b)) for a, b in rng.integers(0, 1 << 32, (count, 2))]
    memory = random_scratchpad(NEAREST, seed)
    dut = ProductScale(parameters=NEAREST)

    async def bench(ctx):
        assert ctx.get(dut.alpha) == ONE
        for n, (a, b) in enumerate(pairs):
            banks, places = (n % 4, (n // 4 + 1) % 4), rng.permutation(NEAREST.bank_values)[:2]
            for name, bank, place, bits in zip("ab", banks, places, (a, b), strict=True):
                memory.values[bank, place] = bits
                ctx.set(getattr(dut, f"bank_{name}"), bank)
                ctx.set(getattr(dut, f"base_{name}"), int(place))
            ctx.set(dut.start, 1)
            cycles = 0
            while not cycles or not ctx.get(dut.done):
                await ctx.tick()
                ctx.set(dut.start, 0)
                cycles += 1
            assert cycles == dut.latency
            assert ctx.get(dut.alpha) == factor(a, b), f"{a:08x} {b:08x}"

    drive(dut, bench, background=[memory.serve({"port": dut.port})])


def test_factors():
    check_factors()


def check_products() -> None:
    """Compare products of one pair of panels by 1, by the factor of their tensors, and again."""
    p = NEAREST
    memory = random_scratchpad(p, seed=6)
    rng = np.random.default_rng(6)
    pair = []
    for n, (rows, power) in enumerate(((3, -70), (4, 5))):
        x = (rng.standard_normal((rows, 32)) * 2.0**power).astype(np.float32)
        pair.append(quantize(x, p.format, axis=1))
        put_panel(memory, n, 10, pair[n], p.columns if n else p.rows)
        memory.values[2, 900 + n] = largest(x.view(np.uint32))
    # Under 2688 the factor is 1.
    plain = [dataclasses.replace(each, amax=np.float32(2688)) for each in pair]
    by_one, scaled = (matmul(p.array, a, b.transposed) for a, b in (plain, pair))
    expected = copy.deepcopy(memory)
    for at, product in ((0, by_one), (16, scaled), (512, scaled)):
        expected.values[3, at : at + 12] = np.ravel(product).view(np.uint32)

    def multiply(at: int) -> list[int]:
        return [
            base("prod", 0, 3, at),
            encode("prod.counter4", window=0, count=1, stride=4),
            encode("prod.multiply", m=3, n=4, blocks=2, signal=4),
        ]

    panels = [base("prod", n + 1, n, 10 * p.values) for n in range(2)]
    elements = [base("prod", n + 1, 2, 900 + n) for n in range(2)]
    alpha = encode("prod.alpha", signal=2)
    commands = [
        *panels,
        *multiply(0),
        *elements,
        alpha,
        *panels,
        *multiply(16),
        *multiply(512),
    ]
    assert same(interpreted(memory, commands), expected)
    found = run(p, memory, commands)
    assert same(memory, expected)
    cycles = p.array.cycles(3, 4, 32) + ProductEngine.overhead
    made = ProductScale(parameters=p).latency + 1
    assert found.signals == [4, 2, 4, 4]
    assert found.runs == [cycles, made, cycles, cycles]


def test_products():
    check_products()


WRONG = {"first": base("prod", 1, 0, 1024), "second": base("prod", 2, 5, 0)}


def test_errors():
    for command in WRONG.values():
        assert_address_error([command, encode("prod.alpha")], "prod")
    memory = random_scratchpad(NEAREST, seed=8)
    before = copy.deepcopy(memory)
    commands = [WRONG["second"], encode("prod.alpha", signal=1)]
    found = run(NEAREST, memory, commands * 2)
    assert (found.error, found.error_pc, found.signals) == (CAUSES["address"], 1, [])
    assert same(memory, before)


FAULTS = {
    "the factor stays": (check_products, Fault(ProductEngine, lambda s: s.array.alpha.eq(ONE))),
    "a small quotient is not flushed": (check_factors, Fault(ProductScale, lambda s: s.zero.eq(0))),
    "one bank for both": (check_factors, Fault(ProductScale, lambda s: s.port.bank.eq(s.bank_a))),
    "the first element twice": (
        check_factors,
        Fault(ProductScale, lambda s: s.multiplier.b.eq(s.amax_a)),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name):
    check, fault = FAULTS[name]
    with planted(fault), pytest.raises(AssertionError):
        check()
