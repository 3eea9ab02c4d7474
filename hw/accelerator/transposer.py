"""Block transposer: blocks of words that come element by element leave row by row."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import advance, delay
from ..formats.operand import float_packet

__all__ = ["BlockTransposer"]


def _rotated(values: list[Value], places: Value) -> list[Value]:
    """Return values moved up by some places, those beyond the top to the bottom."""
    width = len(values[0])
    turned = Cat(values)
    for k in range(len(places)):
        turned = Mux(places[k], turned.rotate_left(width << k), turned)
    return [turned[n * width :][:width] for n in range(len(values))]


class BlockTransposer(Circuit):
    """Transposer of blocks of ``reduction`` words of ``parts`` x ``lanes`` values of binary32.

    In comes word by word, a part of it a beat, the lowest first; each is of one element of the
    reduction, for as many rows as it has values. Out leaves row by row, ``lanes`` consecutive
    elements of the reduction a beat. So a block has as many beats in as out. It is stored while
    the one before leaves.

    A memory for each lane holds value ``v`` of word ``k`` in number ``(v + k) % lanes``: those of a
    part lie apart, and so do elements of a row that follow each other. Latency is three cycles from
    a block's last beat in to its first one out, interval one. ``i.ready`` and ``o`` come from
    registers.

    Parameters
    ----------
    lanes, parts : int
        Values of a beat, and beats of a word; powers of two.
    reduction : int
        Words of a block, a multiple of ``lanes``.

    Members
    -------
    i, o : In, Out(float_packet(...).signature)
        Beats; ``last`` has no meaning.
    """

    def __init__(self, *, lanes: int, parts: int, reduction: int) -> None:
        self.lanes, self.parts, self.reduction = lanes, parts, reduction
        self.packet = float_packet("binary32", lanes)
        super().__init__({"i": In(self.packet.signature), "o": Out(self.packet.signature)})

    def elaborate(self, platform: Any) -> Module:
        """Write words skewed into one half of the memories, read rows from the other one."""
        m = Module()
        lanes, parts = self.lanes, self.parts
        bits = (lanes - 1).bit_length()
        # Halves that hold a block, the one that is written and the one read.
        held = Signal(range(3))
        write_half = Signal()
        read_half = Signal()
        accept = Signal()
        move = Signal()
        # Whether the memories' read registers hold a beat, and it goes on.
        found = Signal()
        leave = Signal()
        read_end = Signal()
        write_end = Signal()
        part = Signal(range(parts))
        word = Signal(range(self.reduction))
        group = Signal(range(self.reduction // lanes))
        row = Signal(range(lanes * parts))
        part_end = accept & advance(m, accept, part, parts)
        group_end = move & advance(m, move, group, self.reduction // lanes)
        following = Signal(range(3))
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready),
            leave.eq(~self.o.valid | self.o.ready),
            move.eq((held != 0) & (~found | leave)),
            write_end.eq(part_end & advance(m, part_end, word, self.reduction)),
            read_end.eq(group_end & advance(m, group_end, row, lanes * parts)),
            following.eq(held + write_end - read_end),
        ]
        m.d.sync += [
            held.eq(following),
            self.i.ready.eq(following != 2),
            write_half.eq(write_half ^ write_end),
            read_half.eq(read_half ^ read_end),
            found.eq(move | (found & ~leave)),
        ]
        with m.If(leave):
            m.d.sync += self.o.valid.eq(found)
        written = _rotated(list(self.i.payload.data.value), word[:bits])
        read: list[Value] = []
        for n in range(lanes):
            element = (n - row)[:bits]
            places = Cat(part, word, write_half), Cat(row[bits:], element, group, read_half)
            lane = uninitialized_memory(shape=32, depth=1 << len(places[0]), no_collision=True)
            m.submodules[f"lane_{n}"] = lane
            write_port, read_port = lane.write_port(), lane.read_port()
            m.d.comb += [
                write_port.en.eq(accept),
                write_port.addr.eq(places[0]),
                write_port.data.eq(written[n]),
                read_port.en.eq(move),
                read_port.addr.eq(places[1]),
            ]
            read.append(read_port.data)
        back = delay(m, move, (-row)[:bits], 1, name="back")
        with m.If(leave):
            m.d.sync += self.o.payload.data.value.as_value().eq(Cat(_rotated(read, back)))
        return m
