"""Ring buffer that is written anywhere and read in order."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.base.circuit import Circuit
from hw.base.memory import uninitialized_memory

__all__ = ["Ring"]


class Ring(Circuit):
    """Ring buffer in block RAM, written at any address, read in order up to ``filled``.

    Positions have a bit more than addresses, so that full and empty differ. Latency is two cycles
    from ``filled`` to ``o``, interval two cycles; ``o.valid`` is a register, ``o.payload`` comes
    from the memory.

    Parameters
    ----------
    width : int
        Bits of a word.
    depth : int
        Words, a power of two.

    Members
    -------
    write : In(1), address : In(log2(depth)), data : In(width)
        Word to write; addresses are positions modulo the depth.
    filled : In(log2(depth) + 1)
        Position that reading stops before.
    consumed : Out(log2(depth) + 1)
        Position of the first word not read.
    o : Out(stream.Signature(width))
        Words.
    """

    def __init__(self, *, width: int, depth: int) -> None:
        self.width = width
        self.depth = depth
        bits = exact_log2(depth)
        super().__init__(
            {
                "write": In(1),
                "address": In(bits),
                "data": In(width),
                "filled": In(bits + 1),
                "consumed": Out(bits + 1),
                "o": Out(stream.Signature(width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Read a word ahead, and hold it until it is accepted."""
        m = Module()
        m.submodules.words = held = uninitialized_memory(
            shape=self.width, depth=self.depth, no_collision=True
        )
        write, read = held.write_port(), held.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.address),
            write.data.eq(self.data),
            read.addr.eq(self.consumed),
            read.en.eq(~self.o.valid),
            self.o.payload.eq(read.data),
        ]
        with m.If(~self.o.valid):
            m.d.sync += self.o.valid.eq(self.filled != self.consumed)
        with m.Elif(self.o.ready):
            m.d.sync += [self.o.valid.eq(0), self.consumed.eq(self.consumed + 1)]
        return m
