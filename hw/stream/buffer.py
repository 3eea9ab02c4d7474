"""Deep FIFO of a stream, in a memory with a registered read."""

from typing import Any

from amaranth.hdl import Module, Shape, ShapeLike, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory

__all__ = ["StreamBuffer"]


class StreamBuffer(Circuit):
    """FIFO of ``depth`` words, which block RAM holds, and of one in its read register.

    Latency is two cycles, interval one. ``i.ready`` and ``o.valid`` depend on registers only;
    ``o.payload`` is the memory's read register.

    Parameters
    ----------
    shape : ShapeLike
        Of a word.
    depth : int
        Words, a power of two, at least 2.

    Members
    -------
    i : In(stream.Signature(shape))
    o : Out(stream.Signature(shape))
        The words, first in, first out.
    """

    def __init__(self, *, shape: ShapeLike, depth: int) -> None:
        self.shape = shape
        self.depth = depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: Any) -> Module:
        """Count the words in the memory, and move one to its read register when that is free."""
        m = Module()
        m.submodules.words = words = uninitialized_memory(
            shape=Shape.cast(self.shape).width, depth=self.depth, no_collision=True
        )
        write, read = words.write_port(), words.read_port()
        level = Signal(range(self.depth + 1))
        accept = Signal()
        move = Signal()
        m.d.comb += [
            self.i.ready.eq(level != self.depth),
            accept.eq(self.i.valid & self.i.ready),
            move.eq((level != 0) & (~self.o.valid | self.o.ready)),
            write.en.eq(accept),
            write.data.eq(self.i.payload),
            read.en.eq(move),
            self.o.payload.eq(read.data),
        ]
        m.d.sync += level.eq(level + accept - move)
        with m.If(accept):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(move):
            m.d.sync += [read.addr.eq(read.addr + 1), self.o.valid.eq(1)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
