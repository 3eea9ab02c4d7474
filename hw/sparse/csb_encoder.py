"""The encoder of compressed sparse blocks: dense blocks in, masks, pointers and values out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal

from sw.sparse.csb_parameters import VALUE_BITS, CsbEncoderParameters

from ..base.field import Field
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import word
from .first_one import chosen, first_one

__all__ = ["CsbEncoder", "block_fields", "value_fields"]


def block_fields(parameters: Any) -> tuple[Field, ...]:
    """Return the fields of a compressed block without its values."""
    p = parameters
    return (
        Field(name="mask", bits=1, count=p.elements, description="which elements have a value"),
        Field(
            name="pointer",
            bits=p.pointer_bits,
            description="number of the block's first value in its packet",
        ),
    )


def value_fields() -> tuple[Field, ...]:
    """Return the fields of a value."""
    return (
        Field(name="value", bits=VALUE_BITS, description="binary32 value"),
        Field(
            name="present",
            bits=1,
            description="0 in a packet's last beat if all its values came before",
        ),
    )


class CsbEncoder(Core):
    """Compression of sparse blocks, as `sw.sparse.csb.encode`; a packet is compressed together.

    A beat takes a cycle for each of its values, or one if it has none: then nothing is given but,
    with ``last``, a beat of ``o_value`` that has no value. The mask of a block comes with its last
    value; each of ``o_value`` and ``o_block`` must be taken without waiting for the other. Latency
    is `latency` cycles from a beat to its first value. All outputs but ``i.ready``, which depends
    on the ready of both, come from registers.

    Members
    -------
    i : In(stream.Signature(...))
        Elements of blocks, row by row, fields as in `streams`. ``last`` may come with the last beat
        of a block only.
    o_value : Out(stream.Signature(...))
        Values, fields as in `streams`.
    o_block : Out(stream.Signature(...))
        Masks and pointers, fields as in `streams`.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        "nan": "a value was NaN or infinite",
        "overflow": "a packet had more values than a pointer can tell",
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        word("blocks", "ro", 32, "blocks given"),
        word("values", "ro", 32, "values given"),
        word("input_stalls", "ro", 32, "cycles that waited for elements"),
        word("output_stalls", "ro", 32, "cycles in which an output waited to be taken"),
    )
    latency = 2

    def __init__(self, *, parameters: CsbEncoderParameters) -> None:
        self.parameters = p = parameters
        value = Field(name="value", bits=VALUE_BITS, count=p.lanes, description="binary32 elements")
        keep = Field(
            name="keep", bits=1, count=p.lanes, description="the element is not to count as zero"
        )
        super().__init__(
            streams={
                "i": (value, keep) if p.keep else (value,),
                "o_value": value_fields(),
                "o_block": block_fields(p),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Hold a beat while its values leave."""
        m = Module()
        p = self.parameters
        taken = [self.i.payload.data.word_select(n, VALUE_BITS) for n in range(p.lanes)]
        kept = self.i.payload.data[VALUE_BITS * p.lanes :] if p.keep else (1 << p.lanes) - 1
        nonzero = Cat(value[23:31].any() for value in taken)
        stored = wire(m, "stored", p.lanes, nonzero & kept)
        take = wire(m, "take", 1, self.i.valid & self.i.ready)
        place = Signal(range(p.beats))
        block_end = wire(m, "block_end", 1, place == p.beats - 1)
        packet_end = self.i.payload.last & block_end

        # The beat held, what is left of it, and the block so far.
        held = Signal()
        left = Signal(p.lanes, reset_less=True)
        mask = Signal(p.elements, reset_less=True)
        values = [register(m, take, f"value_{n}", VALUE_BITS, v) for n, v in enumerate(taken)]
        ends_block = register(m, take, "ends_block", 1, block_end)
        ends_packet = register(m, take, "ends_packet", 1, packet_end)
        first, rest = first_one(m, "first", left)
        free = wire(m, "free", 1, ~self.o_value.valid | self.o_value.ready)
        block_free = wire(m, "block_free", 1, ~self.o_block.valid | self.o_block.ready)
        step = wire(m, "step", 1, held & free & (block_free | ~ends_block))
        done = wire(m, "done", 1, step & ~rest.any())
        ending = wire(m, "ending", 1, done & ends_block)
        present = left.any()
        with m.If(done | ~held):
            m.d.sync += held.eq(self.i.valid)
        with m.If(take):
            m.d.sync += [place.eq(Mux(block_end, 0, place + 1)), left.eq(stored)]
            for n in range(p.beats):
                with m.If(place == n):
                    m.d.sync += mask.word_select(n, p.lanes).eq(stored)
        with m.Elif(step):
            m.d.sync += left.eq(rest)

        pointer = Signal(p.pointer_bits)
        block_pointer = Signal(p.pointer_bits)
        next_pointer = wire(
            m, "next_pointer", p.pointer_bits, Mux(done & ends_packet, 0, pointer + present)
        )
        with m.If(step):
            m.d.sync += pointer.eq(next_pointer)
        with m.If(ending):
            m.d.sync += block_pointer.eq(next_pointer)

        value = Cat(chosen(first, values), present)
        about = Cat(mask, block_pointer)
        m.d.comb += [
            self.i.ready.eq(done | ~held),
            self.o_value.payload.data.eq(register(m, step, "given", len(value), value)),
            self.o_value.payload.last.eq(register(m, step, "given_last", 1, done & ends_packet)),
            self.o_block.payload.data.eq(register(m, ending, "about", len(about), about)),
            self.o_block.payload.last.eq(register(m, ending, "about_last", 1, ends_packet)),
            self.flags.nan.eq(
                take & Cat(v[23:31].all() & one for v, one in zip(taken, stored, strict=True)).any()
            ),
            self.flags.overflow.eq(step & present & pointer.all()),
            self.flags.framing.eq(take & self.i.payload.last & ~block_end),
        ]
        with m.If(free):
            m.d.sync += self.o_value.valid.eq(step & (present | ends_packet))
        with m.If(block_free):
            m.d.sync += self.o_block.valid.eq(ending)
        waits = [o.valid & ~o.ready for o in (self.o_value, self.o_block)]
        events = (
            (self.blocks, ending),
            (self.values, step & present),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, Cat(waits).any()),
        )
        count_events(m, self.clear, events)
        return m
