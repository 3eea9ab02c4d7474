"""fp32 accumulator of interleaved rows."""

from typing import Any

from amaranth.hdl import Module, Mux
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..float.add import Adder

__all__ = ["Accumulator"]


class Accumulator(Circuit):
    """Accumulator of the products of interleaved rows, by one fp32 adder, in their order.

    Every ``interleave`` enabled cycles comes a product of the same row. Latency is that of the
    adder, interval one enabled cycle.

    Parameters
    ----------
    interleave : int
        Rows, at least the adder's latency.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    product : In(32)
        The next product, of each row in turn.
    first : In(1)
        It is the first of its sum, and is added to +0.
    o : Out(32)
        The sum with it, `latency` enabled cycles later, from registers.
    """

    latency = Adder.latency

    def __init__(self, *, interleave: int) -> None:
        self.interleave = interleave
        super().__init__({"en": In(1), "product": In(32), "first": In(1), "o": Out(32)})

    def elaborate(self, platform: Any) -> Module:
        """Add to the row's sum, which waits for its next product."""
        m = Module()
        m.submodules.adder = adder = Adder()
        partial = delay(m, self.en, adder.o, self.interleave - self.latency, name="partial")
        m.d.comb += [
            adder.en.eq(self.en),
            adder.a.eq(Mux(self.first, 0, partial)),
            adder.b.eq(self.product),
            self.o.eq(adder.o),
        ]
        return m
