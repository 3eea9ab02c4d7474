"""Packer of values, one a beat, into beats of as many as the array issues in a cycle."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..stream.packet import Packet
from .csb_encoder import VALUE

__all__ = ["ValuePacker"]


class ValuePacker(Circuit):
    """Packer of the encoder's values, inverse of `ValueUnpacker`; a packet begins with a beat.

    A null value is dropped, and its ``last`` with it unless a value is held. Latency is 0, interval
    one cycle. ``o`` depends on ``i`` and on registers; ``i.ready`` on ``i.payload`` and
    ``o.ready``.

    Parameters
    ----------
    packet : Packet
        Of ``o``: ``value``, one or two of 32 bits.

    Members
    -------
    i : In(VALUE.signature)
        Values of packets.
    o : Out(packet.signature)
        The same; in the last beat of a packet the second may count for nothing.
    """

    def __init__(self, *, packet: Packet) -> None:
        self.packet = packet
        self.count = packet.bits // 32
        super().__init__({"i": In(VALUE.signature), "o": Out(packet.signature)})

    def elaborate(self, platform: Any) -> Module:
        """Hold the first value of a beat until there is a second, or none is to come."""
        m = Module()
        offered, last = self.i.payload.data, self.i.payload.last
        emit = Signal()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & emit),
            self.o.payload.last.eq(last),
            self.i.ready.eq(self.o.ready | ~emit),
        ]
        if self.count == 1:
            m.d.comb += [emit.eq(offered.present), self.o.payload.data.value.eq(offered.value)]
            return m
        held = Signal()
        first = Signal(32, reset_less=True)
        m.d.comb += [
            emit.eq(Mux(held, offered.present | last, offered.present & last)),
            self.o.payload.data.value[0].eq(Mux(held, first, offered.value)),
            self.o.payload.data.value[1].eq(offered.value),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.eq(~emit & offered.present), first.eq(offered.value)]
        return m
