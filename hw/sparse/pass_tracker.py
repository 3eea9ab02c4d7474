"""Credits of the passes under way in the sparse array."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.sparse.stages import PATCH_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import delay

__all__ = ["PassTracker"]


class PassTracker(Circuit):
    """Counters of filled and free halves of memories, which let each stage of a pass begin.

    A half is free from the end of its pass on, as soon as it was last read. Latency is one cycle
    from an event to its count, interval one cycle. Outputs depend on registers, and those named
    ``*_wait`` on ``idle``.

    Parameters
    ----------
    latency : int
        Cycles from a step to its sums in memory.

    Members
    -------
    issue_begin, issue_end : In(1)
        The nonzeros of a pass begin to be stored; they are stored.
    tile_end : In(1)
        An activation tile is stored.
    apply_begin, apply_end : In(1)
        A pass begins to be applied; its last step.
    drain_end : In(1)
        The sums of a pass were read.
    idle : In(1)
        No pass is applied.
    may_issue, may_load, may_apply, may_drain : Out(1)
        Nonzeros of a pass may be stored, an activation tile too; a pass may be applied, its sums
        read.
    busy : Out(1)
        A pass is under way.
    nonzero_wait, tile_wait, sum_wait : Out(1)
        Nothing is applied for want of nonzeros; of an activation tile alone; of a half of the sums
        alone.
    """

    def __init__(self, *, latency: int) -> None:
        self.latency = latency
        events = ("issue_begin", "issue_end", "tile_end", "apply_begin", "apply_end", "drain_end")
        grants = ("may_issue", "may_load", "may_apply", "may_drain", "busy")
        waits = ("nonzero_wait", "tile_wait", "sum_wait")
        super().__init__(
            dict.fromkeys((*events, "idle"), In(1)) | dict.fromkeys((*grants, *waits), Out(1))
        )

    def elaborate(self, platform: Any) -> Module:
        """Count each pair of halves up and down."""
        m = Module()
        freed = delay(m, 1, self.apply_end, PATCH_LATENCY, name="freed", reset=True)
        applied = delay(m, 1, self.apply_end, self.latency, name="applied", reset=True)
        stored = self._counter(m, "stored", self.issue_end, self.apply_begin)
        storing = self._counter(m, "storing", self.issue_begin, freed)
        loaded = self._counter(m, "loaded", self.tile_end, self.apply_begin)
        loading = self._counter(m, "loading", self.tile_end, freed)
        pending = self._counter(m, "pending", self.apply_begin, self.drain_end)
        unread = self._counter(m, "unread", applied, self.drain_end)
        has_nonzeros, has_tile, has_sums = stored != 0, loaded != 0, pending != 2
        m.d.comb += [
            self.may_issue.eq(storing != 2),
            self.may_load.eq(loading != 2),
            self.may_apply.eq(has_nonzeros & has_tile & has_sums),
            self.may_drain.eq(unread != 0),
            self.busy.eq(Cat(storing, pending, loading).any()),
            self.nonzero_wait.eq(self.idle & ~has_nonzeros),
            self.tile_wait.eq(self.idle & has_nonzeros & ~has_tile),
            self.sum_wait.eq(self.idle & has_nonzeros & has_tile & ~has_sums),
        ]
        return m

    def _counter(self, m: Module, name: str, up: Value, down: Value) -> Signal:
        """Return how many of two halves there are."""
        count = Signal(range(3), name=name)
        m.d.sync += count.eq(count + up - down)
        return count
