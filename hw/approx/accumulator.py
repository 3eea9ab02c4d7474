"""Sums of products in binary32, for rows that take turns."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..float.add import Adder

__all__ = ["Accumulator"]


class Accumulator(Circuit):
    """Adds the products of each row in their order, by one adder.

    Rows take turns: every ``interleave`` enabled cycles comes a product of the same row. One
    product per cycle.

    Parameters
    ----------
    interleave : int
        Rows, at least the adder's latency.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    product : In(32)
        The next product of the row whose turn it is.
    fresh : In(1)
        It is the first of its sum, and is added to +0.
    o : Out(32)
        The sum with it, `latency` enabled cycles later, from registers.
    """

    en: Signal
    product: Signal
    fresh: Signal
    o: Signal

    latency = Adder.latency

    def __init__(self, *, interleave: int) -> None:
        self.interleave = interleave
        super().__init__({"en": In(1), "product": In(32), "fresh": In(1), "o": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.submodules.adder = adder = Adder()
        partial = delay(m, self.en, adder.o, self.interleave - self.latency, name="partial")
        m.d.comb += [
            adder.en.eq(self.en),
            adder.a.eq(Mux(self.fresh, 0, partial)),
            adder.b.eq(self.product),
            self.o.eq(adder.o),
        ]
        return m
