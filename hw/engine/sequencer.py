"""Sequencers of jobs: when a beat is accepted, when the array moves, and what each beat is."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.field import Field, struct
from ..base.pipeline import count_events

__all__ = ["JobSequencer", "Sequencer"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Position:
    """Where a job is: per size of the job its count, from 1 on, and whether that is the last."""

    index: Mapping[str, Signal]
    last: Mapping[str, Signal]
    job_last: Value


class JobSequencer(Circuit):
    """Base of the sequencers of jobs: start and end, nested counts, counters of events.

    A job starts in the cycle after ``start``; counters follow their events by two cycles.

    Parameters
    ----------
    job : tuple of Field
        Sizes of a job, each the count of what the next ones make up.
    members : mapping
        Further members.

    Members
    -------
    start : In(1)
        Starts a job, unless one runs or a size is 0.
    job : In(struct)
        Sizes of the job, unchanged while it runs.
    valid_a, valid_b : In(1)
        The operand has a beat.
    credit, done, clear : In(1)
        The array may move in the next cycle; the job's last result was accepted; the counters
        start anew.
    ready_a, ready_b : Out(1)
        The operand's beat is accepted if it has one.
    last_a, last_b : Out(1)
        The beat wanted now of the operand is its last of the tile.
    en : Out(1)
        Clock enable of the array.
    busy, refused : Out(1)
        A job runs; a start came in vain.
    <counter> : Out(32)
        As in ``COUNTERS``.
    """

    COUNTERS: ClassVar[Mapping[str, str]]

    def __init__(self, *, job: tuple[Field, ...], members: Mapping[str, Any]) -> None:
        self.fields = job
        flags = ("ready_a", "ready_b", "last_a", "last_b", "en", "busy", "refused")
        super().__init__(
            {
                **dict.fromkeys(("start", "valid_a", "valid_b", "credit", "done", "clear"), In(1)),
                "job": In(struct(job)),
                **dict.fromkeys(flags, Out(1)),
                **members,
                **dict.fromkeys(self.COUNTERS, Out(32)),
            }
        )

    def _count(self, m: Module, step: Value) -> Position:
        """Count steps up to the job's sizes, the last of these fastest.

        Counts are from 1 on, so that they are compared with the sizes as these are.
        """
        index, last = {}, {}
        for field in reversed(self.fields):
            name = field.name
            index[name] = count = Signal(field.bits, name=f"{name}_index", init=1)
            last[name] = Signal(name=f"{name}_last")
            m.d.comb += last[name].eq(count == self.job[name])
            with m.If(step):
                m.d.sync += count.eq(Mux(last[name], 1, count + 1))
            step = step & last[name]
        return Position(index=index, last=last, job_last=step)

    def _run(self, m: Module, job_last: Value) -> Signal:
        """Start and end jobs; return whether the job has beats to come."""
        active = Signal()
        begins = Signal()
        sizes = Cat(self.job[field.name] != 0 for field in self.fields)
        m.d.comb += [
            begins.eq(self.start & ~self.busy & sizes.all()),
            self.refused.eq(self.start & ~begins),
        ]
        with m.If(begins):
            m.d.sync += [self.busy.eq(1), active.eq(1)]
        with m.Elif(self.done):
            m.d.sync += self.busy.eq(0)
        with m.If(job_last):
            m.d.sync += active.eq(0)
        return active

    def _count_events(self, m: Module, *events: Value) -> None:
        """Count events by `COUNTERS`."""
        counters = (getattr(self, name) for name in self.COUNTERS)
        count_events(m, self.clear, list(zip(counters, events, strict=True)))


class Sequencer(JobSequencer):
    """Sequencer of tiles whose blocks have a fixed number of beats.

    Within a tile ``en`` follows accepted beats, which fixes the spacing of blocks; between tiles it
    free-runs to drain. A tile begins no earlier than ``rows`` moves after the one before. Latency
    is a cycle from a beat to its tags and to ``en``, interval a beat a cycle.

    Parameters
    ----------
    job : tuple of Field
        Rows and columns of tiles, and blocks of a tile.
    rows : int
        Rows of results of a tile.
    block_beats : int
        Beats of a block.
    accumulators : int
        Interleaved accumulators of a result, a power of two.
    interleaved : bool
        Whether each beat of ``a`` is a block of rows of its own, instead of a part of a block of
        all rows. Then ``b`` has a beat a block, and the tags but ``block_first`` come with every
        beat.

    Members
    -------
    block_first, block_last, tile_last, job_last : Out(1)
        Tags of a beat: first or last of a block, in the last block of a tile, last of the job.
    sum_first : Out(1)
        With ``block_last``: the block is the first of its accumulator.
    merge : Out(levels)
        With ``block_last``: per level of the pairwise addition, whether its left operand exists.
    """

    COUNTERS = {
        "cycles": "cycles spent busy",
        "beats": "operand beats accepted",
        "operand_stalls": "cycles that waited for an operand",
        "result_stalls": "cycles that waited for results to be accepted",
    }

    def __init__(
        self,
        *,
        job: tuple[Field, ...],
        rows: int,
        block_beats: int,
        accumulators: int = 1,
        interleaved: bool = False,
    ) -> None:
        self.rows = rows
        self.block_beats = block_beats
        self.accumulators = accumulators
        self.interleaved = interleaved
        self.levels = accumulators.bit_length() - 1
        tags = ("block_first", "block_last", "tile_last", "job_last", "sum_first")
        merge = {"merge": Out(self.levels)} if self.levels else {}
        super().__init__(job=job, members=dict.fromkeys(tags, Out(1)) | merge)

    def elaborate(self, platform: Any) -> Module:
        """Build counters, acceptance, and a register of tags."""
        m = Module()
        accept = Signal()
        move = Signal()
        beat = Signal(range(self.block_beats))
        beat_last = Signal()
        tile_end = Signal()
        position = self._count(m, accept & beat_last)
        block = position.index[self.fields[-1].name]
        block_last = position.last[self.fields[-1].name]
        m.d.comb += [
            beat_last.eq(beat == self.block_beats - 1),
            tile_end.eq(beat_last & block_last),
            self.last_a.eq(tile_end),
            self.last_b.eq(block_last if self.interleaved else tile_end),
        ]
        with m.If(accept):
            m.d.sync += beat.eq(Mux(beat_last, 0, beat + 1))

        active = self._run(m, position.job_last)
        inside = Signal()
        m.d.comb += inside.eq((beat != 0) | (block != 1))
        wants, ready = self._accept(m, active, beat, inside, accept, move)

        tagged = accept if self.interleaved else accept & beat_last
        m.d.sync += self.en.eq(move)
        with m.If(move):
            m.d.sync += [
                self.block_first.eq(accept & (beat == 0)),
                self.block_last.eq(tagged),
                self.sum_first.eq(tagged & (block <= self.accumulators)),
                self.tile_last.eq(tagged & block_last),
                self.job_last.eq(position.job_last),
            ]
            if self.levels:
                exists = Cat(tagged & (block > 1 << i) for i in range(self.levels))
                m.d.sync += self.merge.eq(exists)
        self._count_events(m, self.busy, accept, wants & ~ready, self.busy & ~self.credit)
        return m

    def _accept(
        self, m: Module, active: Signal, beat: Signal, inside: Signal, accept: Signal, move: Signal
    ) -> tuple[Signal, Signal]:
        """Accept beats and move; return whether a beat is wanted, and whether there is one."""
        may_begin = Signal()
        wants = Signal()
        ready = Signal()
        valid_b: Value = self.valid_b
        ready_b: Value = wants & self.valid_a
        if self.interleaved:
            valid_b, ready_b = valid_b | (beat != 0), ready_b & (beat == 0)
        m.d.comb += [
            wants.eq(active & self.credit & (inside | may_begin)),
            ready.eq(self.valid_a & valid_b),
            accept.eq(wants & ready),
            move.eq(self.busy & self.credit & (accept | ~inside)),
            self.ready_a.eq(wants & valid_b),
            self.ready_b.eq(ready_b),
        ]
        if self.block_beats >= self.rows:
            m.d.comb += may_begin.eq(1)
            return wants, ready
        age = Signal(range(self.rows + 1), init=self.rows)
        m.d.comb += may_begin.eq(age == self.rows)
        with m.If(accept & ~inside):
            m.d.sync += age.eq(1)
        with m.Elif(move & ~may_begin):
            m.d.sync += age.eq(age + 1)
        return wants, ready
