"""The sequence of tiles: when a beat is taken, when the array moves, and what each beat is."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ArrayParameters

from ..circuit import Circuit
from ..pipeline import count_events

__all__ = ["Sequencer"]


class Sequencer(Circuit):
    """Counts beats, blocks and tiles of a job, and tells the array when to move.

    Inside a tile the array moves with a beat only, so that the time between two blocks of a tile
    is always that of a block; between tiles it moves without one too, so that results leave. A
    tile begins no earlier than ``rows`` moves after the one before. The tags and ``en`` come a
    cycle after the beat that they belong to.

    Members
    -------
    start : In(1)
        Starts a job, unless one runs or a size is 0.
    tile_rows, tile_columns, blocks : In(16)
        Size of the job, unchanged while it runs.
    ready, room, done, clear : In(1)
        Both operands have a beat; the results have room; the job's last result was taken; the
        counters start anew.
    wants, take : Out(1)
        A beat is taken as soon as one is ready; one is taken now.
    en : Out(1)
        Clock enable of the array.
    busy, refused : Out(1)
        A job runs; a start came in vain.
    tile_end : Out(1)
        The beat wanted now is the last of its tile.
    first, close, ending, job_end : Out(1)
        Tags of a beat: the first or last of a block, the last of a tile, of the job.
    fresh : Out(1)
        With ``close``: the block is the first of its partial sum.
    keep : Out(levels)
        With ``close``: per level of the final addition, whether its left operand exists.
    cycles, beats, operand_stalls, result_stalls : Out(32)
        Counters, see `MacArray`.
    """

    COUNTERS = ("cycles", "beats", "operand_stalls", "result_stalls")

    def __init__(self, *, parameters: ArrayParameters) -> None:
        self.parameters = parameters
        self.levels = parameters.ways.bit_length() - 1
        members: dict[str, Any] = {}
        members |= dict.fromkeys(("start", "ready", "room", "done", "clear"), In(1))
        members |= dict.fromkeys(("tile_rows", "tile_columns", "blocks"), In(16))
        members |= dict.fromkeys(("wants", "take", "en", "busy", "refused", "tile_end"), Out(1))
        members |= dict.fromkeys(("first", "close", "ending", "job_end", "fresh"), Out(1))
        if self.levels:
            members["keep"] = Out(self.levels)
        members |= dict.fromkeys(self.COUNTERS, Out(32))
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        more = Signal()
        beat = Signal(range(p.beats))
        block = Signal(16)
        tile_row = Signal(16)
        tile_column = Signal(16)
        last_beat, last_block, last_column, last_row = (Signal() for _ in range(4))
        m.d.comb += [
            last_beat.eq(beat == p.beats - 1),
            last_block.eq(block == self.blocks - 1),
            last_column.eq(tile_column == self.tile_columns - 1),
            last_row.eq(tile_row == self.tile_rows - 1),
            self.tile_end.eq(last_beat & last_block),
        ]

        inside = Signal()
        move = Signal()
        may_begin = Signal()
        m.d.comb += [
            inside.eq((beat != 0) | (block != 0)),
            self.wants.eq(more & self.room & (inside | may_begin)),
            self.take.eq(self.wants & self.ready),
            move.eq(self.busy & self.room & (self.take | ~inside)),
        ]
        if p.beats >= p.rows:
            m.d.comb += may_begin.eq(1)
        else:
            age = Signal(range(p.rows + 1), init=p.rows)
            m.d.comb += may_begin.eq(age == p.rows)
            with m.If(self.take & ~inside):
                m.d.sync += age.eq(1)
            with m.Elif(move & ~may_begin):
                m.d.sync += age.eq(age + 1)

        start = Signal()
        sizes = (self.tile_rows, self.tile_columns, self.blocks)
        m.d.comb += [
            start.eq(self.start & ~self.busy & Cat(size != 0 for size in sizes).all()),
            self.refused.eq(self.start & ~start),
        ]
        with m.If(start):
            m.d.sync += [self.busy.eq(1), more.eq(1)]
        with m.Elif(self.done):
            m.d.sync += self.busy.eq(0)

        with m.If(self.take):
            m.d.sync += beat.eq(beat + 1)
            with m.If(last_beat):
                m.d.sync += [beat.eq(0), block.eq(block + 1)]
            with m.If(self.tile_end):
                m.d.sync += [block.eq(0), tile_column.eq(tile_column + 1)]
                with m.If(last_column):
                    m.d.sync += [tile_column.eq(0), tile_row.eq(tile_row + 1)]
                    with m.If(last_row):
                        m.d.sync += [tile_row.eq(0), more.eq(0)]

        close = self.take & last_beat
        m.d.sync += self.en.eq(move)
        with m.If(move):
            m.d.sync += [
                self.first.eq(self.take & (beat == 0)),
                self.close.eq(close),
                self.fresh.eq(close & (block < p.ways)),
                self.ending.eq(close & last_block),
                self.job_end.eq(close & last_block & last_column & last_row),
            ]
            if self.levels:
                m.d.sync += self.keep.eq(Cat(close & (block >= 1 << i) for i in range(self.levels)))

        events = (self.busy, self.take, self.wants & ~self.ready, self.busy & ~self.room)
        counters = (getattr(self, name) for name in self.COUNTERS)
        count_events(m, self.clear, list(zip(counters, events, strict=True)))
        return m
