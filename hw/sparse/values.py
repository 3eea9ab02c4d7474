"""What gives the packed values of a beat one by one, or two at a time."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["Values"]


class Values(Circuit):
    """Packed values, as many in a cycle as are wanted; a beat is taken when it is needed.

    Parameters
    ----------
    count : int
        Values of a beat, 1 or 2.

    Members
    -------
    i : In(stream.Signature(32 * count))
        Values, in their order.
    want : In(range(count + 1))
        How many are wanted.
    there : Out(1)
        So many are there, and are taken.
    end : In(1)
        What is left of a beat does not count.
    o : Out(32 * count)
        The values, the first one lowest.
    """

    def __init__(self, *, count: int) -> None:
        self.count = count
        super().__init__(
            {
                "i": In(stream.Signature(32 * count)),
                "want": In(range(count + 1)),
                "there": Out(1),
                "end": In(1),
                "o": Out(32 * count),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep the second value of a beat of which one was wanted."""
        m = Module()
        if self.count == 1:
            m.d.comb += [
                self.i.ready.eq(self.want),
                self.there.eq(self.i.valid),
                self.o.eq(self.i.payload),
            ]
            return m
        kept = Signal()
        second = Signal(32, reset_less=True)
        need = Signal()
        m.d.comb += [
            need.eq(self.want > kept),
            self.there.eq(~need | self.i.valid),
            self.i.ready.eq(need),
        ]
        low, high = self.i.payload.word_select(0, 32), self.i.payload.word_select(1, 32)
        m.d.comb += self.o.eq(Mux(kept, Cat(second, low), self.i.payload))
        with m.If(need & self.i.valid):
            m.d.sync += second.eq(high)
        with m.If(self.end):
            m.d.sync += kept.eq(0)
        with m.Elif((self.want != 0) & self.there):
            m.d.sync += kept.eq(kept ^ self.want[0])
        return m
