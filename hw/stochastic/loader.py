"""What collects the elements of a converted vector."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["Loader"]


class Loader(Circuit):
    """Collector of the beats of a vector, which are then held until they are taken.

    A vector is ``elements / lanes`` beats; one may be taken every ``period`` cycles. If that is no
    longer than its beats take, the first beat of the next may come while one is taken: ``i.ready``
    depends on ``take`` then. Else it comes a cycle later, and all outputs come from registers.

    Parameters
    ----------
    elements, lanes : int
        Elements of a vector and of a beat.
    width : int
        Bits of an element.
    exponent_bits : int
        Bits of the exponent's code.
    period : int
        Cycles from one vector taken to the next, at least; no fewer than the beats of a vector.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        ``mantissa``: elements, lane 0 lowest; ``exponent``: their code, in each beat; ``last``.
    full : Out(1)
        Whether a vector is there.
    vector : Out(elements * width)
        Its elements, element 0 lowest.
    exponent : Out(exponent_bits)
        Its exponent's code.
    last : Out(1)
        ``last`` of its last beat.
    early : Out(1)
        Whether ``last`` came with a beat that is not a vector's last, in the cycle after it.
    take : In(1)
        Takes the vector; only with ``full``.
    """

    def __init__(
        self, *, elements: int, lanes: int, width: int, exponent_bits: int, period: int
    ) -> None:
        self.elements = elements
        self.lanes = lanes
        self.width = width
        self.exponent_bits = exponent_bits
        self.period = period
        beat = data.StructLayout({"mantissa": lanes * width, "exponent": exponent_bits, "last": 1})
        super().__init__(
            {
                "i": In(stream.Signature(beat)),
                "full": Out(1),
                "vector": Out(elements * width),
                "exponent": Out(exponent_bits),
                "last": Out(1),
                "early": Out(1),
                "take": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        beats = self.elements // self.lanes
        beat = Signal(range(beats))
        end = Signal()
        accept = Signal()
        # What is not full, in a register of its own: it decides what a converter gives, far away.
        room = Signal(init=1)
        m.d.comb += [
            self.i.ready.eq(room | (self.take if self.period == beats else 0)),
            accept.eq(self.i.valid & self.i.ready),
            end.eq(beat == beats - 1),
        ]
        m.d.sync += [
            self.full.eq(Mux(accept, end, self.full & ~self.take)),
            room.eq(Mux(accept, ~end, room | self.take)),
            self.early.eq(accept & self.i.payload.last & ~end),
        ]
        vector = Signal.like(self.vector, name="vector_held", reset_less=True)
        exponent = Signal.like(self.exponent, name="exponent_held", reset_less=True)
        last = Signal(reset_less=True)
        with m.If(accept):
            m.d.sync += [
                beat.eq(Mux(end, 0, beat + 1)),
                exponent.eq(self.i.payload.exponent),
                last.eq(self.i.payload.last),
            ]
            # Each in its place: elements that moved on from beat to beat would switch all the time.
            for place in range(beats):
                with m.If(beat == place):
                    m.d.sync += vector.word_select(place, self.lanes * self.width).eq(
                        self.i.payload.mantissa
                    )
        m.d.comb += [self.vector.eq(vector), self.exponent.eq(exponent), self.last.eq(last)]
        return m
