"""A short queue that lets a clock-enabled pipeline stop in time."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["ResultQueue"]


class ResultQueue(Circuit):
    """Four words between a pipeline that decides a cycle ahead whether to move, and a stream.

    A pipeline that moves in the cycle after it saw ``room``, and pushes only when it moves, never
    overruns the queue and is never slowed while the stream takes a word a cycle. Latency is one
    cycle. ``o.valid`` and ``room`` depend on registers only.

    Parameters
    ----------
    width : int
        Bits of a word.

    Members
    -------
    push : In(1), word : In(width)
        Word to add.
    room : Out(1)
        Whether the pipeline may move in the next cycle.
    o : Out(stream.Signature(width))
    """

    DEPTH = 4

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__(
            {
                "push": In(1),
                "word": In(width),
                "room": Out(1),
                "o": Out(stream.Signature(width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        words = memory.Memory(shape=self.width, depth=self.DEPTH, init=[])
        m.submodules.words = words
        write = words.write_port()
        read = words.read_port(domain="comb")
        level = Signal(range(self.DEPTH + 1))
        pop = Signal()
        m.d.comb += [
            pop.eq(self.o.valid & self.o.ready),
            write.en.eq(self.push),
            write.data.eq(self.word),
            self.o.valid.eq(level != 0),
            self.o.payload.eq(read.data),
            # A word pushed now and one pushed in the next cycle must both find a place.
            self.room.eq(level <= self.DEPTH - 2),
        ]
        with m.If(self.push):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(pop):
            m.d.sync += read.addr.eq(read.addr + 1)
        m.d.sync += level.eq(level + Mux(self.push, 1, 0) - Mux(pop, 1, 0))
        return m
