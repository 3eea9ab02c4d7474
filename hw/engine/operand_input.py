"""Input of an operand: the beats of a job, counted, and the end of their packet."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import advance, count_to
from ..stream.packet import Packet

__all__ = ["OperandInput"]


class OperandInput(Circuit):
    """Takes as many beats as a job has of an operand, ``panels`` x ``blocks`` of so many.

    Latency is 0, interval a beat a cycle. ``o`` depends on ``i`` and a register, ``i.ready`` on
    ``o.ready``.

    Parameters
    ----------
    packet : Packet
        Of ``i``.
    block_beats : int
        Beats of a block of a panel.
    open_end : bool
        Whether the packet may go on behind the operand.

    Members
    -------
    start : In(1)
        Starts with the following two, which stay while beats come.
    blocks, panels : In(16)
        Sizes of the operand.
    i : In(packet.signature)
        Beats, which wait unless the operand has some to come.
    o : Out(stream.Signature(bits))
        Its beats.
    active : Out(1)
        There are beats to come. From a register.
    framing : Out(1)
        The packet ends before the operand does or, without an ``open_end``, not with it.
    """

    def __init__(self, *, packet: Packet, block_beats: int, open_end: bool) -> None:
        self.packet = packet
        self.block_beats = block_beats
        self.open_end = open_end
        super().__init__(
            {
                "start": In(1),
                "blocks": In(16),
                "panels": In(16),
                "i": In(packet.signature),
                "o": Out(stream.Signature(packet.bits)),
                "active": Out(1),
                "framing": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count beats, blocks and panels."""
        m = Module()
        accept = Signal()
        m.d.comb += [
            self.o.valid.eq(self.i.valid & self.active),
            self.o.payload.eq(self.i.payload.data),
            self.i.ready.eq(self.o.ready & self.active),
            accept.eq(self.o.valid & self.o.ready),
        ]
        beat = Signal(range(self.block_beats))
        step = accept & advance(m, accept, beat, self.block_beats)
        for name in ("blocks", "panels"):
            step = step & count_to(m, step, getattr(self, name), name=name)
        end = Signal()
        m.d.comb += end.eq(step)
        last = self.i.payload.last
        wrong = last & ~end if self.open_end else last ^ end
        m.d.comb += self.framing.eq(accept & wrong)
        with m.If(self.start):
            m.d.sync += self.active.eq(1)
        with m.Elif(end):
            m.d.sync += self.active.eq(0)
        return m
