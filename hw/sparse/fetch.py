"""What walks masks and hands each non-zero to its line."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import delay, wire
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
    is void. Entries come out two cycles after their values were taken. A wave's values begin with a
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
        Number of the piece whose mask is walked, from registers.
    store : Out(fetch), entry : Out(ArrayLayout(entry_layout(parameters), fetch))
        Entries of the piece of two cycles before; no second without a first.
    end_piece : Out(1), count : Out(pointer_bits)
        A piece of so many values ends, in the cycle in which its number is given.
    close : Out(1)
        The wave's last entry was given in the cycle before.
    astray : Out(1)
        A bit beyond the depth was set, or a group does not have as many as it should.
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
        """Take masks, walk the one before, look up where its lowest bits are."""
        m = Module()
        p = self.parameters
        busy = Signal()
        held = Signal()
        rest = Signal(p.mask_bits)
        bits_left = Signal(range(p.mask_bits + 1))
        raw = data.View(_mask_layout(p), Signal(_mask_layout(p), name="raw"))
        now = data.View(_about_layout(p), Signal(_about_layout(p), name="now"))

        # What is left of the mask behind its first bit, its second, ...
        left: list[Value] = [rest]
        for i in range(p.fetch):
            left.append(wire(m, f"left_{i}", p.mask_bits, left[-1] & (left[-1] - 1)))
        m.submodules.values = values = Values(count=p.fetch)
        some = wire(m, "some", 1, held & (bits_left != 0))
        want = Mux(bits_left < p.fetch, bits_left, p.fetch)
        take = wire(m, "take", 1, some & values.there)
        step = wire(m, "step", 1, held & Mux(some, values.there & (bits_left <= p.fetch), 1))
        row_end = wire(m, "row_end", 1, step & now.row_end)
        wave_end = wire(m, "wave_end", 1, step & now.wave_end)
        transfer = self._take(m, raw, ~held | step)
        limit, strange = self._limited(m, raw)
        inside = wire(m, "inside", p.mask_bits, raw.mask & limit)
        m.d.comb += [
            values.i.payload.eq(self.i_value.payload),
            values.i.valid.eq(self.i_value.valid),
            self.i_value.ready.eq(values.i.ready),
            values.want.eq(Mux(some, want, 0)),
            values.end.eq(wave_end),
            self.begin.eq(self.go & ~busy),
            self.piece.eq(now.piece),
        ]
        m.d.sync += [
            busy.eq(self.begin | busy & ~wave_end),
            held.eq(transfer | held & ~step),
            self.astray.eq(transfer & strange),
        ]
        with m.If(transfer):
            m.d.sync += [
                rest.eq(inside),
                bits_left.eq(sum(inside)),
                now.as_value().eq(raw.about.as_value()),
            ]
        with m.Elif(take):
            m.d.sync += [rest.eq(left[-1]), bits_left.eq(bits_left - want)]

        first = Signal(init=1)
        void = wire(m, "void", 1, row_end & first & ~some)
        with m.If(row_end):
            m.d.sync += first.eq(1)
        with m.Elif(take):
            m.d.sync += first.eq(0)
        values_of_piece = Signal(p.pointer_bits)
        m.d.comb += [
            self.end_piece.eq(step & now.piece_end),
            self.count.eq(values_of_piece + Mux(take, want, 0)),
            self.close.eq(delay(m, 1, wave_end, 3, name="closing", reset=True)),
        ]
        m.d.sync += values_of_piece.eq(Mux(self.end_piece, 0, self.count))

        there = Cat(take & (bits_left > i) for i in range(p.fetch)) | void
        kind = delay(m, 1, Cat(first, void), 2, name="kind")
        shift = self._shift(m, row_end, wave_end)
        m.d.comb += self.store.eq(delay(m, 1, there, 2, name="stored", reset=True))
        for i in range(p.fetch):
            entry = self.entry[i]
            lowest = delay(m, 1, left[i] & ~left[i + 1], 1, name=f"lowest_{i}")
            beat = delay(m, 1, now.beat, 1, name=f"beat_{i}")
            m.d.comb += [
                entry.value.eq(delay(m, 1, values.o.word_select(i, 32), 2, name=f"value_{i}")),
                entry.offset.eq(self._offset(m, i, lowest, beat) + shift),
                entry.first.eq(kind[0] if i == 0 else 0),
                entry.void.eq(kind[1] if i == 0 else 0),
            ]
        return m

    def _take(self, m: Module, raw: data.View, free: Value) -> Value:
        """Hold a mask and what it is until there is room; return when it goes on."""
        p = self.parameters
        about = data.View(_about_layout(p), Signal(_about_layout(p), name="next"))
        taking = Signal()
        full = Signal()
        beat = Signal.like(about.beat, name="beat")
        row = Signal.like(self.rows, name="row_number")
        piece = Signal.like(about.piece, name="piece_number")
        # Registers do not change while a job runs, so that what follows from them may come late.
        last_beat = Signal.like(beat)
        last_row = Signal.like(row)
        m.d.sync += [
            last_beat.eq(((self.depth - 1) >> ceil_log2(p.mask_bits))[: len(beat)]),
            last_row.eq(self.rows - 1),
        ]
        m.d.comb += [
            about.beat.eq(beat),
            about.piece.eq(piece),
            about.row_end.eq(beat == last_beat),
            about.piece_end.eq(about.row_end & (row == last_row)),
            about.wave_end.eq(about.piece_end & (piece == p.slots - 1)),
        ]
        dense = self.mode == 1
        transfer = wire(m, "transfer", 1, full & free)
        wants = wire(m, "wants", 1, taking & (~full | transfer))
        refill = wire(m, "refill", 1, wants & (dense | self.i_mask.valid))
        m.d.comb += self.i_mask.ready.eq(wants & ~dense)
        m.d.sync += [
            full.eq(refill | full & ~transfer),
            taking.eq(self.begin | taking & ~(refill & about.wave_end)),
        ]
        with m.If(refill):
            m.d.sync += [
                raw.mask.eq(self.i_mask.payload | dense.replicate(p.mask_bits)),
                raw.about.as_value().eq(about.as_value()),
                beat.eq(Mux(about.row_end, 0, beat + 1)),
            ]
            with m.If(about.row_end):
                m.d.sync += row.eq(Mux(about.piece_end, 0, row + 1))
            with m.If(about.piece_end):
                m.d.sync += piece.eq(Mux(about.wave_end, 0, piece + 1))
        return transfer

    def _limited(self, m: Module, raw: data.View) -> tuple[Value, Value]:
        """Return which bits of the mask are inside the depth, and whether others are set.

        Or whether a group of a structured mask has another number of bits set.
        """
        p = self.parameters
        tail = Signal(p.mask_bits)
        within = (self.depth - 1)[: ceil_log2(p.mask_bits)]
        m.d.sync += tail.eq(Cat(1, *(within >= bit for bit in range(1, p.mask_bits))))
        limit = wire(m, "limit", p.mask_bits, tail | (~raw.about.row_end).replicate(p.mask_bits))
        wrong = []
        for start in range(0, p.mask_bits, p.group):
            kept = sum(raw.mask[start + i] for i in range(p.group))
            wrong.append(limit[start] & (kept != self.keep))
        strange = (self.mode == 2) & Cat(wrong).any() | (raw.mask & ~limit).any()
        return limit, strange & (self.mode != 1)

    def _offset(self, m: Module, number: int, lowest: Value, beat: Value) -> Value:
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

    def _shift(self, m: Module, row_end: Value, wave_end: Value) -> Value:
        """Return the shift of the row of the entry that was taken two cycles before."""
        m.submodules.shifts = shifts = uninitialized_memory(
            shape=len(self.shift), depth=1 << len(self.row)
        )
        write, read = shifts.write_port(), shifts.read_port()
        number = Signal.like(self.row, name="wave_row")
        m.d.comb += [
            write.en.eq(self.write_shift),
            write.addr.eq(self.row),
            write.data.eq(self.shift),
            read.addr.eq(delay(m, 1, number, 1, name="shifted_row")),
        ]
        with m.If(row_end):
            m.d.sync += number.eq(Mux(wave_end, 0, number + 1))
        return read.data


def _about_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of what a beat of a mask is: its place, and what ends with it."""
    return data.StructLayout(
        {
            "beat": max(1, ceil_log2(p.depth // p.mask_bits)),
            "piece": max(1, ceil_log2(p.slots)),
            "row_end": 1,
            "piece_end": 1,
            "wave_end": 1,
        }
    )


def _mask_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of a beat of a mask."""
    return data.StructLayout({"mask": p.mask_bits, "about": _about_layout(p)})


def _ones(bits: int, bit: int) -> int:
    """Return the places of ``bits`` whose number has ``bit`` set."""
    return sum(1 << place for place in range(bits) if place >> bit & 1)
