"""What walks masks and hands each non-zero to its line."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..circuit import Circuit
from ..memory import uninitialized_memory
from ..pipeline import register, wire
from .line import entry_layout
from .values import Values

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
    """Walker of masks, ``fetch`` entries a cycle.

    A beat of a mask takes a cycle for as many of the bits that it has set, at least one. Where the
    mode is dense all masks are set, and none are taken. A row without non-zeros gets an entry that
    is void. Entries come out a cycle after their values were taken. A wave's values begin with a
    beat.

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
    write_shift : In(1), row : In(ceil_log2(lines * sums)), shift : In(ceil_log2(patch))
        Writes what is added to the offsets of a row of a wave.
    go : In(1)
        A wave may begin.
    begin : Out(1)
        A wave begins in this cycle.
    i_mask : In(stream.Signature(mask_bits))
    i_value : In(stream.Signature(32 * fetch))
    piece : Out(ceil_log2(slots))
        Number of the piece whose mask is walked.
    store : Out(fetch), entry : Out(ArrayLayout(entry_layout(parameters), fetch))
        Entries of the piece of the cycle before, from registers; no second without a first.
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
                "write_shift": In(1),
                "row": In(ceil_log2(p.lines * p.sums)),
                "shift": In(ceil_log2(p.patch)),
                "go": In(1),
                "begin": Out(1),
                "i_mask": In(stream.Signature(p.mask_bits)),
                "i_value": In(stream.Signature(32 * p.fetch)),
                "piece": Out(max(1, ceil_log2(p.slots))),
                "store": Out(p.fetch),
                "entry": Out(data.ArrayLayout(entry_layout(p), p.fetch)),
                "end_piece": Out(1),
                "count": Out(p.pointer_bits),
                "close": Out(1),
                "astray": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Hold a beat of a mask, take its lowest bits off, look up where they are."""
        m = Module()
        p = self.parameters
        beat = Signal(max(1, ceil_log2(p.depth // p.mask_bits)))
        rest = Signal(p.mask_bits)
        fresh = Signal()
        held = Signal()
        busy = Signal()
        limit, beat_end = self._limits(m, beat)

        # What is left of the mask behind its first bit, its second, ...
        left = [wire(m, "bits", p.mask_bits, rest & limit)]
        for i in range(p.fetch):
            left.append(wire(m, f"left_{i}", p.mask_bits, left[-1] & (left[-1] - 1)))
        there = wire(m, "there", p.fetch, Cat(bits.any() for bits in left[:-1]))
        m.submodules.values = values = Values(count=p.fetch)
        take = wire(m, "take", 1, held & there[0] & values.there)
        whole = values.there & ~left[-1].any()
        step = wire(m, "step", 1, held & Mux(there[0], whole, 1))
        row_end = wire(m, "row_end", 1, step & beat_end)
        wave_end = self._count(m, step, row_end, Mux(take, values.want, 0), beat)

        dense = self.mode == 1
        wants = busy & (~held | (step & ~wave_end))
        refill = wire(m, "refill", 1, wants & (dense | self.i_mask.valid))
        m.d.comb += [
            values.i.payload.eq(self.i_value.payload),
            values.i.valid.eq(self.i_value.valid),
            self.i_value.ready.eq(values.i.ready),
            values.want.eq(Mux(held, sum(there), 0)),
            values.end.eq(wave_end),
            self.i_mask.ready.eq(wants & ~dense),
            self.begin.eq(self.go & ~busy),
            self.astray.eq(
                held & fresh & ~dense & ((rest & ~limit).any() | self._strange(rest, limit))
            ),
        ]
        ended = Signal()
        m.d.sync += [fresh.eq(refill), ended.eq(wave_end), self.close.eq(ended)]
        with m.If(self.begin):
            m.d.sync += busy.eq(1)
        with m.Elif(wave_end):
            m.d.sync += busy.eq(0)
        with m.If(refill):
            m.d.sync += [held.eq(1), rest.eq(self.i_mask.payload | dense.replicate(p.mask_bits))]
        with m.Elif(step):
            m.d.sync += held.eq(0)
        with m.Elif(take):
            m.d.sync += rest.eq(left[-1])

        first = Signal(init=1)
        void = wire(m, "void", 1, row_end & first & ~there[0])
        with m.If(row_end):
            m.d.sync += first.eq(1)
        with m.Elif(take):
            m.d.sync += first.eq(0)
        shift = self._shift(m, row_end, wave_end)
        m.d.comb += self.store.eq(
            register(m, 1, "stored", p.fetch, there & take.replicate(p.fetch) | void)
        )
        for i in range(p.fetch):
            entry = self.entry[i]
            value = values.o.word_select(i, 32)
            m.d.comb += [
                entry.value.eq(register(m, 1, f"value_{i}", 32, value)),
                entry.offset.eq(self._offset(m, i, left[i] & ~left[i + 1], beat) + shift),
                entry.first.eq(register(m, 1, f"first_{i}", 1, first) if i == 0 else 0),
                entry.void.eq(register(m, 1, f"void_{i}", 1, void) if i == 0 else 0),
            ]
        return m

    def _offset(self, m: Module, number: int, lowest: Value, beat: Signal) -> Value:
        """Return the offset of the place of the bit that is set, a cycle later."""
        p = self.parameters
        place = Cat((lowest & _ones(p.mask_bits, i)).any() for i in range(ceil_log2(p.mask_bits)))
        offsets = uninitialized_memory(shape=len(self.offset), depth=p.depth)
        m.submodules[f"offsets_{number}"] = offsets
        write, read = offsets.write_port(), offsets.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.place),
            write.data.eq(self.offset),
            read.addr.eq(Cat(place, beat)[: len(read.addr)]),
        ]
        return read.data

    def _limits(self, m: Module, beat: Signal) -> tuple[Value, Value]:
        """Return which bits of the beat are inside the depth, and whether it is the row's last."""
        p = self.parameters
        low = ceil_log2(p.mask_bits)
        # Registers do not change while a job runs, so that what follows from them may come late.
        last = Signal.like(beat, name="last_beat")
        tail = Signal(p.mask_bits)
        within = (self.depth - 1)[:low]
        m.d.sync += [
            last.eq(((self.depth - 1) >> low)[: len(beat)]),
            tail.eq(Cat(1, *(within >= bit for bit in range(1, p.mask_bits)))),
        ]
        beat_end = wire(m, "beat_end", 1, beat == last)
        return wire(m, "limit", p.mask_bits, Mux(beat_end, tail, ~Const(0, p.mask_bits))), beat_end

    def _count(self, m: Module, step: Value, row_end: Value, taken: Value, beat: Signal) -> Value:
        """Count beats, rows and pieces; return whether the beat is the wave's last."""
        p = self.parameters
        row = Signal.like(self.rows, name="row_number")
        last_row = Signal.like(self.rows)
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
        with m.Else():
            m.d.sync += values.eq(self.count)
        m.d.comb += [self.end_piece.eq(piece_end), self.count.eq(values + taken)]
        return wire(m, "wave_end", 1, piece_end & last_piece)

    def _shift(self, m: Module, row_end: Value, wave_end: Value) -> Value:
        """Return the shift of the row of the entry that was taken in the cycle before."""
        m.submodules.shifts = shifts = uninitialized_memory(
            shape=len(self.shift), depth=1 << len(self.row)
        )
        write, read = shifts.write_port(), shifts.read_port()
        number = Signal.like(self.row)
        m.d.comb += [
            write.en.eq(self.write_shift),
            write.addr.eq(self.row),
            write.data.eq(self.shift),
            read.addr.eq(number),
        ]
        with m.If(row_end):
            m.d.sync += number.eq(Mux(wave_end, 0, number + 1))
        return read.data

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
