"""Issue stage of the sparse array: it walks masks and hands each nonzero to its PE row."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.pipeline import delay, wire
from .first_one import FirstOne, one_hot_index
from .mask_reader import MaskReader, place_layout
from .packets import JOB_MEMBERS, ArrayPart, job_members, nonzero_layout, streams, table_layout
from .table import RegisterTable
from .unpacker import ValueUnpacker

__all__ = ["Issue"]


class Issue(ArrayPart):
    """Mask walker of the array: one mask word per max(1, ceil(popcount / issue width)) cycles.

    A row without nonzeros gets a null entry. Latency is two cycles from a value to its nonzero,
    interval one cycle per group of as many as the issue width. The
    values of a pass begin with a beat. A pass takes three cycles more than its words. All outputs
    but ``begin``, ``subtile_end`` and ``count`` come from registers; ``i_mask.ready`` and
    ``i_value.ready`` depend on ``i_value.valid``.

    Members
    -------
    rows, depth, mode, keep : In
        Of the job; ``mode`` is an index into `sw.sparse.array_parameters.MODES`.
    offset : In(table_layout(...))
        Writes the offset of a place.
    shift : In(table_layout(...))
        Writes what is added to the offsets of a row of a pass.
    go : In(1)
        A pass may begin.
    begin : Out(1)
        A pass begins in this cycle.
    i_mask, i_value : In(streams(parameters)[...].signature)
        Masks and values of passes.
    subtile : Out(ceil_log2(pass_subtiles))
        Index of the sub-tile whose mask is walked.
    store : Out(issue_width), nonzero : Out(ArrayLayout(nonzero_layout(parameters), issue_width))
        Nonzeros of the sub-tile of two cycles before; no second without a first.
    subtile_end : Out(1), count : Out(pointer_bits)
        A sub-tile of so many values ends, in the cycle in which its index is given.
    close : Out(1)
        The pass's last nonzero was given in the cycle before.
    mask_error : Out(1)
        A bit beyond K was set, or a group does not have as many as it should.
    """

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        packets = streams(p)
        return {
            **job_members(p),
            "offset": In(table_layout(p.depth, p.patch)),
            "shift": In(table_layout(p.pe_rows * p.sums, p.patch)),
            "go": In(1),
            "begin": Out(1),
            "i_mask": In(packets["i_mask"].signature),
            "i_value": In(packets["i_value"].signature),
            "subtile": Out(max(1, ceil_log2(p.pass_subtiles))),
            "store": Out(p.issue_width),
            "nonzero": Out(data.ArrayLayout(nonzero_layout(p), p.issue_width)),
            "subtile_end": Out(1),
            "count": Out(p.pointer_bits),
            "close": Out(1),
            "mask_error": Out(1),
        }

    def elaborate(self, platform: Any) -> Module:
        """Hold a mask word while its nonzeros leave, as many a cycle as the issue width."""
        m = Module()
        p = self.parameters
        busy = Signal()
        held = Signal()
        left = Signal(p.mask_bits)
        bits_left = Signal(range(p.mask_bits + 1))
        place = Signal(place_layout(p))
        m.submodules.unpacker = unpacker = ValueUnpacker(packet=streams(p)["i_value"])
        word = self._read(m)
        firsts = self._firsts(m, left)

        some = wire(m, "some", 1, held & (bits_left != 0))
        want = Mux(bits_left < p.issue_width, bits_left, p.issue_width)
        accept = wire(m, "accept", 1, some & unpacker.valid)
        final = unpacker.valid & (bits_left <= p.issue_width)
        step = wire(m, "step", 1, held & Mux(some, final, 1))
        row_end = wire(m, "row_end", 1, step & place.row_end)
        pass_end = wire(m, "pass_end", 1, step & place.pass_end)
        transfer = wire(m, "transfer", 1, word.valid & word.ready)
        wiring.connect(m, wiring.flipped(self.i_value), unpacker.i)
        m.d.comb += [
            word.ready.eq(~held | step),
            unpacker.want.eq(Mux(some, want, 0)),
            unpacker.end.eq(pass_end),
            self.begin.eq(self.go & ~busy),
            self.subtile.eq(place.subtile),
            self.close.eq(delay(m, 1, pass_end, 3, name="closing", reset=True)),
        ]
        m.d.sync += [
            busy.eq(self.begin | busy & ~pass_end),
            held.eq(transfer | held & ~step),
        ]
        with m.If(transfer):
            m.d.sync += [
                left.eq(word.payload.mask),
                bits_left.eq(sum(word.payload.mask)),
                place.eq(word.payload.place),
            ]
        with m.Elif(accept):
            m.d.sync += [left.eq(firsts[-1].rest), bits_left.eq(bits_left - want)]

        self._count(m, step & place.subtile_end, Mux(accept, want, 0))
        first = Signal(init=1)
        is_null = wire(m, "is_null", 1, row_end & first & ~some)
        with m.If(row_end):
            m.d.sync += first.eq(1)
        with m.Elif(accept):
            m.d.sync += first.eq(0)
        stored = Cat(accept & (bits_left > i) for i in range(p.issue_width)) | is_null
        m.d.comb += self.store.eq(delay(m, 1, stored, 2, name="stored", reset=True))
        shift = self._shift(m, row_end, pass_end)
        for i in range(p.issue_width):
            nonzero = self.nonzero[i]
            offset = self._offset(m, i, firsts[i].one, place.beat)
            m.d.comb += [
                nonzero.value.eq(delay(m, 1, unpacker.o[i], 2, name=f"value_{i}")),
                nonzero.offset.eq(offset + shift),
            ]
        m.d.comb += [
            self.nonzero[0].first.eq(delay(m, 1, first, 2, name="first")),
            self.nonzero[0].is_null.eq(delay(m, 1, is_null, 2, name="is_null")),
        ]
        return m

    def _read(self, m: Module) -> Any:
        """Return the stream of mask words."""
        m.submodules.reader = reader = MaskReader(parameters=self.parameters)
        wiring.connect(m, wiring.flipped(self.i_mask), reader.i)
        m.d.comb += [getattr(reader, name).eq(getattr(self, name)) for name in JOB_MEMBERS]
        m.d.comb += [reader.begin.eq(self.begin), self.mask_error.eq(reader.mask_error)]
        return reader.o

    def _firsts(self, m: Module, left: Value) -> list[FirstOne]:
        """Return the first bit set, the second, ..."""
        firsts = []
        for i in range(self.parameters.issue_width):
            m.submodules[f"first_{i}"] = first = FirstOne(width=len(left), chain=True)
            m.d.comb += first.i.eq(left)
            left = first.rest
            firsts.append(first)
        return firsts

    def _count(self, m: Module, subtile_end: Value, accepted: Value) -> None:
        """Count the values of a sub-tile."""
        before = Signal(self.parameters.pointer_bits)
        m.d.comb += [self.subtile_end.eq(subtile_end), self.count.eq(before + accepted)]
        m.d.sync += before.eq(Mux(self.subtile_end, 0, self.count))

    def _offset(self, m: Module, number: int, one: Value, beat: Value) -> Value:
        """Return the offset of the place of a bit, two cycles later."""
        p = self.parameters
        m.submodules[f"offsets_{number}"] = offsets = RegisterTable(
            depth=p.depth, bits=ceil_log2(p.patch)
        )
        one = delay(m, 1, one, 1, name=f"one_{number}")
        beat = delay(m, 1, beat, 1, name=f"beat_{number}")
        m.d.comb += [
            offsets.write.eq(self.offset.write),
            offsets.index.eq(self.offset.index),
            offsets.value.eq(self.offset.rows),
            offsets.address.eq(Cat(one_hot_index(one), beat)[: len(offsets.address)]),
        ]
        return offsets.o

    def _shift(self, m: Module, row_end: Value, pass_end: Value) -> Value:
        """Return the shift of the row of the nonzero that was accepted two cycles before."""
        p = self.parameters
        number = Signal(ceil_log2(p.pe_rows * p.sums), name="pass_row")
        m.submodules.shifts = shifts = RegisterTable(
            depth=1 << len(number), bits=ceil_log2(p.patch)
        )
        m.d.comb += [
            shifts.write.eq(self.shift.write),
            shifts.index.eq(self.shift.index),
            shifts.value.eq(self.shift.rows),
            shifts.address.eq(delay(m, 1, number, 1, name="shifted_row")),
        ]
        with m.If(row_end):
            m.d.sync += number.eq(Mux(pass_end, 0, number + 1))
        return shifts.o
