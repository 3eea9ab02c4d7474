"""Output FIFO that lets a clock-enabled pipeline stop in time."""

from typing import Any

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib import memory, stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["OutputFifo"]


class OutputFifo(Circuit):
    """Output FIFO of `DEPTH` words whose credit drives a registered clock enable.

    A pipeline that moves in the cycle after it saw ``credit``, and pushes only when it moves, never
    overruns the FIFO and is never slowed while the stream takes a word a cycle.

    Latency is one cycle, interval one cycle. ``o.valid`` and ``credit`` depend on registers only;
    ``o.payload`` is read from a memory without a register.

    Parameters
    ----------
    shape : ShapeLike
        Of a word.

    Members
    -------
    push : In(1), word : In(shape)
        Word to add.
    credit : Out(1)
        Whether the pipeline may move in the next cycle.
    o : Out(stream.Signature(shape))
        The words, first in, first out.
    """

    DEPTH = 4

    def __init__(self, *, shape: ShapeLike) -> None:
        self.shape = shape
        super().__init__(
            {
                "push": In(1),
                "word": In(shape),
                "credit": Out(1),
                "o": Out(stream.Signature(shape)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the memory, its pointers and its level."""
        m = Module()
        words = memory.Memory(shape=self.shape, depth=self.DEPTH, init=[])
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
            self.credit.eq(level <= self.DEPTH - 2),
        ]
        with m.If(self.push):
            m.d.sync += write.addr.eq(write.addr + 1)
        with m.If(pop):
            m.d.sync += read.addr.eq(read.addr + 1)
        m.d.sync += level.eq(level + Mux(self.push, 1, 0) - Mux(pop, 1, 0))
        return m
