"""The sparse array: rows of nonzeros times a dense operand."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters

from ..base.pipeline import count_events, delay
from ..engine.core import RESULT_FLAGS, Core
from .accumulator import Accumulator
from .controller import Controller
from .issue import Issue
from .packets import streams
from .pass_tracker import PassTracker
from .pe_row import PeRow
from .registers import JobCheck, registers
from .scheduling_table import SchedulingTable

__all__ = ["SparseArray"]


class SparseArray(Core):
    """Array of PE rows that skip zeros, as `sw.sparse.array.apply`.

    A pass is a tile of weights for each PE row, in ``subtiles`` sub-tiles of
    ``rows`` rows, and an activation tile (``patch``) that all PE rows share, a column a PE. Each PE
    row streams the nonzeros of its tile, one cycle per nonzero and output pixel (``pixel``); the
    fullest one ends the pass. Sub-tiles are moved between PE rows by a load balancer, from pointers
    that come ahead of the masks.

    While a pass is applied the next one is stored and the sums of the one before are added to those
    of earlier passes. Its interval is the longest of these times; latency and interval are those of
    `sw.sparse.cycles.array_cycles`. No pass begins, and no pointer and no row of an activation tile
    is accepted, unless the registers hold a job that passes `Job.check`; sizes count two cycles
    after they were written. ``o`` comes from an output FIFO; flags are a cycle late or more.

    Members
    -------
    i_pointer, i_mask, i_value, i_x : In(stream.Signature(...))
        A pass's pointers, masks, values and activation tile, fields as in `streams`. ``last`` comes
        with a pass's last pointer; on other streams it may end a pass. Modes ``dense`` and
        ``structured`` take no pointers, ``dense`` no masks.
    o : Out(stream.Signature(...))
        Sums, a pixel's columns a beat, by sub-tiles, rows, pixels; ``last`` ends a tile.
    """

    BUSY = "a pass is under way, or a part of one was accepted"
    ABORT = "the sums of the tile"
    FLAGS = {
        **RESULT_FLAGS,
        "mask": "a mask had a bit beyond K, or a group not as many as it should",
        "refused": "data came, but the registers hold no job that can be done; it waits",
        "pointer": "pointers and the nonzeros of a sub-tile differ; values may be out of step",
        "capacity": "a PE row had more nonzeros than it holds; the last were lost",
        "framing": "tlast inside a pass, or not with its last pointer, or padding bits not zero",
    }

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        self.registers = registers(p)
        super().__init__(streams=streams(p))

    def elaborate(self, platform: Any) -> Module:
        """Schedule, issue, apply, accumulate."""
        m = Module()
        p = self.parameters
        rows = [PeRow(parameters=p) for _ in range(p.pe_rows)]
        m.submodules.check = check = JobCheck(parameters=p)
        m.submodules.table = table = SchedulingTable(parameters=p)
        m.submodules.issue = issue = Issue(parameters=p)
        m.submodules.controller = controller = Controller(parameters=p)
        m.submodules.accumulator = accumulator = Accumulator(parameters=p)
        m.submodules.passes = passes = PassTracker(latency=rows[0].latency)
        for i, row in enumerate(rows):
            m.submodules[f"row_{i}"] = row
        for name in JobCheck.SIZES:
            m.d.comb += getattr(check, name).eq(getattr(self, name))
        m.d.comb += [check.mode.eq(self.mode.mode), check.keep.eq(self.mode.keep)]

        loading, early = self._load(m, check.fits, passes, rows)
        self._schedule(m, check.fits, table, issue, accumulator)
        self._issue(m, check.fits, passes, table, issue)
        self._store(m, table, issue, rows)
        self._apply(m, passes, controller, rows)
        self._accumulate(m, passes, accumulator, rows)
        ended = [self._ended(m, name, issue.begin) for name in ("mask", "value")]
        offered = [i.valid for i in (self.i_pointer, self.i_mask, self.i_value, self.i_x)]
        m.d.comb += self.busy.eq(table.busy | passes.busy | loading)
        m.d.sync += [
            self.flags.nan.eq(accumulator.nan),
            self.flags.overflow.eq(accumulator.overflow),
            self.flags.mask.eq(issue.mask_error),
            self.flags.refused.eq(~check.fits & Cat(offered).any()),
            self.flags.pointer.eq(table.wrong & (self.mode.mode == 0)),
            self.flags.capacity.eq(Cat(row.lost for row in rows).any()),
            self.flags.framing.eq(early | table.framing | Cat(ended).any()),
        ]
        events = (
            (self.entry_waits, passes.nonzero_wait),
            (self.patch_waits, passes.tile_wait),
            (self.sum_waits, passes.sum_wait),
            (self.applied, controller.end),
            (self.steps, controller.busy),
        )
        count_events(m, self.clear, events)
        return m

    def _load(
        self, m: Module, fits: Value, passes: PassTracker, rows: list[PeRow]
    ) -> tuple[Value, Value]:
        """Store activation tiles; return whether one is begun, and has ended too early."""
        number = Signal(ceil_log2(self.parameters.patch))
        half = Signal()
        last = Signal()
        accept = self.i_x.valid & self.i_x.ready
        m.d.comb += [
            self.i_x.ready.eq(fits & passes.may_load),
            last.eq(number + 1 == self.patch),
            passes.tile_end.eq(accept & last),
        ]
        with m.If(accept):
            m.d.sync += [number.eq(Mux(last, 0, number + 1)), half.eq(half ^ last)]
        for row in rows:
            m.d.comb += [
                row.write.eq(accept),
                row.row.eq(Cat(number, half)),
                row.x.eq(self.i_x.payload.data.x),
            ]
        return number.any(), accept & self.i_x.payload.last & ~last

    def _ended(self, m: Module, name: str, begin: Value) -> Value:
        """Return whether a pass goes on behind the ``last`` of one of its streams."""
        port = getattr(self, f"i_{name}")
        ended = Signal(name=f"{name}_ended")
        accept = port.valid & port.ready
        with m.If(begin):
            m.d.sync += ended.eq(0)
        with m.Elif(accept & port.payload.last):
            m.d.sync += ended.eq(1)
        return accept & ended

    def _schedule(
        self,
        m: Module,
        fits: Value,
        table: SchedulingTable,
        issue: Issue,
        accumulator: Accumulator,
    ) -> None:
        """Look up the PE row of each sub-tile that is issued, or whose sums are read."""
        sparse = self.mode.mode == 0
        m.d.comb += [
            table.i.payload.eq(self.i_pointer.payload),
            table.i.valid.eq(self.i_pointer.valid & fits),
            self.i_pointer.ready.eq(table.i.ready & fits),
            table.balanced.eq(self.mode.balanced & sparse),
            table.issue.eq(issue.begin & sparse),
            table.issue_subtile.eq(issue.subtile),
            table.subtile_end.eq(issue.subtile_end),
            table.count.eq(issue.count),
            table.pass_end.eq(issue.close & sparse),
            table.drained.eq(accumulator.end & sparse),
            table.drain_subtile.eq(accumulator.subtile),
            accumulator.pe_row.eq(table.drain_row),
            accumulator.index.eq(table.index),
        ]

    def _issue(
        self, m: Module, fits: Value, passes: PassTracker, table: SchedulingTable, issue: Issue
    ) -> None:
        """Take masks and values of a pass when there is room for its nonzeros."""
        # Without pointers a pass begins with its nonzeros, so that there is none between jobs.
        offered = Mux(self.mode.mode[0], self.i_value.valid, self.i_mask.valid)
        begins = Mux(self.mode.mode == 0, table.ready, offered)
        m.d.comb += [
            issue.rows.eq(self.rows),
            issue.depth.eq(self.depth),
            issue.mode.eq(self.mode.mode),
            issue.keep.eq(self.mode.keep),
            issue.offset.eq(self.offset),
            issue.shift.eq(self.shift),
            issue.go.eq(fits & begins & passes.may_issue),
            passes.issue_begin.eq(issue.begin),
            passes.issue_end.eq(issue.close),
        ]
        wiring.connect(m, wiring.flipped(self.i_mask), issue.i_mask)
        wiring.connect(m, wiring.flipped(self.i_value), issue.i_value)

    def _store(self, m: Module, table: SchedulingTable, issue: Issue, rows: list[PeRow]) -> None:
        """Store each nonzero in the PE row of its sub-tile."""
        target = delay(m, 1, table.issue_row, 2, name="target")
        for i, row in enumerate(rows):
            m.d.comb += [
                row.store.eq(issue.store & (target == i).replicate(self.parameters.issue_width)),
                row.nonzero.eq(issue.nonzero),
                row.close.eq(issue.close),
            ]

    def _apply(
        self, m: Module, passes: PassTracker, controller: Controller, rows: list[PeRow]
    ) -> None:
        """Step all PE rows through their nonzeros."""
        m.d.comb += [
            controller.pixels.eq(self.pixels),
            controller.base_table.eq(self.base),
            controller.more.eq(Cat(row.more for row in rows).any()),
            controller.go.eq(passes.may_apply),
            passes.apply_begin.eq(controller.begin),
            passes.apply_end.eq(controller.end),
            passes.idle.eq(~controller.busy),
        ]
        for row in rows:
            m.d.comb += [
                row.step.eq(controller.step),
                row.base.eq(controller.base),
                row.pixels.eq(self.pixels),
            ]

    def _accumulate(
        self, m: Module, passes: PassTracker, accumulator: Accumulator, rows: list[PeRow]
    ) -> None:
        """Read the sums of one PE row after the other."""
        parts = []
        for i, row in enumerate(rows):
            m.d.comb += [
                row.draining.eq(accumulator.draining),
                row.drain_half.eq(accumulator.half),
                row.get.eq(accumulator.get),
                row.address.eq(accumulator.address),
            ]
            sums = row.o.as_value()
            parts.append(sums & (accumulator.source == i).replicate(len(sums)))
        m.d.comb += [
            accumulator.rows.eq(self.rows),
            accumulator.pixels.eq(self.pixels),
            accumulator.passes.eq(self.passes),
            accumulator.sums.eq(reduce(or_, parts)),
            accumulator.go.eq(passes.may_drain),
            passes.drain_end.eq(accumulator.end),
        ]
        wiring.connect(m, accumulator.o, wiring.flipped(self.o))
