"""Collector of the beats of a converted vector."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import advance
from ..formats.quantizer import Quantizer
from ..stream.packet import Packet

__all__ = ["Loader", "connect_quantizer", "vector_layout"]


def vector_layout(packet: Packet, elements: int) -> data.StructLayout:
    """Return a vector of ``elements``, each a magnitude and its sign, their exponent and ``last``.

    ``packet`` is that of its beats.
    """
    mantissa, exponent = packet.fields
    element = data.StructLayout({"magnitude": mantissa.bits - 1, "negative": 1})
    return data.StructLayout(
        {
            "elements": data.ArrayLayout(element, elements),
            "exponent": exponent.bits,
            "last": 1,
        }
    )


def connect_quantizer(m: Module, quantizer: Quantizer, i: stream.Interface) -> None:
    """Connect a quantizer's elements and their exponent to a stream of `operand_packet`."""
    block = quantizer.o.payload
    m.d.comb += [
        i.payload.data.mantissa.eq(block.data.mantissa),
        i.payload.data.exponent.eq(block.data.exponent),
        i.payload.last.eq(block.last),
        i.valid.eq(quantizer.o.valid),
        quantizer.o.ready.eq(i.ready),
    ]


class Loader(Circuit):
    """Collector of the beats of a vector, which it holds until it is accepted.

    A vector is ``elements / lanes`` beats. Latency is one cycle from its last beat; interval is
    ``period`` cycles a vector. If that is no longer than its beats take, the first beat of the next
    one is accepted as a vector leaves: ``i.ready`` depends on ``o.ready`` then. Else it is accepted
    a cycle later, and all outputs are registers.

    Parameters
    ----------
    packet : Packet
        Of a beat: ``mantissa``, signs in the top bits, and ``exponent``.
    elements : int
        Elements of a vector.
    period : int
        Cycles from one vector to the next, at least; no fewer than the beats of a vector.

    Members
    -------
    i : In(packet.signature)
        Elements, and their exponent's code in each beat.
    o : Out(stream.Signature(vector_layout(packet, elements)))
        Vectors; ``exponent`` and ``last`` are those of the last beat.
    framing : Out(1)
        ``last`` with a beat that is not a vector's last; in the cycle after it.
    """

    def __init__(self, *, packet: Packet, elements: int, period: int) -> None:
        self.packet = packet
        self.elements = elements
        self.period = period
        self.vector = vector_layout(packet, elements)
        super().__init__(
            {
                "i": In(packet.signature),
                "o": Out(stream.Signature(self.vector)),
                "framing": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the count of beats and a register for each beat's elements."""
        m = Module()
        lanes = self.packet.fields[0].count
        assert lanes is not None
        beats = self.elements // lanes
        beat = Signal(range(beats))
        accept = Signal()
        end = Signal()
        # What is not full, in a register of its own: it decides what a quantizer does, far away.
        ready = Signal(init=1)
        m.d.comb += [
            self.i.ready.eq(ready | (self.o.ready if self.period == beats else 0)),
            accept.eq(self.i.valid & self.i.ready),
            end.eq(advance(m, accept, beat, beats)),
        ]
        m.d.sync += [
            self.o.valid.eq(Mux(accept, end, self.o.valid & ~self.o.ready)),
            ready.eq(Mux(accept, ~end, ready | self.o.ready)),
            self.framing.eq(accept & self.i.payload.last & ~end),
        ]
        vector = Signal(self.vector, reset_less=True)
        m.d.comb += self.o.payload.eq(vector)
        with m.If(accept):
            m.d.sync += [
                vector.exponent.eq(self.i.payload.data.exponent),
                vector.last.eq(self.i.payload.last),
            ]
            # Each in its place: elements shifted from beat to beat would switch all the time.
            for place in range(beats):
                with m.If(beat == place):
                    m.d.sync += vector.elements[place * lanes : (place + 1) * lanes].eq(
                        self.i.payload.data.mantissa
                    )
        return m
