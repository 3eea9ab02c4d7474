"""What walks masks and hands each non-zero to its line."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..circuit import Circuit
from ..memory import uninitialized_memory
from ..pipeline import register, wire
from .line import entry_layout

__all__ = ["Fetch", "shape_members"]


def shape_members(p: SparseArrayParameters) -> dict[str, Any]:
    """Return the members that tell the shape of a wave."""
    return {
        "rows": In(1 + ceil_log2(p.sums)),
        "depth": In(1 + ceil_log2(p.depth)),
        "mode": In(2),
        "keep": In(5),
    }


class Fetch(Circuit):
    """Walker of masks, an entry a cycle.

    A beat of a mask takes as many cycles as it has bits set, at least one. Where the mode is dense
    all masks are set, and none are taken. A row without non-zeros gets an entry that is void. An
    entry comes out a cycle after its value was taken.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.

    Members
    -------
    rows, depth, mode, keep : In
        Of the job; ``mode`` is an index into `sw.sparse.array_parameters.MODES`.
    write : In(1), place : In(ceil_log2(depth)), offset : In(ceil_log2(patch))
        Writes the offset of a place.
    go : In(1)
        A wave may begin.
    begin : Out(1)
        A wave begins in this cycle.
    i_mask : In(stream.Signature(mask_bits))
    i_value : In(stream.Signature(32))
    piece : Out(ceil_log2(slots))
        Number of the piece whose mask is walked.
    store : Out(1), entry : Out(entry_layout(parameters))
        An entry of the piece of the cycle before, from registers.
    end_piece : Out(1), count : Out(pointer_bits)
        A piece of so many values ends, in the cycle in which its number is given.
    close : Out(1)
        The wave's last entry was given in the cycle before.
    astray : Out(1)
        A bit beyond the depth is set, or a group does not have as many as it should.
    """

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                **shape_members(p),
                "write": In(1),
                "place": In(ceil_log2(p.depth)),
                "offset": In(ceil_log2(p.patch)),
                "go": In(1),
                "begin": Out(1),
                "i_mask": In(stream.Signature(p.mask_bits)),
                "i_value": In(stream.Signature(32)),
                "piece": Out(max(1, ceil_log2(p.slots))),
                "store": Out(1),
                "entry": Out(entry_layout(p)),
                "end_piece": Out(1),
                "count": Out(p.pointer_bits),
                "close": Out(1),
                "astray": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Hold a beat of a mask, take its lowest bit off, look up where that is."""
        m = Module()
        p = self.parameters
        beat = Signal(max(1, ceil_log2(p.depth // p.mask_bits)))
        rest, fresh, held, busy = Signal(p.mask_bits), Signal(), Signal(), Signal()
        limit, beat_end = self._limits(m, beat)
        bits = wire(m, "bits", p.mask_bits, rest & limit)
        others = wire(m, "others", p.mask_bits, bits & (bits - 1))
        some = wire(m, "some", 1, bits.any())
        take = wire(m, "take", 1, held & some & self.i_value.valid)
        step = wire(m, "step", 1, held & Mux(some, self.i_value.valid & ~others.any(), 1))
        row_end = wire(m, "row_end", 1, step & beat_end)
        wave_end = self._count(m, step, row_end, take, beat)

        dense = self.mode == 1
        wants = busy & (~held | (step & ~wave_end))
        refill = wire(m, "refill", 1, wants & (dense | self.i_mask.valid))
        m.d.comb += [
            self.i_mask.ready.eq(wants & ~dense),
            self.i_value.ready.eq(held & some),
            self.begin.eq(self.go & ~busy),
            self.astray.eq(held & fresh & ((rest & ~limit).any() | self._strange(rest, limit))),
        ]
        ended = Signal()
        m.d.sync += [fresh.eq(refill), ended.eq(step & wave_end), self.close.eq(ended)]
        with m.If(self.begin):
            m.d.sync += busy.eq(1)
        with m.Elif(step & wave_end):
            m.d.sync += busy.eq(0)
        with m.If(refill):
            m.d.sync += [held.eq(1), rest.eq(self.i_mask.payload | dense.replicate(p.mask_bits))]
        with m.Elif(step):
            m.d.sync += held.eq(0)
        with m.Elif(take):
            m.d.sync += rest.eq(others)

        # The first bit set: those below it are inverted by taking one off.
        lowest = bits & ~others
        place = Cat(
            (lowest & _ones(p.mask_bits, bit)).any() for bit in range(ceil_log2(p.mask_bits))
        )
        first = Signal(init=1)
        void = wire(m, "void", 1, row_end & first & ~some)
        with m.If(row_end):
            m.d.sync += first.eq(1)
        with m.Elif(take):
            m.d.sync += first.eq(0)
        m.submodules.offsets = offsets = uninitialized_memory(shape=len(self.offset), depth=p.depth)
        write, read = offsets.write_port(), offsets.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.place),
            write.data.eq(self.offset),
            read.addr.eq(Cat(place, beat)[: len(read.addr)]),
            self.entry.value.eq(register(m, 1, "value", 32, self.i_value.payload)),
            self.entry.offset.eq(read.data),
            self.entry.first.eq(register(m, 1, "of_first", 1, first)),
            self.entry.void.eq(register(m, 1, "of_void", 1, void)),
        ]
        m.d.sync += self.store.eq(take | void)
        return m

    def _limits(self, m: Module, beat: Signal) -> tuple[Value, Value]:
        """Return which bits of the beat are inside the depth, and whether it is the row's last."""
        p = self.parameters
        low = ceil_log2(p.mask_bits)
        # Registers do not change while a job runs, so that what follows from them may come late.
        last, tail = Signal.like(beat), Signal(p.mask_bits)
        within = (self.depth - 1)[:low]
        m.d.sync += [
            last.eq(((self.depth - 1) >> low)[: len(beat)]),
            tail.eq(Cat(within >= bit for bit in range(p.mask_bits))),
        ]
        beat_end = wire(m, "beat_end", 1, beat == last)
        return wire(m, "limit", p.mask_bits, Mux(beat_end, tail, ~Const(0, p.mask_bits))), beat_end

    def _count(self, m: Module, step: Value, row_end: Value, take: Value, beat: Signal) -> Value:
        """Count beats, rows and pieces; return whether the beat is the wave's last."""
        p = self.parameters
        row, last_row = Signal.like(self.rows), Signal.like(self.rows)
        values = Signal(p.pointer_bits)
        piece_end = wire(m, "piece_end", 1, row_end & (row == last_row))
        m.d.sync += last_row.eq(self.rows - 1)
        with m.If(step):
            m.d.sync += beat.eq(Mux(row_end, 0, beat + 1))
        with m.If(row_end):
            m.d.sync += row.eq(Mux(piece_end, 0, row + 1))
        last_piece = self.piece == p.slots - 1
        with m.If(piece_end):
            m.d.sync += [self.piece.eq(Mux(last_piece, 0, self.piece + 1)), values.eq(0)]
        with m.Elif(take):
            m.d.sync += values.eq(self.count)
        m.d.comb += [self.end_piece.eq(piece_end), self.count.eq(values + take)]
        return wire(m, "wave_end", 1, piece_end & last_piece)

    def _strange(self, rest: Value, limit: Value) -> Value:
        """Return whether a group of a structured mask has another number of bits set."""
        group = self.parameters.group
        wrong = []
        for start in range(0, len(rest), group):
            kept = sum(rest[start + i] for i in range(group))
            wrong.append(limit[start] & (kept != self.keep))
        return (self.mode == 2) & Cat(wrong).any()


def _ones(bits: int, bit: int) -> int:
    """Return the places of ``bits`` whose number has ``bit`` set."""
    return sum(1 << place for place in range(bits) if place >> bit & 1)
