"""Masks and pointers of compressed blocks, and the check of a block that is asked for."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory, stream
from amaranth.lib.wiring import In, Out

from sw.formats.coding import BITS
from sw.sparse.csb_parameters import NUMBER_BITS, CsbDecoderParameters
from sw.sparse.stages import BLOCK_MEMORY_LATENCY

from ..base.circuit import Circuit
from ..base.field import Field
from ..base.memory import uninitialized_memory
from ..base.pipeline import register, wire
from ..stream.packet import Packet

__all__ = ["REQUEST", "BlockMemory", "checked_block"]

REQUEST = Packet(
    Field(name="number", bits=NUMBER_BITS, description="number of a block"),
    Field(name="rotate", bits=1, description="turn it by 180 degrees", coding=BITS),
)
"""A block asked for."""


def checked_block(p: CsbDecoderParameters) -> data.StructLayout:
    """Return the layout of a block that was checked.

    ``mask``, 0 if it is ``corrupt``; ``address`` of the value to begin with, which counts only if
    there is one; ``backward``: the values are read from behind, as was the mask; ``last``.
    """
    return data.StructLayout(
        {
            "mask": p.elements,
            "address": max(1, (p.values - 1).bit_length()),
            "backward": 1,
            "corrupt": 1,
            "last": 1,
        }
    )


class BlockMemory(Circuit):
    """Memory of masks and pointers, which gives blocks checked as by `sw.sparse.csb.check`.

    Latency is `latency` cycles from a request to its block, interval one cycle. ``o.valid`` comes
    from a register, ``o.payload`` from registers and a comparison; ``ask.ready`` depends on
    ``o.ready``.

    Parameters
    ----------
    parameters : CsbDecoderParameters
        Of the decoder.

    Members
    -------
    write : In(1), mask : In(ArrayLayout(1, elements)), pointer : In(pointer_bits)
        Adds a block; beyond the last place it is lost.
    full : Out(1)
        There is no place left.
    empty : In(1)
        Removes all blocks.
    length : In(range(values + 1))
        Number of values.
    ask : In(REQUEST.signature)
        Blocks asked for; ``last`` is passed on.
    o : Out(stream.Signature(checked_block(parameters)))
        These blocks; one that is not there is corrupt.
    """

    latency = BLOCK_MEMORY_LATENCY

    def __init__(self, *, parameters: CsbDecoderParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "write": In(1),
                "mask": In(data.ArrayLayout(1, p.elements)),
                "pointer": In(p.pointer_bits),
                "full": Out(1),
                "empty": In(1),
                "length": In(range(p.values + 1)),
                "ask": In(REQUEST.signature),
                "o": Out(stream.Signature(checked_block(p))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Read a block and the pointer behind it; count its values; add; compare."""
        m = Module()
        p = self.parameters
        # A memory of one word would have an address of no bits.
        depth = max(2, p.blocks)
        masks = uninitialized_memory(shape=p.elements, depth=depth)
        pointers = uninitialized_memory(shape=p.pointer_bits, depth=depth)
        m.submodules.masks, m.submodules.pointers = masks, pointers
        held = self._write(m, ((masks, self.mask), (pointers, self.pointer)))

        en = wire(m, "en", 1, ~self.o.valid | self.o.ready)
        valid = Signal(self.latency)
        with m.If(en):
            m.d.sync += valid.eq(Cat(self.ask.valid, valid))
        m.d.comb += [self.ask.ready.eq(en), self.o.valid.eq(valid[-1])]

        asked = self.ask.payload
        number = asked.data.number
        behind = wire(m, "behind", NUMBER_BITS + 1, number + 1)
        read = []
        for words, address in ((masks, number), (pointers, number), (pointers, behind)):
            port = words.read_port()
            m.d.comb += [port.en.eq(en), port.addr.eq(address)]
            read.append(port.data)
        mask, pointer, next_pointer = read
        rotate = register(m, en, "rotate", 1, asked.data.rotate)
        last = register(m, en, "last", 1, asked.last)
        absent = register(m, en, "absent", 1, number >= held)
        is_last = register(m, en, "is_last", 1, behind == held)
        is_first = register(m, en, "is_first", 1, behind == 1)

        # A register after each step: the values are counted, added to the pointer, and compared.
        bits = p.pointer_bits
        count = register(m, en, "count", range(p.elements + 1), sum(mask))
        limit = register(m, en, "limit", bits, Mux(is_last, self.length, next_pointer))
        start = register(m, en, "start", bits, pointer)
        turned = register(m, en, "turned", p.elements, Mux(rotate, mask[::-1], mask))
        unsound = register(m, en, "unsound", 1, absent | is_first & pointer.any())
        rotate_1 = register(m, en, "rotate_1", 1, rotate)
        last_1 = register(m, en, "last_1", 1, last)

        end = register(m, en, "end", bits + 1, start + count)
        limit = register(m, en, "limit_1", bits, limit)
        unsound = register(m, en, "unsound_1", 1, unsound)
        mask = register(m, en, "mask_read", p.elements, turned)
        start = register(m, en, "start_1", bits, start)
        backward = register(m, en, "backward", 1, rotate_1)
        corrupt = wire(m, "corrupt", 1, unsound | (end != limit) | (end > self.length))
        m.d.comb += [
            self.o.payload.mask.eq(Mux(corrupt, 0, mask)),
            self.o.payload.address.eq(Mux(backward, end - 1, start)),
            self.o.payload.backward.eq(backward),
            self.o.payload.corrupt.eq(corrupt),
            self.o.payload.last.eq(register(m, en, "last_2", 1, last_1)),
        ]
        return m

    def _write(self, m: Module, written: Sequence[tuple[memory.Memory, Value]]) -> Signal:
        """Add blocks while there is a place; return how many are held."""
        held = Signal(range(self.parameters.blocks + 1))
        add = self.write & ~self.full
        m.d.comb += self.full.eq(held == self.parameters.blocks)
        for words, word in written:
            port = words.write_port()
            m.d.comb += [port.en.eq(add), port.addr.eq(held), port.data.eq(word)]
        with m.If(self.empty):
            m.d.sync += held.eq(0)
        with m.Elif(add):
            m.d.sync += held.eq(held + 1)
        return held
