"""The decoder of compressed sparse blocks: it holds blocks and gives those that are asked for."""

from typing import Any

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import memory, wiring

from sw.formats.coding import BITS
from sw.sparse.csb_parameters import VALUE_BITS, CsbDecoderParameters

from ..base.field import Field
from ..base.memory import uninitialized_memory
from ..base.pipeline import count_events, register, wire
from ..engine.core import Core
from ..engine.registers import counter, stall_registers
from ..stream.packet import Packet
from ..stream.skid import SkidBuffer
from .block_memory import REQUEST, BlockMemory
from .csb_encoder import VALUE, block_packet
from .first_one import one_hot_index
from .walker import MaskWalker

__all__ = ["CsbDecoder"]


def _bit(name: str, description: str, count: int | None = None) -> Field:
    return Field(name=name, bits=1, count=count, description=description, coding=BITS)


class CsbDecoder(Core):
    """Decoder of compressed sparse blocks, as `sw.sparse.csb.walk` or `read`.

    First it loads a packet of blocks and one of values. Then it takes a packet of requests, and
    gives a packet for each: its block as it is or turned by 180 degrees, a beat for each value or
    ``lanes`` elements in each. After the last request's block it loads the next packets. What
    exceeds its memories is accepted and dropped, and the last block held is checked as if it were
    the last of all.

    Interval is one cycle per value of a part, at least one; a part is a block that is walked, a
    beat of a dense one. Latency is `latency` cycles from a request to its first beat, if a part
    takes no longer. ``o.valid`` and the ready of all inputs come from registers.

    Members
    -------
    i_block : In(block_packet(parameters).signature)
        Masks and pointers.
    i_value : In(VALUE.signature)
        Values; a null one only ends a packet.
    i_request : In(REQUEST.signature)
        Blocks asked for.
    o : Out(stream.Signature(...))
        Blocks, fields as in `streams`.
    """

    ABORT = "the blocks held"
    FLAGS = {
        "corrupt": "a block asked for was corrupt or not there; it was given as an empty one",
        "overlong": "a packet had more blocks or values than there is room for",
        "framing": "padding bits were not zero",
    }
    registers = (
        counter("blocks", "blocks given"),
        counter("corrupt_blocks", "blocks given that were corrupt or not there"),
        *stall_registers("requests"),
    )

    def __init__(self, *, parameters: CsbDecoderParameters) -> None:
        self.parameters = p = parameters
        self.dense = p.form == "dense"
        elements = Field(
            name="value",
            bits=VALUE_BITS,
            count=p.lanes,
            description="binary32 elements",
            coding=VALUE.fields[0].coding,
        )
        corrupt = _bit("corrupt", "the block is corrupt or not there")
        position_bits = max(1, (p.elements - 1).bit_length())
        walk = Packet(
            VALUE.fields[0],
            Field(name="position", bits=position_bits, description="number of the element"),
            _bit("mask", "the block's mask", p.elements),
            _bit("empty", "the block has no values"),
            corrupt,
        )
        super().__init__(
            streams={
                "i_block": block_packet(p),
                "i_value": VALUE,
                "i_request": REQUEST,
                "o": Packet(elements, corrupt) if self.dense else walk,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Load, then look up what is asked for, walk its mask and read its values."""
        m = Module()
        p = self.parameters
        m.submodules.blocks = blocks = BlockMemory(parameters=p)
        m.submodules.walker = walker = MaskWalker(parameters=p)
        values = uninitialized_memory(shape=VALUE_BITS, depth=max(2, p.values))
        m.submodules.values = values
        item = walker.o.payload
        step = wire(m, "step", 1, walker.o.valid & walker.o.ready)
        emptied = wire(m, "emptied", 1, step & item.block_end & item.last)
        serving = self._load(m, blocks, values, emptied)
        self._ask(m, blocks, serving)
        wiring.connect(m, blocks.o, walker.i)

        # A value comes out of the memory a cycle after its step.
        read = values.read_port()
        move = wire(m, "move", 1, ~self.o.valid | self.o.ready)
        m.d.comb += [
            walker.o.ready.eq(move),
            read.en.eq(step & item.present),
            read.addr.eq(item.address),
        ]
        if self.dense:
            self._collect(m, move, step, item, read.data)
        else:
            self._give(m, move, step, item, read.data)

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

    def _ask(self, m: Module, blocks: BlockMemory, serving: Value) -> None:
        """Pass requests on while both packets are loaded."""
        m.submodules.requests = requests = SkidBuffer(shape=REQUEST)
        request = self.i_request
        m.d.comb += [
            request.ready.eq(serving & requests.i.ready),
            requests.i.payload.eq(request.payload),
            requests.i.valid.eq(request.valid & serving),
        ]
        wiring.connect(m, requests.o, blocks.ask)

    def _load(self, m: Module, blocks: BlockMemory, values: memory.Memory, emptied: Value) -> Value:
        """Fill the memories until both packets have ended; return whether to take requests."""
        write = values.write_port()
        block, value = self.i_block, self.i_value
        blocks_loaded = Signal()
        values_loaded = Signal()
        closing = Signal()
        length = Signal.like(blocks.length)
        serving = wire(m, "serving", 1, blocks_loaded & values_loaded & ~closing)
        accept_block = wire(m, "accept_block", 1, block.valid & block.ready)
        accept_value = wire(m, "accept_value", 1, value.valid & value.ready)
        arrived = wire(m, "arrived", 1, accept_value & value.payload.data.present)
        full = wire(m, "full", 1, length == self.parameters.values)
        with m.If(accept_block & block.payload.last):
            m.d.sync += blocks_loaded.eq(1)
        with m.If(accept_value & value.payload.last):
            m.d.sync += values_loaded.eq(1)
        with m.If(self.i_request.valid & self.i_request.ready & self.i_request.payload.last):
            m.d.sync += closing.eq(1)
        with m.If(arrived & ~full):
            m.d.sync += length.eq(length + 1)
        with m.If(emptied):
            m.d.sync += [blocks_loaded.eq(0), values_loaded.eq(0), closing.eq(0), length.eq(0)]
        m.d.comb += [
            block.ready.eq(~blocks_loaded),
            value.ready.eq(~values_loaded),
            write.en.eq(arrived & ~full),
            write.addr.eq(length),
            write.data.eq(value.payload.data.value),
            blocks.write.eq(accept_block),
            blocks.mask.eq(block.payload.data.mask),
            blocks.pointer.eq(block.payload.data.pointer),
            blocks.empty.eq(emptied),
            blocks.length.eq(length),
            self.flags.overlong.eq(accept_block & blocks.full | arrived & full),
        ]
        return serving

    def _give(self, m: Module, move: Value, step: Value, item: Any, value: Value) -> None:
        """Give a value a beat, with its position."""
        given = self.o.payload.data
        position = one_hot_index(item.one)
        present = register(m, move, "present", 1, item.present)
        m.d.comb += [
            given.value.eq(value & present.replicate(VALUE_BITS)),
            given.position.eq(register(m, move, "position", len(position), position)),
            given.mask.eq(register(m, move, "mask", len(item.mask), item.mask)),
            given.empty.eq(register(m, move, "empty", 1, ~item.present)),
            given.corrupt.eq(register(m, move, "corrupt", 1, item.corrupt)),
            self.o.payload.last.eq(register(m, move, "last", 1, item.block_end)),
        ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(step)

    def _collect(self, m: Module, move: Value, step: Value, item: Any, value: Value) -> None:
        """Put each value in its lane, and give a part when it is complete."""
        valid = Signal()
        clear_lanes = Signal(init=1)
        part_end = register(m, move, "part_end", 1, item.part_end)
        corrupt = register(m, move, "corrupt", 1, item.corrupt)
        block_end = register(m, move, "block_end", 1, item.block_end)
        one = register(m, move, "one", len(item.one), item.one)
        collect = wire(m, "collect", 1, move & valid)
        with m.If(move):
            m.d.sync += [valid.eq(step), self.o.valid.eq(valid & part_end)]
        with m.If(collect):
            m.d.sync += clear_lanes.eq(part_end)
        given = self.o.payload
        for n, mine in enumerate(one):
            write = collect & (clear_lanes | mine)
            element = value & mine.replicate(len(value))
            m.d.comb += given.data.value[n].eq(register(m, write, f"lane_{n}", len(value), element))
        m.d.comb += [
            given.data.corrupt.eq(register(m, collect, "given_corrupt", 1, corrupt)),
            given.last.eq(register(m, collect, "given_last", 1, block_end)),
        ]
