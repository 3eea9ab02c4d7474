"""The floating-point divider, a bit of the quotient a cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.formats import FloatFormat

from ..base.circuit import Circuit
from ..base.pipeline import register
from .round import round_product

__all__ = ["SerialDivider"]


class SerialDivider(Circuit):
    """Divider of positive normal numbers whose quotient is a normal number too.

    ``o = a / b``, rounded to nearest even. Latency and interval are `latency` cycles from a start
    to ``done``, up to which operands stay.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and quotient.

    Members
    -------
    start : In(1)
        Starts a division.
    a, b : In(format.width - 1)
        Operands without their signs.
    o : Out(format.width - 1)
        The quotient, from registers.
    done : Out(1)
        ``o`` is the quotient, for one cycle.
    """

    def __init__(self, *, format: FloatFormat) -> None:
        self.format = format
        word = format.width - 1
        super().__init__(
            {"start": In(1), "a": In(word), "b": In(word), "o": Out(word), "done": Out(1)}
        )

    @property
    def quotient_bits(self) -> int:
        """Bits of the quotient, of 1/2..2: one before the point, and two more than a fraction."""
        return self.format.fraction_bits + 3

    @property
    def latency(self) -> int:
        """Cycles from a start to the quotient."""
        return self.quotient_bits + 2

    def elaborate(self, platform: Any) -> Module:
        """Subtract the divisor where it fits, bit by bit; then round."""
        m = Module()
        point, bits = self.format.fraction_bits, self.quotient_bits
        remainder = Signal(point + 2, reset_less=True)
        quotient = Signal(bits, reset_less=True)
        left = Signal(range(bits + 1))
        rounds = Signal()
        trial = Signal(point + 3)
        m.d.comb += trial.eq(remainder - Cat(self.b[:point], 1))
        m.d.sync += [rounds.eq(left == 1), self.done.eq(rounds)]
        with m.If(self.start):
            m.d.sync += [left.eq(bits), remainder.eq(Cat(self.a[:point], 1))]
        with m.Elif(left != 0):
            m.d.sync += [
                left.eq(left - 1),
                quotient.eq(Cat(~trial[-1], quotient)),
                remainder.eq(Mux(trial[-1], remainder, trial) << 1),
            ]
        # As of a product of 1..4, twice the quotient.
        exponent = self.a[point:] - self.b[point:] + (self.format.bias - 1)
        rounded = round_product(quotient, remainder.any(), exponent)
        m.d.comb += self.o.eq(register(m, rounds, "quotient_o", len(self.o), rounded))
        return m
