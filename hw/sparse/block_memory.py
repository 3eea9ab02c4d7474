"""Masks and pointers of compressed blocks, and the check of a block that is asked for."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.sparse.csb_parameters import NUMBER_BITS, CsbDecoderParameters

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import register, wire

__all__ = ["REQUEST", "BlockMemory", "checked_block"]

REQUEST = data.StructLayout({"number": NUMBER_BITS, "rotate": 1, "last": 1})


def checked_block(parameters: CsbDecoderParameters) -> data.StructLayout:
    """Return the layout of a block that was checked.

    ``mask``, 0 if it is ``corrupt``; ``address`` of the value to begin with, which counts only if
    there is one; ``backward``: the values are read from behind, as was the mask; ``last``.
    """
    p = parameters
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

    Throughput is a block a cycle; latency is `latency` cycles. ``o.valid`` comes from a register,
    ``o.payload`` from registers and a comparison; ``ask.ready`` depends on ``o.ready``.

    Parameters
    ----------
    parameters : CsbDecoderParameters
        Of the decoder.

    Members
    -------
    write : In(1), mask : In(elements), pointer : In(pointer_bits)
        Adds a block; beyond the last place it is lost.
    full : Out(1)
        There is no place left.
    empty : In(1)
        Removes all blocks.
    length : In(range(values + 1))
        Number of values.
    ask : In(stream.Signature(REQUEST))
        Blocks asked for: their number, whether to be rotated; ``last`` is passed on.
    o : Out(stream.Signature(StructLayout))
        These blocks, see `checked_block`; one that is not there is corrupt.
    """

    latency = 3

    def __init__(self, *, parameters: CsbDecoderParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "write": In(1),
                "mask": In(p.elements),
                "pointer": In(p.pointer_bits),
                "full": Out(1),
                "empty": In(1),
                "length": In(range(p.values + 1)),
                "ask": In(stream.Signature(REQUEST)),
                "o": Out(stream.Signature(checked_block(p))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Read a block and the pointer behind it, count its values, add and compare."""
        m = Module()
        p = self.parameters
        # A memory of one word would have an address of no bits.
        depth = max(2, p.blocks)
        masks = uninitialized_memory(shape=p.elements, depth=depth)
        pointers = uninitialized_memory(shape=p.pointer_bits, depth=depth)
        m.submodules.masks, m.submodules.pointers = masks, pointers
        held = Signal(range(p.blocks + 1))
        m.d.comb += self.full.eq(held == p.blocks)
        for words, word in ((masks, self.mask), (pointers, self.pointer)):
            port = words.write_port()
            m.d.comb += [
                port.en.eq(self.write & ~self.full),
                port.addr.eq(held),
                port.data.eq(word),
            ]
        with m.If(self.empty):
            m.d.sync += held.eq(0)
        with m.Elif(self.write & ~self.full):
            m.d.sync += held.eq(held + 1)

        en = wire(m, "en", 1, ~self.o.valid | self.o.ready)
        valid = Signal(self.latency)
        with m.If(en):
            m.d.sync += valid.eq(Cat(self.ask.valid, valid))
        m.d.comb += [self.ask.ready.eq(en), self.o.valid.eq(valid[-1])]

        asked = self.ask.payload
        behind = wire(m, "behind", NUMBER_BITS + 1, asked.number + 1)
        read = []
        for words, address in ((masks, asked.number), (pointers, asked.number), (pointers, behind)):
            port = words.read_port()
            m.d.comb += [port.en.eq(en), port.addr.eq(address)]
            read.append(port.data)
        mask, pointer, next_pointer = read
        about = Cat(asked.rotate, asked.last, asked.number >= held, behind == held, behind == 1)
        rotate, last, absent, is_last, is_first = register(m, en, "about", len(about), about)

        # A register after each step: the values are counted, added to the pointer, and compared.
        count = Signal(range(p.elements + 1), reset_less=True)
        end = Signal(p.pointer_bits + 1, reset_less=True)
        limit = Signal(p.pointer_bits, reset_less=True)
        starts = Signal(p.pointer_bits, reset_less=True)
        turned = Signal(p.elements, reset_less=True)
        tags = Signal(3, reset_less=True)
        limit_2 = Signal.like(limit)
        starts_2 = Signal.like(starts)
        turned_2 = Signal.like(turned)
        tags_2 = Signal.like(tags)
        with m.If(en):
            m.d.sync += [
                count.eq(sum(mask)),
                limit.eq(Mux(is_last, self.length, next_pointer)),
                starts.eq(pointer),
                turned.eq(Mux(rotate, mask[::-1], mask)),
                tags.eq(Cat(rotate, last, absent | is_first & pointer.any())),
                end.eq(starts + count),
                limit_2.eq(limit),
                starts_2.eq(starts),
                turned_2.eq(turned),
                tags_2.eq(tags),
            ]
        backward, ending, unsound = tags_2
        corrupt = wire(m, "corrupt", 1, unsound | (end != limit_2) | (end > self.length))
        m.d.comb += [
            self.o.payload.mask.eq(Mux(corrupt, 0, turned_2)),
            self.o.payload.address.eq(Mux(backward, end - 1, starts_2)),
            self.o.payload.backward.eq(backward),
            self.o.payload.corrupt.eq(corrupt),
            self.o.payload.last.eq(ending),
        ]
        return m
