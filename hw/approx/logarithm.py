"""Multipliers of fractions that add logarithms: Mitchell's, and those that correct it."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from sw.approx.multipliers import CORRECTION, LARGEST_BITS
from sw.approx.realm import FACTOR_BITS, factors

from ..pipeline import register, wire
from .fractions import FractionMultiplier

__all__ = ["MinimallyBiased", "Mitchell", "Realm"]


class Mitchell(FractionMultiplier):
    """Mitchell's multiplier: the sum of the fractions is carry and fraction of the product."""

    latency = 0

    def elaborate(self, platform: Any) -> Module:
        """Add."""
        m = Module()
        m.d.comb += self.code.eq(self.x + self.y)
        return m


def _correct(m: Module, total: Value, correction: Value, limit: Value, largest: int) -> Value:
    """Return the code of Mitchell's product and a correction of at most ``largest``.

    The product is ``total``, carry and fraction; behind a carry the correction has half its weight.
    Where it would reach 4 the fraction is ``limit``.
    """
    bits = len(total) - 1
    fraction, carry = total[:-1], total[-1]
    corrected = wire(m, "corrected", bits + 1, fraction + Mux(carry, correction >> 1, correction))
    over = corrected[-1]
    # A product that reaches 2 without a carry is above 2 by less than the correction.
    above = corrected[1 : max(largest.bit_length(), 1)]
    fraction = Mux(over, Mux(carry, limit, above), corrected[:-1])
    return Cat(fraction, carry | over)


class MinimallyBiased(FractionMultiplier):
    """The minimally biased multiplier, MBM: Mitchell's with a constant correction.

    The last bit of fractions shorter than binary32's is taken as one. A correction that would make
    a product of 4 and more is left out.
    """

    latency = 0

    def elaborate(self, platform: Any) -> Module:
        """Add, correct."""
        m = Module()
        bits = self.bits
        x, y = self.x, self.y
        if bits < LARGEST_BITS:
            x, y = Cat(1, x[1:]), Cat(1, y[1:])
        total = wire(m, "total", bits + 1, x + y)
        # The half behind a carry has a place of its own.
        correction = CORRECTION >> LARGEST_BITS - bits
        m.d.comb += self.code.eq(
            _correct(m, total, Const(correction, bits), total[:-1], correction)
        )
        return m


class Realm(FractionMultiplier):
    """The reduced-error multiplier, REALM: Mitchell's with a factor for each pair of segments.

    A product of 4 and more becomes the largest below.

    Parameters
    ----------
    segments : int
        Of each operand, as `sw.approx.realm.factors` takes them.
    """

    latency = 1

    def __init__(self, *, segments: int, bits: int) -> None:
        self.segments = segments
        super().__init__(bits=bits)

    def elaborate(self, platform: Any) -> Module:
        """Add, look the factor up, correct."""
        m = Module()
        bits = self.bits
        index_bits = self.segments.bit_length() - 1
        table = factors(self.segments)
        total = wire(m, "total", bits + 1, self.x + self.y)
        factor = Signal(int(table.max()).bit_length())
        with m.Switch(Cat(self.y[-index_bits:], self.x[-index_bits:])):
            for pair, value in enumerate(table.ravel().tolist()):
                with m.Case(pair):
                    m.d.comb += factor.eq(value)
        places = bits - FACTOR_BITS
        correction = Cat(Const(0, max(places, 0)), factor)[max(-places, 0) :]
        largest = int(table.max()) << bits >> FACTOR_BITS
        code = _correct(m, total, correction, Const((1 << bits) - 1, bits), largest)
        m.d.comb += self.code.eq(register(m, self.en, "code_", bits + 1, code))
        return m
