"""The sequence of a job's tiles: which beat is taken when, and what each is."""

from typing import Any

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.bfp.multimode_array import DIGITS, LEAST_SPACING, MODES, MultimodeParameters

from ...base.circuit import Circuit
from ...base.pipeline import count_events
from .readout import Tags

__all__ = ["MultimodeSequencer"]


class MultimodeSequencer(Circuit):
    """Counts beats, blocks and tiles of a job; holds a block back until the adders are free.

    The modes of a tile are those of its first beat. ``en`` and the tags come a cycle after the beat
    that they belong to; without a beat the array moves all the same.

    Members
    -------
    start : In(1)
        Starts a job, unless one runs or a size is 0.
    tiles, beats : In(32)
        Size of the job, unchanged while it runs.
    ready, room, done, clear : In(1)
        Both operands have a beat; the results have room; the job's last result was taken; the
        counters start anew.
    mode_a, mode_b : In(2)
        Modes in the operands' beats.
    wants, take : Out(1)
        A beat is taken as soon as one is ready; one is taken now.
    en : Out(1)
        Clock enable of the array.
    busy, refused, strange : Out(1)
        A job runs; a start came in vain; the beat taken has a mode that it should not.
    tile_end : Out(1)
        The beat wanted now is the last of its tile.
    beat, first, close : Out(1)
        There is a beat; it is the first or last of a block.
    tags : Out(Tags)
        Of the block.
    cycles, taken, operand_stalls, adder_stalls, result_stalls : Out(32)
        Counters, see `MultimodeArray`.
    """

    COUNTERS = ("cycles", "taken", "operand_stalls", "adder_stalls", "result_stalls")

    def __init__(self, *, parameters: MultimodeParameters) -> None:
        self.parameters = parameters
        members: dict[str, Any] = {"tiles": In(32), "beats": In(32)}
        members |= dict.fromkeys(("start", "ready", "room", "done", "clear"), In(1))
        members |= dict.fromkeys(("mode_a", "mode_b"), In(2))
        members |= dict.fromkeys(("wants", "take", "en", "busy", "refused", "strange"), Out(1))
        members |= dict.fromkeys(("tile_end", "beat", "first", "close"), Out(1))
        members |= {"tags": Out(Tags())}
        members |= dict.fromkeys(self.COUNTERS, Out(32))
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        more = Signal()
        # From 1 on, so that they are compared with the sizes as these are.
        tile = Signal(32, init=1)
        beat = Signal(32, init=1)
        place = Signal(range(p.formats[0].reduction // p.lanes))
        fresh = Signal()
        inside, last_tile = Signal(), Signal()
        mode_a, mode_b, held_a, held_b = (Signal(2) for _ in range(4))
        m.d.comb += [
            inside.eq(beat != 1),
            mode_a.eq(Mux(inside, held_a, self.mode_a)),
            mode_b.eq(Mux(inside, held_b, self.mode_b)),
            last_tile.eq(tile == self.tiles),
            self.tile_end.eq(beat == self.beats),
        ]

        # The results of a block take the adders for some time.
        blocks = Array([f.reduction // p.lanes - 1 for f in p.formats])
        longer = Mux(mode_a > mode_b, mode_a, mode_b)
        spacing = Array(
            [
                max(p.rows * DIGITS**2 // (MODES[0] << both), LEAST_SPACING) - 1
                for both in range(2 * len(MODES) - 1)
            ]
        )
        close, wait = Signal(), Signal(range(max(spacing) + 1))
        m.d.comb += [
            close.eq((place == blocks[longer]) | self.tile_end),
            self.wants.eq(more & self.room & ~(close & (wait != 0))),
            self.take.eq(self.wants & self.ready),
        ]
        with m.If(self.take & close):
            m.d.sync += wait.eq(spacing[mode_a + mode_b])
        with m.Elif(self.room & (wait != 0)):
            m.d.sync += wait.eq(wait - 1)

        start = Signal()
        m.d.comb += [
            start.eq(self.start & ~self.busy & (self.tiles != 0) & (self.beats != 0)),
            self.refused.eq(self.start & ~start),
            self.strange.eq(
                self.take
                & ((self.mode_a != mode_a) | (self.mode_b != mode_b) | mode_a.all() | mode_b.all())
            ),
        ]
        with m.If(start):
            m.d.sync += [self.busy.eq(1), more.eq(1), fresh.eq(1)]
        with m.Elif(self.done):
            m.d.sync += self.busy.eq(0)

        with m.If(self.take):
            m.d.sync += [beat.eq(beat + 1), place.eq(place + 1)]
            m.d.sync += [held_a.eq(mode_a), held_b.eq(mode_b)]
            with m.If(close):
                m.d.sync += [place.eq(0), fresh.eq(0)]
            with m.If(self.tile_end):
                m.d.sync += [beat.eq(1), fresh.eq(1), tile.eq(tile + 1)]
                with m.If(last_tile):
                    m.d.sync += [tile.eq(1), more.eq(0)]

        m.d.sync += self.en.eq(self.room)
        with m.If(self.room):
            m.d.sync += [
                self.beat.eq(self.take),
                self.first.eq(self.take & (place == 0)),
                self.close.eq(self.take & close),
                self.tags.mode_a.eq(mode_a),
                self.tags.mode_b.eq(mode_b),
                self.tags.fresh.eq(fresh),
                self.tags.ending.eq(self.tile_end),
                self.tags.job_end.eq(self.tile_end & last_tile),
            ]
        events = (
            self.busy,
            self.take,
            more & self.room & ~self.ready,
            more & self.room & self.ready & ~self.wants,
            self.busy & ~self.room,
        )
        counters = (getattr(self, name) for name in self.COUNTERS)
        count_events(m, self.clear, list(zip(counters, events, strict=True)))
        return m
