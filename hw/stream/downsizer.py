"""Downsizer: a wide beat as several narrow ones."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from .packet import Packet

__all__ = ["Downsizer"]


class Downsizer(Circuit):
    """Downsizer of beats to ``count`` beats each, the lowest lanes first; inverse of `Gather`.

    ``last`` leaves with the last part of its beat. Latency is 0; interval one cycle a beat out.
    ``o`` depends on ``i`` and a counter; ``i.ready`` on ``o.ready``.

    Parameters
    ----------
    packet : Packet
        Of ``o``.
    count : int
        Beats out of a beat in, at least 2.

    Members
    -------
    i : In(wide.signature)
        The fields of ``packet``, ``count`` times as many of each.
    o : Out(packet.signature)
        The parts.
    """

    def __init__(self, *, packet: Packet, count: int) -> None:
        self.packet = packet
        self.count = count
        self.wide = packet.repeated(count)
        super().__init__({"i": In(self.wide.signature), "o": Out(packet.signature)})

    def elaborate(self, platform: Any) -> Module:
        """Count parts and select them."""
        m = Module()
        part = Signal(range(self.count))
        end = Signal()
        m.d.comb += [
            end.eq(part == self.count - 1),
            self.o.valid.eq(self.i.valid),
            self.o.payload.last.eq(self.i.payload.last & end),
            self.i.ready.eq(self.o.ready & end),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += part.eq(Mux(end, 0, part + 1))
        for field in self.packet.fields:
            wide = getattr(self.i.payload.data, field.name).as_value()
            parts = Array(wide.word_select(n, field.width) for n in range(self.count))
            m.d.comb += getattr(self.o.payload.data, field.name).eq(parts[part])
        return m
