"""The encoder of compressed sparse blocks: dense blocks in, masks, pointers and values out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sw.formats import BINARY32
from sw.formats.coding import BITS, FloatCoding
from sw.sparse.csb_parameters import VALUE_BITS, CsbEncoderParameters, CsbParameters

from ..base.field import Field
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import counter, stall_registers
from ..float.classify import classify
from ..stream.packet import Packet
from .first_one import FirstOne, one_hot_select

__all__ = ["VALUE", "CsbEncoder", "block_packet"]

VALUE = Packet(
    Field(
        name="value",
        bits=VALUE_BITS,
        description="binary32 value",
        coding=FloatCoding(BINARY32),
    ),
    Field(
        name="present",
        bits=1,
        description="0 in a packet's last beat if all its values came before",
        coding=BITS,
    ),
)
"""A value of compressed blocks."""


def block_packet(p: CsbParameters) -> Packet:
    """Return the packet of a compressed block without its values."""
    return Packet(
        Field(
            name="mask",
            bits=1,
            count=p.elements,
            description="which elements have a value",
            coding=BITS,
        ),
        Field(
            name="pointer",
            bits=p.pointer_bits,
            description="number of the block's first value in its packet",
        ),
    )


class CsbEncoder(Core):
    """Encoder of compressed sparse blocks, as `sw.sparse.csb.encode`, a packet together.

    Interval is one cycle per nonzero of a beat, at least one. A beat without nonzeros gives no
    value but, with ``last``, a null one that ends the packet. The mask of a block leaves with its
    last value; the sinks of ``o_value`` and ``o_block`` must not wait for each other.

    Latency is `latency` cycles from a beat to its first value. All outputs are registered but
    ``i.ready``, which depends on the ready of both.

    Members
    -------
    i : In(stream.Signature(...))
        Elements of blocks, row by row, fields as in `streams`. ``last`` may come with the last beat
        of a block only.
    o_value : Out(VALUE.signature)
        Values.
    o_block : Out(block_packet(parameters).signature)
        Masks and pointers.
    """

    FLAGS = {
        "nan": "a value was NaN or infinite",
        "overflow": "a packet had more values than a pointer can tell",
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        counter("blocks", "blocks given"),
        counter("values", "values given"),
        *stall_registers("elements", "an output"),
    )

    def __init__(self, *, parameters: CsbEncoderParameters) -> None:
        self.parameters = p = parameters
        value = Field(
            name="value",
            bits=VALUE_BITS,
            count=p.lanes,
            description="binary32 elements",
            coding=FloatCoding(BINARY32),
        )
        keep = Field(
            name="keep",
            bits=1,
            count=p.lanes,
            description="the element is not to count as zero",
            coding=BITS,
        )
        super().__init__(
            streams={
                "i": Packet(value, keep) if p.keep else Packet(value),
                "o_value": VALUE,
                "o_block": block_packet(p),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Hold a beat while its nonzeros leave, the lowest lane first."""
        m = Module()
        p = self.parameters
        accept = wire(m, "accept", 1, self.i.valid & self.i.ready)
        elements, nonzero = self._nonzeros(m)
        place = Signal(range(p.beats))
        block_end = wire(m, "block_end", 1, place == p.beats - 1)
        packet_end = self.i.payload.last & block_end
        ends_block = register(m, accept, "ends_block", 1, block_end)
        ends_packet = register(m, accept, "ends_packet", 1, packet_end)

        held = Signal()
        left = Signal(p.lanes, reset_less=True)
        m.submodules.first = first = FirstOne(width=p.lanes)
        free = wire(m, "free", 1, ~self.o_value.valid | self.o_value.ready)
        block_free = wire(m, "block_free", 1, ~self.o_block.valid | self.o_block.ready)
        step = wire(m, "step", 1, held & free & (block_free | ~ends_block))
        done = wire(m, "done", 1, step & ~first.rest.any())
        ending = wire(m, "ending", 1, done & ends_block)
        present = wire(m, "present", 1, left.any())
        ending_packet = wire(m, "ending_packet", 1, done & ends_packet)
        m.d.comb += [self.i.ready.eq(done | ~held), first.i.eq(left)]
        with m.If(self.i.ready):
            m.d.sync += held.eq(self.i.valid)
        with m.If(accept):
            m.d.sync += [place.eq(Mux(block_end, 0, place + 1)), left.eq(nonzero)]
        with m.Elif(step):
            m.d.sync += left.eq(first.rest)

        values = [register(m, accept, f"value_{n}", VALUE_BITS, v) for n, v in enumerate(elements)]
        value = one_hot_select(first.one, values)
        pointer, start = self._pointer(m, step, present, ending, ending_packet)
        mask = self._mask(m, accept, place, nonzero)
        given = self.o_value.payload
        block = self.o_block.payload
        m.d.comb += [
            given.data.value.eq(register(m, step, "value", VALUE_BITS, value)),
            given.data.present.eq(register(m, step, "value_present", 1, present)),
            given.last.eq(register(m, step, "value_last", 1, ending_packet)),
            block.data.mask.eq(register(m, ending, "block_mask", p.elements, mask)),
            block.data.pointer.eq(register(m, ending, "block_pointer", p.pointer_bits, start)),
            block.last.eq(register(m, ending, "block_last", 1, ends_packet)),
        ]
        with m.If(free):
            m.d.sync += self.o_value.valid.eq(step & (present | ends_packet))
        with m.If(block_free):
            m.d.sync += self.o_block.valid.eq(ending)
        self._count(m, ending, step & present)
        special = Cat(classify(v).special & one for v, one in zip(elements, nonzero, strict=True))
        m.d.comb += [
            self.flags.nan.eq(accept & special.any()),
            self.flags.overflow.eq(step & present & pointer.all()),
            self.flags.framing.eq(accept & self.i.payload.last & ~block_end),
        ]
        return m

    def _nonzeros(self, m: Module) -> tuple[list[Value], Signal]:
        """Return the elements of the beat offered, and which of them are stored."""
        lanes, offered = self.parameters.lanes, self.i.payload.data
        elements = [offered.value[n] for n in range(lanes)]
        nonzero = Cat(element[23:31].any() for element in elements)
        if self.parameters.keep:
            nonzero = nonzero & offered.keep.as_value()
        return elements, wire(m, "nonzero", lanes, nonzero)

    def _mask(self, m: Module, accept: Value, place: Value, nonzero: Value) -> Signal:
        """Return the mask of the block held, complete with its last beat."""
        p = self.parameters
        mask = Signal(p.elements, reset_less=True)
        with m.If(accept):
            for n in range(p.beats):
                with m.If(place == n):
                    m.d.sync += mask.word_select(n, p.lanes).eq(nonzero)
        return mask

    def _pointer(
        self, m: Module, step: Value, present: Value, ending: Value, ending_packet: Value
    ) -> tuple[Signal, Signal]:
        """Return the number of the value that leaves, and that of its block's first one."""
        bits = self.parameters.pointer_bits
        pointer = Signal(bits)
        start = Signal(bits)
        following = wire(m, "following", bits, Mux(ending_packet, 0, pointer + present))
        with m.If(step):
            m.d.sync += pointer.eq(following)
        with m.If(ending):
            m.d.sync += start.eq(following)
        return pointer, start

    def _count(self, m: Module, block: Value, value: Value) -> None:
        """Count what is given and what is waited for."""
        waits = [o.valid & ~o.ready for o in (self.o_value, self.o_block)]
        events = (
            (self.blocks, block),
            (self.values, value),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, Cat(waits).any()),
        )
        count_events(m, self.clear, events)
