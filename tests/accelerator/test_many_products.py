"""Products of a run in the product engine and in the interpreter, of panels of random words."""

import random

import pytest

from hw.accelerator.product import ProductEngine
from sw.accelerator.coding import encode
from sw.accelerator.parameters import AcceleratorParameters

from ..faults import Fault, planted
from .engine_bench import random_scratchpad, run_engine, same
from .tensor_scales import base, interpreted

SMALL = AcceleratorParameters(
    rows=1, columns=2, lanes=4, format="hbfp6:block=4", banks=4, bank_words=512, port_bits=32
)


def check_products(p: AcceleratorParameters, count: int) -> None:
    """Compare products of a block, of panels that each begin a word behind, or before, the last."""
    memory, rng = random_scratchpad(p, seed=6), random.Random(7)
    bits = p.format.exponent_bits
    # Results are finite, and most are not zero.
    middle = 1 << bits - 1
    memory.side = [
        [sum((middle + rng.randrange(-8, 8)) << bits * n for n in range(p.slices)) for _ in bank]
        for bank in memory.side
    ]
    v, size = p.values, p.rows * p.columns
    commands = [
        base("prod", 0, 2, size),
        base("prod", 1, 0, 3 * v),
        base("prod", 2, 1, (count + 8) * v),
        encode("prod.counter4", window=0, count=p.rows, stride=p.columns),
        encode("prod.counter3", window=0, count=1, stride=size),
        encode("prod.counter3", window=1, count=1, stride=v),
        encode("prod.counter3", window=2, count=1, stride=-v),
        encode("prod.multiply", signal=1, m=p.rows, n=p.columns, blocks=1, more=count - 1),
    ]
    expected = interpreted(memory, commands)
    dut = ProductEngine(parameters=p)
    found = run_engine(dut, memory, commands, reads=("read_a", "read_b"))
    assert same(memory, expected)
    assert (found.signals, found.error) == ([1], 0)
    assert found.runs == [p.array.timing.job(count, p.beats) + ProductEngine.overhead]


def test_more_products_than_a_byte_counts():
    check_products(SMALL, 260)


def test_a_byte_of_products_is_found():
    fault = Fault(ProductEngine, lambda s: s.array.job.products[8:].eq(0))
    with planted(fault), pytest.raises(AssertionError):
        check_products(SMALL, 260)


@pytest.mark.parametrize("name", ["hbfp6:block=8", "mxfp8_e4m3:block=8"])
def test_a_panel_may_begin_inside_a_block(name):
    """Its blocks then have exponents that differ from beat to beat; the last one counts."""
    check_products(SMALL.replace(rows=2, format=name, bank_words=64), 20)
