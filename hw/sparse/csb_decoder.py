"""The decoder of compressed sparse blocks: it holds blocks and gives those that are asked for."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import memory

from sw.sparse.csb_parameters import NUMBER_BITS, VALUE_BITS, CsbDecoderParameters

from ..base.field import Field
from ..base.memory import uninitialized_memory
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import word
from ..stream.skid import SkidBuffer
from .block_memory import REQUEST, BlockMemory
from .csb_encoder import block_fields, value_fields
from .first_one import number
from .walker import MaskWalker

__all__ = ["CsbDecoder"]


class CsbDecoder(Core):
    """Memory of compressed blocks that gives them as `sw.sparse.csb.walk` or `read`.

    First it takes a packet of blocks and one of values. Then it takes a packet of requests, and
    gives a packet for each of them: its block as it is or turned by 180 degrees, a beat for each
    value or ``lanes`` elements in each. After the last request's block it takes the next packets of
    blocks and values. What it has no room for it takes and forgets, and the last block held is
    checked as if it were the last of all.

    In each part of a block, all of one that is walked and the elements of a beat of a dense one, a
    value takes a cycle; a part without values takes one too. Latency is `latency` cycles from a
    request to its first beat, if a part is no longer. ``o.valid`` and the ready of all inputs come
    from registers.

    Members
    -------
    i_block : In(stream.Signature(...))
        Masks and pointers, fields as in `streams`.
    i_value : In(stream.Signature(...))
        Values, fields as in `streams`; a beat without one only ends a packet.
    i_request : In(stream.Signature(...))
        Blocks asked for, fields as in `streams`.
    o : Out(stream.Signature(...))
        Blocks, fields as in `streams`.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    ABORT = "the blocks held"
    FLAGS = {
        "corrupt": "a block asked for was corrupt or not there; it was given as an empty one",
        "overlong": "a packet had more blocks or values than there is room for",
        "framing": "padding bits were not zero",
    }
    registers = (
        word("blocks", "ro", 32, "blocks given"),
        word("corrupt_blocks", "ro", 32, "blocks given that were corrupt or not there"),
        word("input_stalls", "ro", 32, "cycles that waited for requests"),
        word("output_stalls", "ro", 32, "cycles that waited for the output to be taken"),
    )

    def __init__(self, *, parameters: CsbDecoderParameters) -> None:
        self.parameters = p = parameters
        self.dense = p.form == "dense"
        request = (
            Field(name="number", bits=NUMBER_BITS, description="number of a block"),
            Field(name="rotate", bits=1, description="turn it by 180 degrees"),
        )
        elements = Field(
            name="value", bits=VALUE_BITS, count=p.lanes, description="binary32 elements"
        )
        corrupt = Field(name="corrupt", bits=1, description="the block is corrupt or not there")
        position_bits = max(1, (p.elements - 1).bit_length())
        walk = (
            Field(name="value", bits=VALUE_BITS, description="binary32 value"),
            Field(name="position", bits=position_bits, description="number of the element"),
            Field(name="mask", bits=1, count=p.elements, description="the block's mask"),
            Field(name="empty", bits=1, description="the block has no values"),
            corrupt,
        )
        super().__init__(
            streams={
                "i_block": block_fields(p),
                "i_value": value_fields(),
                "i_request": request,
                "o": (elements, corrupt) if self.dense else walk,
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a request to its first beat."""
        return BlockMemory.latency + (3 if self.dense else 2)

    def elaborate(self, platform: Any) -> Module:
        """Load, then look up what is asked for, walk its mask and read its values."""
        m = Module()
        p = self.parameters
        m.submodules.blocks = blocks = BlockMemory(parameters=p)
        m.submodules.walker = walker = MaskWalker(parameters=p)
        values = uninitialized_memory(shape=VALUE_BITS, depth=max(2, p.values))
        m.submodules.values = values
        read = values.read_port()
        item = walker.o.payload
        step = wire(m, "step", 1, walker.o.valid & walker.o.ready)
        emptied = wire(m, "emptied", 1, step & item.block_end & item.last)
        serving = self._load(m, blocks, values, emptied)
        m.submodules.requests = requests = SkidBuffer(width=REQUEST.size)
        request = self.i_request
        m.d.comb += [
            request.ready.eq(serving & requests.i.ready),
            requests.i.payload.eq(Cat(request.payload.data, request.payload.last)),
            requests.i.valid.eq(request.valid & serving),
            blocks.ask.payload.eq(requests.o.payload),
            blocks.ask.valid.eq(requests.o.valid),
            requests.o.ready.eq(blocks.ask.ready),
            walker.i.payload.eq(blocks.o.payload),
            walker.i.valid.eq(blocks.o.valid),
            blocks.o.ready.eq(walker.i.ready),
        ]

        # A value comes out of the memory a cycle after its step.
        move = wire(m, "move", 1, ~self.o.valid | self.o.ready)
        m.d.comb += [
            walker.o.ready.eq(move),
            read.en.eq(step & item.present),
            read.addr.eq(item.address),
        ]
        if self.dense:
            data, last = self._collect(m, move, step, item, read.data)
        else:
            about = Cat(number(item.one), item.mask, ~item.present, item.corrupt)
            about = register(m, move, "about", len(about), about)
            present = register(m, move, "present", 1, item.present)
            data = Cat(read.data & present.replicate(VALUE_BITS), about)
            last = register(m, move, "last", 1, item.block_end)
            with m.If(move):
                m.d.sync += self.o.valid.eq(step)
        m.d.comb += [self.o.payload.data.eq(data), self.o.payload.last.eq(last)]

        wrong = wire(m, "wrong", 1, step & item.block_end & item.corrupt)
        m.d.comb += self.flags.corrupt.eq(wrong)
        events = (
            (self.blocks, step & item.block_end),
            (self.corrupt_blocks, wrong),
            (self.input_stalls, self.i_request.ready & ~self.i_request.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m

    def _load(self, m: Module, blocks: BlockMemory, values: memory.Memory, emptied: Value) -> Value:
        """Fill the memories until both packets have ended; return whether to take requests."""
        write = values.write_port()
        block, value = self.i_block, self.i_value
        blocks_loaded = Signal()
        values_loaded = Signal()
        closing = Signal()
        length = Signal.like(blocks.length)
        serving = wire(m, "serving", 1, blocks_loaded & values_loaded & ~closing)
        take_block = wire(m, "take_block", 1, block.valid & block.ready)
        take_value = wire(m, "take_value", 1, value.valid & value.ready)
        came = wire(m, "came", 1, take_value & value.payload.data[VALUE_BITS])
        full = wire(m, "full", 1, length == self.parameters.values)
        with m.If(take_block & block.payload.last):
            m.d.sync += blocks_loaded.eq(1)
        with m.If(take_value & value.payload.last):
            m.d.sync += values_loaded.eq(1)
        with m.If(self.i_request.valid & self.i_request.ready & self.i_request.payload.last):
            m.d.sync += closing.eq(1)
        with m.If(came & ~full):
            m.d.sync += length.eq(length + 1)
        with m.If(emptied):
            m.d.sync += [blocks_loaded.eq(0), values_loaded.eq(0), closing.eq(0), length.eq(0)]
        m.d.comb += [
            block.ready.eq(~blocks_loaded),
            value.ready.eq(~values_loaded),
            write.en.eq(came & ~full),
            write.addr.eq(length),
            write.data.eq(value.payload.data[:VALUE_BITS]),
            blocks.write.eq(take_block),
            Cat(blocks.mask, blocks.pointer).eq(block.payload.data),
            blocks.empty.eq(emptied),
            blocks.length.eq(length),
            self.flags.overlong.eq(take_block & blocks.full | came & full),
        ]
        return serving

    def _collect(
        self, m: Module, move: Value, step: Value, item: Any, value: Value
    ) -> tuple[Value, Value]:
        """Put each value in its lane; return a beat's elements and corruption, and its ``last``."""
        valid = Signal()
        fresh = Signal(init=1)
        about = Cat(item.part_end, item.corrupt, item.block_end)
        part_end, corrupt, block_end = register(m, move, "about", len(about), about)
        one = register(m, move, "one", len(item.one), item.one)
        collect = wire(m, "collect", 1, move & valid)
        with m.If(move):
            m.d.sync += [valid.eq(step), self.o.valid.eq(valid & part_end)]
        with m.If(collect):
            m.d.sync += fresh.eq(part_end)
        lanes = [
            register(
                m,
                collect & (fresh | mine),
                f"lane_{n}",
                len(value),
                value & mine.replicate(len(value)),
            )
            for n, mine in enumerate(one)
        ]
        data = Cat(lanes, register(m, collect, "given_corrupt", 1, corrupt))
        return data, register(m, collect, "given_last", 1, block_end)
