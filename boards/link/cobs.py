"""Consistent overhead byte stuffing: frames as bytes between zeros, and back."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit

from .ring import Ring

__all__ = ["CobsDecoder", "CobsEncoder"]


class CobsDecoder(Circuit):
    """Decoder of consistent overhead byte stuffing.

    Latency and interval are one cycle; all outputs come from registers.

    Members
    -------
    valid : In(1), data : In(8)
        Bytes of the line.
    o_valid : Out(1), o_data : Out(8)
        A byte of a frame.
    end : Out(1), broken : Out(1)
        A frame that had bytes has ended; it ended too early.
    """

    def __init__(self) -> None:
        line = {"valid": In(1), "data": In(8)}
        frame = {"o_valid": Out(1), "o_data": Out(8), "end": Out(1), "broken": Out(1)}
        super().__init__(line | frame)

    def elaborate(self, platform: Any) -> Module:
        """Count to the next place of a zero."""
        m = Module()
        left = Signal(8)
        begun = Signal()
        zero_follows = Signal()
        m.d.sync += [self.o_valid.eq(0), self.end.eq(0)]
        with m.If(self.valid):
            m.d.sync += [
                self.broken.eq(left != 0),
                self.o_data.eq(Mux(left == 0, 0, self.data)),
                left.eq(left - 1),
            ]
            with m.If(self.data == 0):
                m.d.sync += [self.end.eq(begun), begun.eq(0), left.eq(0), zero_follows.eq(0)]
            with m.Elif(left == 0):
                m.d.sync += [
                    self.o_valid.eq(zero_follows),
                    begun.eq(1),
                    left.eq(self.data - 1),
                    zero_follows.eq(self.data != 255),
                ]
            with m.Else():
                m.d.sync += self.o_valid.eq(1)
        return m


class CobsEncoder(Circuit):
    """Encoder of consistent overhead byte stuffing: frames between zeros, without a zero inside.

    A block's first byte says where its first zero is, so a block of up to 255 bytes waits in a
    memory until it is complete: that is the latency. Interval is one to three cycles a byte while
    the memory is not full; frames that follow each other leave without a gap.

    Members
    -------
    i : In(stream.Signature(struct of data, 8 bits, and last))
        Bytes of frames.
    o : Out(stream.Signature(8))
        Bytes for the line.
    """

    DEPTH = 512

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout({"data": 8, "last": 1}))),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Write blocks into a ring; count them in when they are complete."""
        m = Module()
        m.submodules.ring = ring = Ring(width=8, depth=self.DEPTH)
        # Blocks begin at ``block``, where their first byte is put last.
        block = Signal(len(ring.consumed))
        write = Signal(len(ring.consumed))
        count = Signal(8, init=1)
        last = Signal()
        credit = Signal()
        m.d.comb += ring.filled.eq(block)
        wiring.connect(m, ring.o, wiring.flipped(self.o))
        used = Signal(len(ring.consumed))
        m.d.comb += used.eq(write - ring.consumed)
        m.d.sync += credit.eq(used <= self.DEPTH - 8)
        with m.FSM():
            with m.State("OPEN"):
                with m.If(self.i.valid & credit):
                    m.d.comb += [ring.write.eq(1), ring.address.eq(write)]
                    m.d.sync += [block.eq(write + 1), write.eq(write + 2), count.eq(1)]
                    m.next = "TAKE"
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(credit)
                with m.If(self.i.valid & credit):
                    m.d.sync += last.eq(self.i.payload.last)
                    with m.If(self.i.payload.last):
                        m.next = "END"
                    with m.If(self.i.payload.data == 0):
                        m.next = "ZERO"
                    with m.Else():
                        m.d.comb += [
                            ring.write.eq(1),
                            ring.address.eq(write),
                            ring.data.eq(self.i.payload.data),
                        ]
                        m.d.sync += [write.eq(write + 1), count.eq(count + 1)]
                        with m.If(count == 254):
                            m.next = "ZERO"
            # The block is complete; another begins.
            with m.State("ZERO"):
                m.d.comb += [ring.write.eq(1), ring.address.eq(block), ring.data.eq(count)]
                m.d.sync += [block.eq(write), write.eq(write + 1), count.eq(1)]
                m.next = "TAKE"
                with m.If(last):
                    m.next = "END"
            with m.State("END"):
                m.d.comb += [ring.write.eq(1), ring.address.eq(block), ring.data.eq(count)]
                m.d.sync += [block.eq(write), last.eq(0)]
                m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [ring.write.eq(1), ring.address.eq(write)]
                m.d.sync += [block.eq(write + 1), write.eq(write + 1)]
                m.next = "OPEN"
        return m
