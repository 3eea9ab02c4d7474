"""Reader of the mask words of a pass: it tells where each is, and checks it."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.pipeline import wire
from .packets import ArrayPart, job_members, streams

__all__ = ["MaskReader", "place_layout"]


def place_layout(p: SparseArrayParameters) -> data.StructLayout:
    """Return the layout of the place of a mask word, and of what ends with it."""
    return data.StructLayout(
        {
            "beat": max(1, ceil_log2(p.depth // p.mask_bits)),
            "subtile": max(1, ceil_log2(p.pass_subtiles)),
            "row_end": 1,
            "subtile_end": 1,
            "pass_end": 1,
        }
    )


class MaskReader(ArrayPart):
    """Reader of mask words, a pass behind each ``begin``.

    Where the mode is dense all masks are set, and none are accepted. Latency is one cycle, interval
    one cycle per word. ``o.valid`` comes from a register, ``o.payload`` depends on registers;
    ``i.ready`` depends on ``o.ready``.

    Members
    -------
    rows, depth, mode, keep : In
        Of the job.
    begin : In(1)
        A pass begins.
    i : In(streams(parameters)["i_mask"].signature)
        Mask words.
    o : Out(stream.Signature(StructLayout))
        ``mask``: that of the word, inside K; ``place``: a `place_layout`.
    mask_error : Out(1)
        The word of the cycle before had a bit set beyond K, or a group not as many as it should.
    """

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        self._word = data.StructLayout({"mask": p.mask_bits, "place": place_layout(p)})
        return {
            **job_members(p),
            "begin": In(1),
            "i": In(streams(p)["i_mask"].signature),
            "o": Out(stream.Signature(self._word)),
            "mask_error": Out(1),
        }

    def elaborate(self, platform: Any) -> Module:
        """Hold a word until it is wanted."""
        m = Module()
        p = self.parameters
        raw = Signal(p.mask_bits)
        place = Signal(place_layout(p))
        held = Signal(place_layout(p))
        dense = self.mode == 1
        reading = Signal()
        transfer = wire(m, "transfer", 1, self.o.valid & self.o.ready)
        wants = wire(m, "wants", 1, reading & (~self.o.valid | transfer))
        refill = wire(m, "refill", 1, wants & (dense | self.i.valid))
        self._count(m, refill, place)
        m.d.comb += self.i.ready.eq(wants & ~dense)
        m.d.sync += [
            self.o.valid.eq(refill | self.o.valid & ~transfer),
            reading.eq(self.begin | reading & ~(refill & place.pass_end)),
        ]
        with m.If(refill):
            m.d.sync += [
                raw.eq(self.i.payload.data.mask | dense.replicate(p.mask_bits)),
                held.eq(place),
            ]
        limit, wrong = self._limit(m, raw, held.row_end)
        m.d.comb += [
            self.o.payload.mask.eq(raw & limit),
            self.o.payload.place.eq(held),
        ]
        m.d.sync += self.mask_error.eq(transfer & wrong)
        return m

    def _count(self, m: Module, refill: Value, place: Any) -> None:
        """Count words, rows and sub-tiles into the place of the next word."""
        p = self.parameters
        beat = Signal.like(place.beat, name="beat")
        row = Signal.like(self.rows, name="row")
        subtile = Signal.like(place.subtile, name="subtile")
        # Registers do not change while a job runs, so that what follows from them may come late.
        last_beat = Signal.like(beat)
        last_row = Signal.like(row)
        m.d.sync += [
            last_beat.eq(((self.depth - 1) >> ceil_log2(p.mask_bits))[: len(beat)]),
            last_row.eq(self.rows - 1),
        ]
        m.d.comb += [
            place.beat.eq(beat),
            place.subtile.eq(subtile),
            place.row_end.eq(beat == last_beat),
            place.subtile_end.eq(place.row_end & (row == last_row)),
            place.pass_end.eq(place.subtile_end & (subtile == p.pass_subtiles - 1)),
        ]
        with m.If(refill):
            m.d.sync += beat.eq(Mux(place.row_end, 0, beat + 1))
            with m.If(place.row_end):
                m.d.sync += row.eq(Mux(place.subtile_end, 0, row + 1))
            with m.If(place.subtile_end):
                m.d.sync += subtile.eq(Mux(place.pass_end, 0, subtile + 1))

    def _limit(self, m: Module, raw: Value, row_end: Value) -> tuple[Value, Value]:
        """Return which bits of a word are inside K, and whether the word is wrong.

        It is if others are set, or if a group of a structured mask has another number of bits set.
        """
        p = self.parameters
        tail = Signal(p.mask_bits)
        within = (self.depth - 1)[: ceil_log2(p.mask_bits)]
        m.d.sync += tail.eq(Cat(1, *(within >= bit for bit in range(1, p.mask_bits))))
        limit = wire(m, "limit", p.mask_bits, tail | (~row_end).replicate(p.mask_bits))
        wrong = []
        for start in range(0, p.mask_bits, p.group):
            kept = sum(raw[start + i] for i in range(p.group))
            wrong.append(limit[start] & (kept != self.keep))
        wrong = (self.mode == 2) & Cat(wrong).any() | (raw & ~limit).any()
        return limit, wrong & (self.mode != 1)
