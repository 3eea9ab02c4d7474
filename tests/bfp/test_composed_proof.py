"""Proof by a solver that composed products are products, for all operands of 4 and 8 bits."""

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Assert, Assume, Cat, ClockDomain, ClockSignal, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hw.base.pipeline import delay
from sw.bfp.multimode_array import DIGIT_BITS, MODES
from tests.solver import prove

from .composed import ComposedProducts


class Claim(wiring.Component):
    """Products of mantissas at ``places`` of two words, asserted to be those of ``*``.

    Each step claims one place. Of two mantissas of 8 bits, ``b`` has another upper digit at each
    step, so that the solver meets all its values with all else free; with that free too it would
    work for an hour.
    """

    def __init__(self, modes: tuple[int, int], places: list[tuple[int, int]]) -> None:
        self.digits = [MODES[mode] for mode in modes]
        self.places = places
        self.wrong: int | None = None
        self.split = DIGIT_BITS if self.digits == [2, 2] else 0
        self.steps = len(places) << self.split
        words = {f"{name}{n}": In(DIGIT_BITS) for name in "ab" for n in range(4)}
        signs = {f"sign_{name}{n}": In(1) for name in "ab" for n in range(4)}
        super().__init__({"clk": In(1)} | words | signs)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain(reset_less=True)
        m.d.comb += ClockSignal().eq(self.clk)  # pyright: ignore[reportAttributeAccessIssue]
        m.submodules.products = products = ComposedProducts(lanes=1)
        step = Signal(8)
        m.d.sync += step.eq(step + 1)
        m.d.comb += [
            products.en.eq(1),
            products.a.eq(self.word("a")),
            products.b.eq(self.word("b")),
        ]
        a, b = Signal(2 * DIGIT_BITS), Signal(2 * DIGIT_BITS)
        magnitude, negative = Signal(4 * DIGIT_BITS), Signal()
        product = Signal.like(products.sum)
        m.d.comb += magnitude.eq(a * b)
        with m.Switch(step >> self.split):
            for n, (x, y) in enumerate(self.places):
                with m.Case(n):
                    up = DIGIT_BITS * (x * self.digits[0] + y * self.digits[1])
                    m.d.comb += [
                        products.mask.eq(self.mask(x, y)),
                        a.eq(self.magnitude("a", x)),
                        b.eq(self.magnitude("b", y)),
                        negative.eq(self.sign("a", x) ^ self.sign("b", y)),
                        product.eq(Mux(negative, -magnitude, magnitude) << up | (n == self.wrong)),
                    ]
        if self.split:
            m.d.comb += Assume(b[DIGIT_BITS:] == step[: self.split], "")
        expected = delay(m, 1, product, products.latency, name="expected")
        with m.If((step >= products.latency) & (step < self.steps + products.latency)):
            m.d.comb += Assert(products.sum == expected.as_signed(), "")
        return m

    def word(self, name: str) -> Value:
        """Digits with the sign of their mantissa, which is that of its first digit's input."""
        digits = self.digits["ab".index(name)]
        return Cat(Cat(getattr(self, f"{name}{n}"), self.sign(name, n // digits)) for n in range(4))

    def sign(self, name: str, place: int) -> Value:
        digits = self.digits["ab".index(name)]
        return getattr(self, f"sign_{name}{place * digits}")

    def magnitude(self, name: str, place: int) -> Value:
        digits = self.digits["ab".index(name)]
        return Cat(getattr(self, f"{name}{place * digits + n}") for n in range(digits))

    def mask(self, x: int, y: int) -> int:
        """Digit products of the mantissas at a place."""
        pairs = [(i, j) for i in range(4) for j in range(4)]
        mine = [(i // self.digits[0], j // self.digits[1]) == (x, y) for i, j in pairs]
        return sum(1 << n for n, one in enumerate(mine) if one)


def holds(folder: Path, claim: Claim) -> bool:
    """Return whether the claim holds for all operands."""
    return prove(folder, claim, mode="bmc", depth=claim.steps + ComposedProducts(lanes=1).latency)


def places(mode_a: int, mode_b: int) -> list[tuple[int, int]]:
    return [(x, y) for x in range(4 // MODES[mode_a]) for y in range(4 // MODES[mode_b])]


@pytest.mark.parametrize("modes", [(0, 0), (0, 1), (1, 0)], ids=str)
def test_products_with_4_bits_are_products(tmp_path, modes):
    assert holds(tmp_path, Claim(modes, places(*modes)))


@pytest.mark.parametrize("place", places(1, 1), ids=str)
def test_products_of_8_bits_are_products(tmp_path, place):
    assert holds(tmp_path, Claim((1, 1), [place]))


def test_a_claim_false_at_its_last_place_is_refuted(tmp_path):
    claim = Claim((1, 0), places(1, 0))
    claim.wrong = len(claim.places) - 1
    assert not holds(tmp_path, claim)
