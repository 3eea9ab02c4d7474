"""Memory of an operand: words that come once and are read as often as the product needs them."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import advance

__all__ = ["OperandMemory"]


class OperandMemory(Circuit):
    """A ring of words, each of which is held until it is read for the last time.

    Words are read in the order in which they came. A pass over some of them begins with the oldest
    that is held and ends with ``back``; all passes but the last ``keep`` their words. So words of
    the next panel come in while those of one are read, and after the last pass over this.

    A word comes in parts, its lowest bits first, each of which has a memory of its own. Latency is
    two cycles from a word's last part to ``there``, which then is high in the next one, and to
    ``o``; interval is a part a cycle and a word a cycle. ``i.ready`` and ``there`` depend on
    registers only; ``o`` is the memories' read registers, unknown before the first word.

    Parameters
    ----------
    width : int
        Bits of a word.
    part_bits : int
        Of a part; bits of a word's last part beyond the word are not stored.
    words : int
        Words that are held, a power of two.

    Members
    -------
    i : In(stream.Signature(part_bits))
        Parts.
    padding : Out(1)
        A part came with a bit set beyond the word.
    there : Out(1)
        There is a next word.
    read : In(1)
        Read it; only with ``there``.
    keep, back : In(1)
        With ``read``: this is not the last pass; the pass ends.
    o : Out(width)
        The word read, from the next cycle to the one of the next ``read``.
    """

    def __init__(self, *, width: int, part_bits: int, words: int) -> None:
        self.width = width
        self.part_bits = part_bits
        self.words = words
        self.parts = -(-width // part_bits)
        super().__init__(
            {
                "i": In(stream.Signature(part_bits)),
                "padding": Out(1),
                "there": Out(1),
                **dict.fromkeys(("read", "keep", "back"), In(1)),
                "o": Out(width),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Count the words that are held, and those of them that are still to be read."""
        m = Module()
        accept = Signal()
        part = Signal(range(self.parts))
        write_address = Signal(range(self.words))
        read_address = Signal(range(self.words))
        oldest = Signal(range(self.words))
        held = Signal(range(self.words + 1))
        ahead = Signal(range(self.words + 1))
        m.d.comb += [
            self.i.ready.eq(held != self.words),
            self.there.eq(ahead != 0),
            accept.eq(self.i.valid & self.i.ready),
        ]
        written = Signal()
        m.d.comb += written.eq(accept & advance(m, accept, part, self.parts))
        given_up = self.read & ~self.keep
        following = Signal(range(self.words + 1))
        returns = self.read & self.keep & self.back
        m.d.comb += following.eq(held + written - given_up)
        m.d.sync += [
            held.eq(following),
            ahead.eq(Mux(returns, following, ahead + written - self.read)),
        ]
        with m.If(written):
            m.d.sync += write_address.eq(write_address + 1)
        with m.If(given_up):
            m.d.sync += oldest.eq(read_address + 1)
        with m.If(returns):
            m.d.sync += read_address.eq(oldest)
        with m.Elif(self.read):
            m.d.sync += read_address.eq(read_address + 1)
        self._store(m, accept, part, write_address, read_address)
        return m

    def _store(
        self, m: Module, accept: Signal, part: Signal, write_address: Signal, read_address: Signal
    ) -> None:
        """Build the memories of the parts."""
        parts = []
        for n in range(self.parts):
            bits = min(self.part_bits, self.width - n * self.part_bits)
            words = uninitialized_memory(shape=bits, depth=self.words, no_collision=True)
            m.submodules[f"part_{n}"] = words
            write, read = words.write_port(), words.read_port()
            m.d.comb += [
                write.en.eq(accept & (part == n)),
                write.addr.eq(write_address),
                write.data.eq(self.i.payload),
                read.en.eq(self.read),
                read.addr.eq(read_address),
            ]
            parts.append(read.data)
        m.d.comb += self.o.eq(Cat(parts))
        beyond = self.i.payload[self.width - (self.parts - 1) * self.part_bits :]
        m.d.comb += self.padding.eq(accept & (part == self.parts - 1) & beyond.any())
