"""Gather: vectors that come one behind the other, put side by side."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from .packet import Packet

__all__ = ["Gather"]


class Gather(Circuit):
    """Gather of ``count`` vectors of ``beats`` beats each into ``beats`` beats of all of them.

    What a converter or a transposer gives, one vector a beat, becomes an array's operand: for each
    block of the reduction first the block of row 0, then that of row 1, and so on. A group is
    stored while the one before leaves. ``last`` comes with the last beat in of a group and leaves
    with its last beat out.

    Latency is two cycles from a group's last beat in to its first beat out; interval ``count``
    cycles a beat out, one a beat in. ``i.ready`` and ``o.valid`` come
    from registers, ``o.payload`` from the memories' read registers.

    Parameters
    ----------
    packet : Packet
        Of ``i``.
    count : int
        Vectors of a group.
    beats : int
        Beats of a vector.

    Members
    -------
    i : In(packet.signature)
        Vectors.
    o : Out(gathered.signature)
        The same fields, ``count`` times as many of each, vector 0 lowest.
    framing : Out(1)
        ``last`` came with a beat that ends no group, in that cycle; it is dropped.
    """

    def __init__(self, *, packet: Packet, count: int, beats: int = 1) -> None:
        self.packet = packet
        self.count = count
        self.beats = beats
        self.gathered = packet.repeated(count, f", of {count} vectors")
        super().__init__(
            {
                "i": In(packet.signature),
                "o": Out(self.gathered.signature),
                "framing": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Write a memory for each vector in turn, read all of them together."""
        m = Module()
        accept = Signal()
        beat = Signal(range(self.beats))
        vector = Signal(range(self.count))
        last_beat = Signal()
        group_end = Signal()
        # Halves of the memories that hold a group, the one that is written and the one read.
        held = Signal(range(3))
        write_half = Signal()
        read_half = Signal()
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready),
            last_beat.eq(beat == self.beats - 1),
            group_end.eq(accept & last_beat & (vector == self.count - 1)),
            self.framing.eq(accept & self.i.payload.last & ~group_end),
        ]
        with m.If(accept):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
            with m.If(last_beat):
                m.d.sync += vector.eq(Mux(group_end, 0, vector + 1))
        ends = Signal(2)
        with m.If(group_end):
            m.d.sync += [
                write_half.eq(~write_half),
                ends.bit_select(write_half, 1).eq(self.i.payload.last),
            ]

        read_beat = Signal(range(self.beats))
        move = Signal()
        read_end = Signal()
        m.d.comb += [
            move.eq((held != 0) & (~self.o.valid | self.o.ready)),
            read_end.eq(move & (read_beat == self.beats - 1)),
        ]
        with m.If(move):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.last.eq(read_end & Array(ends)[read_half]),
                read_beat.eq(Mux(read_end, 0, read_beat + 1)),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(read_end):
            m.d.sync += read_half.eq(~read_half)
        following = Signal(range(3))
        m.d.comb += following.eq(held + group_end - read_end)
        m.d.sync += [held.eq(following), self.i.ready.eq(following != 2)]

        shape = self.packet["data"].shape
        for n in range(self.count):
            words = memory.Memory(shape=shape, depth=2 * self.beats, init=[])
            m.submodules[f"vector_{n}"] = words
            write, read = words.write_port(), words.read_port()
            m.d.comb += [
                write.en.eq(accept & (vector == n)),
                write.addr.eq(Mux(write_half, self.beats + beat, beat)),
                write.data.eq(self.i.payload.data),
                read.en.eq(move),
                read.addr.eq(Mux(read_half, self.beats + read_beat, read_beat)),
            ]
            for field in self.packet.fields:
                mine = getattr(read.data, field.name)
                each = [mine] if field.count is None else [mine[k] for k in range(field.count)]
                given = getattr(self.o.payload.data, field.name)
                m.d.comb += [given[n * len(each) + k].eq(one) for k, one in enumerate(each)]
        return m
