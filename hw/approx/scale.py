"""Sign, exponent and special cases of a floating-point product."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.formats import FloatFormat

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.classify import classify_product

__all__ = ["Scale"]


class Scale(Circuit):
    """Sign, exponent and special cases of a product, beside whatever multiplies the fractions.

    The product is that of `sw.approx.product.multiply_bits`. Latency is one cycle from ``code``
    and ``latency + 1`` from the operands; interval is one cycle.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and product.
    bits : int
        Fraction bits of the product that may be other than 0.
    latency : int
        Enabled cycles by which ``code`` is later than the operands, at least 0.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(format.width)
        Operands.
    code : In(bits + 1)
        ``carry << bits | fraction`` of the product of their significands.
    o : Out(format.width)
        Their product, ``latency + 1`` enabled cycles after them, from registers.
    """

    def __init__(self, *, format: FloatFormat, bits: int, latency: int) -> None:
        self.format = format
        self.bits = bits
        self.latency = latency
        word = format.width
        super().__init__(
            {
                "en": In(1),
                "a": In(word),
                "b": In(word),
                "code": In(bits + 1),
                "o": Out(word),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Add the exponents, without the carry; wait; add the carry, put in what is special."""
        m = Module()
        net = partial(wire, m)
        point, size = self.format.fraction_bits, self.format.exponent_bits
        state = delay(m, self.en, self._state(m), self.latency, name="state")

        # The carry comes late: what does not depend on it is ready then.
        low, middle, high, nan, negative = state[: size - 1], *state[size - 1 :]
        carry = self.code[-1]
        ones = Cat(low[:i].all() for i in range(size))
        beyond = net("beyond", 1, high & (middle | ones[-1]))
        below = net("below", 1, ~high & ~middle)
        first = net("first", 1, high & low[1:].all())
        last = net("last", 1, middle & ~low.any())
        special = beyond | below | Mux(carry, first, last)
        low = (low ^ (ones[:-1] & carry.replicate(size - 1))) | beyond.replicate(size - 1)
        high = high | (middle & ones[-1] & carry)
        fraction = self.code[:-1] & ~net("special", 1, special).replicate(self.bits)
        fraction = Cat(Const(0, point - self.bits), fraction)
        fraction = Cat(fraction[:-1], fraction[-1] | nan)
        product = Cat(fraction, low & ~below.replicate(size - 1), high, negative)
        m.d.comb += self.o.eq(register(m, self.en, "o_", self.format.width, product))
        return m

    def _state(self, m: Module) -> Signal:
        """Return what waits for the carry: exponent, two bits above it, NaN, sign.

        The sum of the exponents less the bias is the sum and one, less half the range of exponents:
        where its top bits are 01 or 10 it is an exponent, 00 are below them and 11 beyond; what is
        special takes these.
        """
        point, size = self.format.fraction_bits, self.format.exponent_bits
        kind = classify_product(m, self.a, self.b, self.format)
        negative = wire(m, "negative", 1, (self.a[-1] ^ self.b[-1]) & ~kind.nan)
        exponents = Cat(1, self.a[point:-1]) + Cat(1, self.b[point:-1])
        total = wire(m, "total", size + 2, exponents)[1:]
        top = (total[-2:] | kind.special.replicate(2)) & ~kind.zero.replicate(2)
        return wire(m, "state", size + 3, Cat(total[:-2], top, kind.nan, negative))
