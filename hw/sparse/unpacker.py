"""Unpacker of the values of a beat, one or two at a time."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..stream.packet import Packet

__all__ = ["ValueUnpacker"]


class ValueUnpacker(Circuit):
    """Unpacker that gives as many values in a cycle as are wanted.

    Latency is 0, interval one cycle. A beat is accepted when a value of it is wanted first;
    ``valid``, ``i.ready`` and ``o`` are combinational.

    Parameters
    ----------
    packet : Packet
        Of ``i``, as of `ValuePacker`'s ``o``.

    Members
    -------
    i : In(packet.signature)
        Values, in their order.
    want : In(range(count + 1))
        How many are wanted.
    valid : Out(1)
        So many are available, and are consumed.
    end : In(1)
        What is left of a beat is dropped.
    o : Out(ArrayLayout(32, count))
        The values, the first one lowest.
    """

    def __init__(self, *, packet: Packet) -> None:
        self.packet = packet
        self.count = packet.bits // 32
        super().__init__(
            {
                "i": In(packet.signature),
                "want": In(range(self.count + 1)),
                "valid": Out(1),
                "end": In(1),
                "o": Out(data.ArrayLayout(32, self.count)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep the second value of a beat of which one was wanted."""
        m = Module()
        value = self.i.payload.data.value
        if self.count == 1:
            m.d.comb += [
                self.i.ready.eq(self.want),
                self.valid.eq(self.i.valid),
                self.o.eq(value),
            ]
            return m
        kept = Signal()
        second = Signal(32, reset_less=True)
        need = Signal()
        m.d.comb += [
            need.eq(self.want > kept),
            self.valid.eq(~need | self.i.valid),
            self.i.ready.eq(need),
            self.o[0].eq(Mux(kept, second, value[0])),
            self.o[1].eq(Mux(kept, value[0], value[1])),
        ]
        with m.If(need & self.i.valid):
            m.d.sync += second.eq(value[1])
        with m.If(self.end):
            m.d.sync += kept.eq(0)
        with m.Elif((self.want != 0) & self.valid):
            m.d.sync += kept.eq(kept ^ self.want[0])
        return m
