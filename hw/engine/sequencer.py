"""The sequence of tiles: when a beat is taken, when the array moves, and what each beat is."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import count_events

__all__ = ["Sequencer"]


class Sequencer(Circuit):
    """Counts beats, blocks and tiles of a job, and tells the array when to move.

    Inside a tile the array moves with a beat only, so that the time between two blocks of a tile
    is always that of a block; between tiles it moves without one too, so that results leave. A
    tile begins no earlier than ``rows`` moves after the one before. The tags and ``en`` come a
    cycle after the beat that they belong to.

    Parameters
    ----------
    rows : int
        Rows of results of a tile.
    block_beats : int
        Beats of a block.
    ways : int
        Partial sums of a result that take turns, a power of two.
    block_bits : int
        Bits of ``blocks``.
    interleaved : bool
        Whether each beat of ``a`` is a block of rows of its own, instead of a part of a block of
        all rows. Then ``b`` has a beat a block, and the tags but ``first`` come with every beat.

    Members
    -------
    start : In(1)
        Starts a job, unless one runs or a size is 0.
    tile_rows, tile_columns : In(16), blocks : In(block_bits)
        Size of the job, unchanged while it runs.
    valid_a, valid_b : In(1)
        The operand has a beat.
    room, done, clear : In(1)
        The results have room; the job's last result was taken; the counters start anew.
    ready_a, ready_b : Out(1)
        The operand's beat is taken if it has one.
    end_a, end_b : Out(1)
        The beat wanted now of the operand is its last of the tile.
    en : Out(1)
        Clock enable of the array.
    busy, refused : Out(1)
        A job runs; a start came in vain.
    first, close, ending, job_end : Out(1)
        Tags of a beat: the first or last of a block, the last of a tile, of the job.
    fresh : Out(1)
        With ``close``: the block is the first of its partial sum.
    keep : Out(levels)
        With ``close``: per level of the final addition, whether its left operand exists.
    cycles, beats, operand_stalls, result_stalls : Out(32)
        Counters, see `TileArray`.
    """

    COUNTERS = ("cycles", "beats", "operand_stalls", "result_stalls")

    def __init__(
        self,
        *,
        rows: int,
        block_beats: int,
        ways: int = 1,
        block_bits: int = 16,
        interleaved: bool = False,
    ) -> None:
        self.rows = rows
        self.block_beats = block_beats
        self.ways = ways
        self.block_bits = block_bits
        self.interleaved = interleaved
        self.levels = ways.bit_length() - 1
        members: dict[str, Any] = {}
        members |= dict.fromkeys(("start", "valid_a", "valid_b", "room", "done", "clear"), In(1))
        members |= dict.fromkeys(("tile_rows", "tile_columns"), In(16))
        members |= {"blocks": In(block_bits)}
        members |= dict.fromkeys(("ready_a", "ready_b", "end_a", "end_b"), Out(1))
        members |= dict.fromkeys(("en", "busy", "refused"), Out(1))
        members |= dict.fromkeys(("first", "close", "ending", "job_end", "fresh"), Out(1))
        if self.levels:
            members["keep"] = Out(self.levels)
        members |= dict.fromkeys(self.COUNTERS, Out(32))
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        more = Signal()
        beat = Signal(range(self.block_beats))
        # From 1 on, so that they are compared with the sizes as these are.
        block = Signal(self.block_bits, init=1)
        tile_row = Signal(16, init=1)
        tile_column = Signal(16, init=1)
        last_beat = Signal()
        last_block = Signal()
        last_column = Signal()
        last_row = Signal()
        tile_end = Signal()
        m.d.comb += [
            last_beat.eq(beat == self.block_beats - 1),
            last_block.eq(block == self.blocks),
            last_column.eq(tile_column == self.tile_columns),
            last_row.eq(tile_row == self.tile_rows),
            tile_end.eq(last_beat & last_block),
            self.end_a.eq(tile_end),
            self.end_b.eq(last_block if self.interleaved else tile_end),
        ]

        inside = Signal()
        may_begin = Signal()
        wants = Signal()
        ready = Signal()
        take = Signal()
        move = Signal()
        valid_b: Value = self.valid_b
        may_take_b: Value = wants & self.valid_a
        if self.interleaved:
            valid_b, may_take_b = valid_b | (beat != 0), may_take_b & (beat == 0)
        m.d.comb += [
            inside.eq((beat != 0) | (block != 1)),
            wants.eq(more & self.room & (inside | may_begin)),
            ready.eq(self.valid_a & valid_b),
            take.eq(wants & ready),
            move.eq(self.busy & self.room & (take | ~inside)),
            self.ready_a.eq(wants & valid_b),
            self.ready_b.eq(may_take_b),
        ]
        if self.block_beats >= self.rows:
            m.d.comb += may_begin.eq(1)
        else:
            age = Signal(range(self.rows + 1), init=self.rows)
            m.d.comb += may_begin.eq(age == self.rows)
            with m.If(take & ~inside):
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

        with m.If(take):
            m.d.sync += beat.eq(beat + 1)
            with m.If(last_beat):
                m.d.sync += [beat.eq(0), block.eq(block + 1)]
            with m.If(tile_end):
                m.d.sync += [block.eq(1), tile_column.eq(tile_column + 1)]
                with m.If(last_column):
                    m.d.sync += [tile_column.eq(1), tile_row.eq(tile_row + 1)]
                    with m.If(last_row):
                        m.d.sync += [tile_row.eq(1), more.eq(0)]

        close = take if self.interleaved else take & last_beat
        m.d.sync += self.en.eq(move)
        with m.If(move):
            m.d.sync += [
                self.first.eq(take & (beat == 0)),
                self.close.eq(close),
                self.fresh.eq(close & (block <= self.ways)),
                self.ending.eq(close & last_block),
                self.job_end.eq(take & tile_end & last_column & last_row),
            ]
            if self.levels:
                m.d.sync += self.keep.eq(Cat(close & (block > 1 << i) for i in range(self.levels)))

        events = (self.busy, take, wants & ~ready, self.busy & ~self.room)
        counters = (getattr(self, name) for name in self.COUNTERS)
        count_events(m, self.clear, list(zip(counters, events, strict=True)))
        return m
