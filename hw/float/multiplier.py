"""The floating-point multiplier."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.formats import FloatFormat

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from .product import SignificandProduct

__all__ = ["FloatMultiplier"]


class FloatMultiplier(Circuit):
    """Multiplier of floating-point values, without DSP blocks.

    ``o = a * b``, rounded to nearest even as if exponents were unbounded. Then what is below the
    normal numbers becomes a zero of the same sign and what is beyond them an infinity. Subnormal
    operands are zeros of the same sign; a NaN operand, or a zero times an infinity, gives the
    positive quiet NaN with an empty payload. One multiplication per cycle.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and product.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(format.width)
        Operands; expected straight from registers.
    o : Out(format.width)
        Their product, `latency` enabled cycles later, from registers.
    """

    en: Signal
    a: Signal
    b: Signal
    o: Signal

    def __init__(self, *, format: FloatFormat, target: str) -> None:
        self.format = format
        self.target = target
        self._product = SignificandProduct(fraction_bits=format.fraction_bits, target=target)
        word = format.width
        super().__init__({"en": In(1), "a": In(word), "b": In(word), "o": Out(word)})

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to product."""
        return self._product.latency + 3

    def elaborate(self, platform: Any) -> Module:
        """Multiply the significands and, beside that, add the exponents; round; leave out."""
        m = Module()
        reg = partial(register, m, self.en)
        net = partial(wire, m)
        point, bits = self.format.fraction_bits, self.format.exponent_bits
        ones = self.format.exponent_ones

        # Classes and exponents. The bias, all ones but for the top bit, is taken off as a carry and
        # that top bit inverted.
        a, b = self.a[:-1], self.b[:-1]
        infinite = net("infinite", 2, Cat(x[point:].all() for x in (a, b)))
        zero = net("zero", 2, Cat(x[point:] == 0 for x in (a, b)))
        fraction = net("fraction", 2, Cat(x[:point].any() for x in (a, b)))
        nan = (infinite & (fraction | zero[::-1])).any()
        high = Cat(b[point:-1], ~b[-1], ~b[-1])
        exponent = (Cat(1, a[point:]) + Cat(1, high).as_signed())[1:]
        facts = Cat(
            exponent[: bits + 2],
            (self.a[-1] ^ self.b[-1]) & ~nan,
            nan,
            infinite.any(),
            zero.any() & ~infinite.any(),
        )
        facts = delay(m, self.en, facts, self._product.latency + 1, name="facts")

        # Two places below the last one are kept of a product of 1..2, one of a product of 2..4.
        m.submodules.product = product = self._product
        m.d.comb += [
            product.en.eq(self.en),
            product.a.eq(a[:point]),
            product.b.eq(b[:point]),
        ]
        rest = reg("rest", 1, product.o[: point - 1].any())
        kept = reg("kept", point + 3, product.o[point - 1 :])

        # Round. A carry out of the fraction goes to the exponent, where a product of 2..4 adds one.
        half, last, next_, wide = kept[0], kept[1], kept[2], kept[-1]
        up = Mux(wide, last & (next_ | half | rest), half & (last | rest))
        fraction = Mux(wide, kept[2:-1], kept[1:-2])
        packed = Cat(fraction, facts[: bits + 2]).as_signed()
        packed = packed + Cat(up, Const(0, point - 1), wide, 0)
        packed = reg("packed", point + bits + 2, packed)
        names = "negative", "nan", "special", "none"
        facts = zip(names, facts[bits + 2 :], strict=True)
        negative, nan, infinite, zero = (reg(name, 1, fact) for name, fact in facts)

        # Leave out what is too small or too large.
        exponent = packed[point:].as_signed()
        infinite = net("overflow", 1, infinite | (~zero & (exponent >= ones)))
        zero = net("underflow", 1, ~infinite & (zero | (exponent <= 0)))
        fraction = Mux(infinite | zero, Cat(Const(0, point - 1), nan), packed[:point])
        exponent = Mux(infinite, ones, Mux(zero, 0, exponent[:bits]))
        m.d.comb += self.o.eq(reg("o_", self.format.width, Cat(fraction, exponent, negative)))
        return m
