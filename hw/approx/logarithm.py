"""Logarithmic multipliers of fractions: Mitchell's, and those that correct it."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from sw.approx.multipliers import CORRECTION, LARGEST_BITS
from sw.approx.realm import FACTOR_BITS, factors

from ..base.pipeline import register, wire
from .fractions import FractionMultiplier

__all__ = ["MinimallyBiased", "Mitchell", "Realm"]


class Mitchell(FractionMultiplier):
    """Mitchell's multiplier: the sum of the fractions is carry and fraction of the product."""

    def elaborate(self, platform: Any) -> Module:
        """Add."""
        m = Module()
        m.d.comb += self.code.eq(register(m, self.en, "total", self.bits + 1, self.x + self.y))
        return m


def _correct(m: Module, total: Value, correction: Value, limit: Value, largest: int) -> Value:
    """Return the code of Mitchell's product and a correction of at most ``largest``.

    The product is ``total``, carry and fraction; the correction is that of the fraction. Where it
    would reach 4 the fraction is ``limit``.
    """
    bits = len(total) - 1
    corrected = wire(m, "corrected", bits + 1, total[:-1] + correction)
    carry, over = total[-1], corrected[-1]
    # A product that reaches 2 without a carry is above 2 by less than the correction.
    above = corrected[1 : max(largest.bit_length(), 1)]
    fraction = Mux(over, Mux(carry, limit, above), corrected[:-1])
    return Cat(fraction, carry | over)


class MinimallyBiased(FractionMultiplier):
    """The minimally biased multiplier, MBM: Mitchell's with a constant correction.

    The last bit of fractions shorter than binary32's is taken as one. A correction that would make
    a product of 4 and more is left out.
    """

    def elaborate(self, platform: Any) -> Module:
        """Add; correct."""
        m = Module()
        bits = self.bits
        x, y = self.x, self.y
        if bits < LARGEST_BITS:
            x, y = Cat(1, x[1:]), Cat(1, y[1:])
        total = wire(m, "sum", bits + 1, x + y)
        no_carry = register(m, self.en, "no_carry", 1, ~total[-1])
        total = register(m, self.en, "total", bits + 1, total)
        # Of two ones with a zero between them, so that the half has its ones elsewhere.
        whole = CORRECTION >> LARGEST_BITS - bits
        correction = Cat(
            no_carry if whole >> i & 1 else total[-1] if whole >> i + 1 & 1 else 0
            for i in range(bits)
        )
        m.d.comb += self.code.eq(_correct(m, total, correction, total[:-1], whole))
        return m


class Realm(FractionMultiplier):
    """The reduced-error multiplier, REALM: Mitchell's with a factor for each pair of segments.

    A product of 4 and more becomes the largest below.

    Parameters
    ----------
    segments : int
        Of each operand, as `sw.approx.realm.factors` takes them.
    """

    def __init__(self, *, segments: int, bits: int) -> None:
        self.segments = segments
        super().__init__(bits=bits)

    def elaborate(self, platform: Any) -> Module:
        """Add, look the factor up; correct."""
        m = Module()
        bits = self.bits
        index_bits = self.segments.bit_length() - 1
        table = factors(self.segments)
        largest = int(table.max())
        factor = Signal(range(largest + 1))
        with m.Switch(Cat(self.y[-index_bits:], self.x[-index_bits:])):
            for pair, value in enumerate(table.ravel().tolist()):
                with m.Case(pair):
                    m.d.comb += factor.eq(value)
        total = wire(m, "sum", bits + 1, self.x + self.y)
        # Behind a carry a factor has half its weight.
        places = FACTOR_BITS + 1
        scaled = Mux(total[-1], factor, factor << 1)[max(places - bits, 0) :]
        scaled = register(m, self.en, "scaled", len(scaled), scaled)
        total = register(m, self.en, "total", bits + 1, total)
        correction = Cat(Const(0, max(bits - places, 0)), scaled)
        limit = Const((1 << bits) - 1, bits)
        largest = largest << bits >> FACTOR_BITS
        m.d.comb += self.code.eq(_correct(m, total, correction, limit, largest))
        return m
