"""Products of composed mantissas against Python's integers, and what they cost in gates."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux

from hw.bfp.multimode.composer import Composer
from hw.bfp.product_sum import ProductSum
from hw.bus.top import AxiTop
from hw.flow.emit import Design, emit
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from sim.bench import run
from sim.compare import MismatchError, assert_equal
from sim.costs.clocked import Clocked
from sim.costs.density import logic_area
from sim.streams import pack
from sw.bfp.dot import DotParameters
from sw.bfp.multimode_array import DIGITS, MODES
from sw.formats import BfpFormat

from ..faults import Fault, planted
from .composed import ComposedParameters, ComposedProducts, ComposedUnit

PAIRS = list(product(range(3), repeat=2))


def design() -> Design:
    p = ComposedParameters()
    return emit(AxiTop(unit="composed", core=ComposedUnit, parameters=p), "composed", parameters=p)


def words(mantissas: np.ndarray, mode: int) -> np.ndarray:
    """Return digits with signs of words of signed mantissas, (words, mantissas of a word)."""
    size = MODES[mode]
    total = np.zeros(len(mantissas), np.int64)
    for d in range(DIGITS):
        value = mantissas[:, d // size]
        digit = np.abs(value) >> 4 * (d % size) & 15
        total |= (digit | (value < 0) << 4) << 5 * d
    return total


def masks(mode_a: int, mode_b: int) -> list[tuple[int, int, int]]:
    """Return, for each product of two words, the mantissas and the mask of digit products."""
    a, b = MODES[mode_a], MODES[mode_b]
    return [
        (
            x,
            y,
            sum(1 << 4 * i + j for i in range(4) for j in range(4) if (i // a, j // b) == (x, y)),
        )
        for x in range(DIGITS // a)
        for y in range(DIGITS // b)
    ]


def products(a: np.ndarray, b: np.ndarray, modes: tuple[int, int], **options) -> np.ndarray:
    """Return all products of the words' mantissas, (words, products of two words)."""
    chosen = masks(*modes)
    count = len(chosen)
    fields = {
        "a": np.repeat(words(a, modes[0]), count)[:, None],
        "b": np.repeat(words(b, modes[1]), count)[:, None],
        "mask": np.tile([mask for _, _, mask in chosen], len(a))[:, None],
    }
    unit = design()
    beats = pack(unit.manifest["streams"]["s_axis"], fields)
    result = run(unit, inputs={"s_axis": beats}, outputs={"m_axis": len(beats)}, **options)
    sums = result.outputs["m_axis"].view("<i8").reshape(len(a), count)
    places = [4 * (x * MODES[modes[0]] + y * MODES[modes[1]]) for x, y, _ in chosen]
    shifted = sums >> places
    assert_equal(shifted << places, sums)
    return shifted


def expected(a: np.ndarray, b: np.ndarray, modes: tuple[int, int]) -> np.ndarray:
    pairs = [(x, y) for x, y, _ in masks(*modes)]
    return np.array(
        [
            [int(row_a[x]) * int(row_b[y]) for x, y in pairs]
            for row_a, row_b in zip(a, b, strict=True)
        ]
    )


def mantissas(rng: np.random.Generator, mode: int, count: int) -> np.ndarray:
    top = (1 << 4 * MODES[mode]) - 1
    values = rng.integers(-top, top + 1, (count, DIGITS // MODES[mode]))
    ends = rng.choice([-top, -1, 0, 1, top, 1 << 4 * MODES[mode] - 1], values.shape)
    return np.where(rng.random(values.shape) < 0.1, ends, values)


@pytest.mark.parametrize("mode", [0, 1])
def test_every_product_of_4_and_8_bits(mode):
    # All magnitudes in all places; each sign of either operand with each.
    top = 1 << 4 * MODES[mode]
    x, y = (v.ravel() for v in np.meshgrid(np.arange(top), np.arange(top)))
    places = DIGITS // MODES[mode]
    for signs in product((1, -1), repeat=2):
        a, b = (np.stack([s * v] * places, 1) for s, v in zip(signs, (x, y), strict=True))
        assert_equal(products(a, b, (mode, mode)), expected(a, b, (mode, mode)))


@pytest.mark.parametrize("modes", [pair for pair in PAIRS if pair not in ((0, 0), (1, 1))])
def test_a_million_products_of_the_other_pairs(modes):
    rng = np.random.default_rng([7, *modes])
    count = -(-(10**6) // len(masks(*modes)))
    a, b = (mantissas(rng, mode, count) for mode in modes)
    assert_equal(products(a, b, modes), expected(a, b, modes), context={"modes": modes})


def test_a_planted_fault_is_caught():
    def another_mask(s: Any) -> Any:
        total = s.totals.word_select(6, len(s.total_6)) & s.mask[7].replicate(len(s.total_6))
        return s.total_6.eq(Mux(s.en, total, s.total_6))

    fault = Fault(Composer, another_mask, "values differ")
    with planted(fault):
        mutant = design().verilog
    rng = np.random.default_rng(1)
    a, b = (mantissas(rng, 0, 100) for _ in range(2))
    with pytest.raises(MismatchError, match=fault.sign):
        assert_equal(products(a, b, (0, 0), netlist=mutant), expected(a, b, (0, 0)))


def product_sum(bits: int, lanes: int) -> ProductSum:
    """A sum of products of one width, signs beside the magnitudes as the digits have them."""
    form = BfpFormat(mantissa_bits=bits, sign_inside=False, block=(lanes,))
    return ProductSum(parameters=DotParameters(format=form, lanes=lanes))


def logic(top, name: str) -> float:
    """NAND2 equivalents without registers."""
    return logic_area(top, name, progress=Progress())


def gates(top, name: str) -> float:
    """NAND2 equivalents with registers."""
    cost = synthesize(emit(Clocked(inner=top), name), "gates")
    return cost.total(cost.columns[0])


@pytest.mark.parametrize(("measure", "lanes"), [(logic, 1), (gates, 6)])
def test_gates_of_composed_multipliers_and_of_plain_ones(measure, lanes):
    composed = measure(ComposedProducts(lanes=lanes), "composed")
    whole, half, quarter = (
        measure(product_sum(bits, lanes), f"plain{bits}") for bits in (16, 8, 4)
    )
    print(f"{measure.__name__}, {lanes} lanes: {composed / whole:.3f} of a plain one")
    assert composed <= 1.6 * whole
    assert composed <= 0.7 * (whole + 4 * half + 16 * quarter)
