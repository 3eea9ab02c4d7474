"""Table behind a register: words that software writes and the circuit looks up."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory

__all__ = ["RegisterTable"]


class RegisterTable(Circuit):
    """Lookup table that a write-only register fills, a word a write.

    Latency is one cycle, interval one cycle; ``o`` is registered. Words are undefined until they
    are written.

    Parameters
    ----------
    depth : int
        Words, a power of two, at least 2.
    bits : int
        Bits of a word.

    Members
    -------
    write : In(1), index : In(range(depth)), value : In(bits)
        Writes a word.
    address : In(range(depth))
        Word looked up.
    o : Out(bits)
        That word.
    """

    def __init__(self, *, depth: int, bits: int) -> None:
        self.depth = depth
        self.bits = bits
        super().__init__(
            {
                "write": In(1),
                "index": In(range(depth)),
                "value": In(bits),
                "address": In(range(depth)),
                "o": Out(bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Connect a memory's ports."""
        m = Module()
        m.submodules.words = words = uninitialized_memory(shape=self.bits, depth=self.depth)
        write, read = words.write_port(), words.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.index),
            write.data.eq(self.value),
            read.addr.eq(self.address),
            self.o.eq(read.data),
        ]
        return m
