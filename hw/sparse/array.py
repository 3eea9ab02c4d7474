"""The sparse array."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.cycles import PATCH_LATENCY

from ..base.field import Field
from ..base.pipeline import count_events, delay
from ..engine.core import Core
from .collector import Collector
from .conductor import Conductor
from .fetch import Fetch
from .line import Line
from .placement import Placement
from .registers import fitting, registers

__all__ = ["SparseArray"]


class SparseArray(Core):
    """Array of lines that skip zeros, as `sw.sparse.array.apply`.

    A wave is a tile of weights for each line, ``pieces`` of ``rows`` rows, and a patch of the dense
    operand, which all lines share, a column an element. Each line applies the non-zeros of its
    tile, one behind the other, at all positions; so that an entry takes a cycle a position, and a
    wave as long as the line that has the most. Pieces are moved between lines by a load balancer,
    from pointers that come ahead of the masks. While a wave is applied the next one is stored and
    the sums of the one before are read and added to those of earlier waves: it takes the longest
    of these times, `sw.sparse.cycles.array_cycles`. No wave begins, and no pointer and no row of a
    patch is taken, unless the registers hold a job that passes `Job.check`; sizes count two cycles
    after they were written.

    Members
    -------
    i_pointer, i_mask, i_value, i_x : In(stream.Signature(...))
        A wave's pointers, masks, values and patch, fields as in `streams`. ``last`` comes with
        a wave's last pointer; on other streams it may end a wave. Modes ``dense`` and
        ``structured`` take no pointers, ``dense`` no masks.
    o : Out(stream.Signature(...))
        Sums, a position's columns a beat, by pieces, rows, positions; ``last`` ends a tile.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, a cycle later or more, see ``FLAGS``.
    """

    BUSY = "a wave is under way, or a part of one was taken"
    ABORT = "the sums of the tile"
    FLAGS = {
        "nan": "a result was NaN",
        "overflow": "a result was infinite",
        "mask": "a mask had a bit beyond the depth, or a group not as many as it should",
        "refused": "data came, but the registers hold no job that can be done; it waits",
        "pointer": "pointers did not tell the number of a piece's values; those may be out of step",
        "capacity": "a line had more non-zeros than it holds; the last were lost",
        "framing": "tlast inside a wave, or not with its last pointer, or padding bits not zero",
    }

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        self.registers = registers(p)
        fields = {
            "i_pointer": ("pointer", p.pointer_bits, 1, "where a piece's values begin"),
            "i_mask": ("mask", p.mask_bits, 1, "places of non-zeros, the lowest first"),
            "i_value": ("value", 32, p.fetch, "binary32 non-zeros; a wave begins with a beat"),
            "i_x": ("x", 32, p.columns, "a row of a patch, binary32"),
            "o": ("sum", 32, p.columns, "binary32 sums"),
        }
        super().__init__(
            streams={
                stream: (Field(name=name, bits=bits, count=count, description=text),)
                for stream, (name, bits, count, text) in fields.items()
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Place, fetch, apply, collect."""
        m = Module()
        p = self.parameters
        m.submodules.placement = placement = Placement(parameters=p)
        m.submodules.fetch = fetch = Fetch(parameters=p)
        m.submodules.conductor = conductor = Conductor(parameters=p)
        m.submodules.collector = collector = Collector(parameters=p)
        lines = [Line(parameters=p) for _ in range(p.lines)]
        for i, line in enumerate(lines):
            m.submodules[f"line_{i}"] = line
        fits = fitting(m, self, p)
        waiting = self._admit(m, fits, placement, fetch, conductor, collector, lines)
        self._place(m, fits, placement, fetch, collector)
        self._store(m, placement, fetch, lines)
        self._apply(m, conductor, lines)
        self._collect(m, collector, lines)

        m.d.sync += [
            self.flags.nan.eq(collector.nan),
            self.flags.overflow.eq(collector.overflow),
            self.flags.mask.eq(fetch.astray),
            self.flags.refused.eq(
                ~fits
                & (self.i_pointer.valid | self.i_mask.valid | self.i_value.valid | self.i_x.valid)
            ),
            self.flags.pointer.eq(placement.wrong & (self.mode.mode == 0)),
            self.flags.capacity.eq(Cat(line.lost for line in lines).any()),
        ]
        names = ("entry_waits", "patch_waits", "sum_waits")
        events = [(getattr(self, name), wait) for name, wait in zip(names, waiting, strict=True)]
        events += [(self.applied, conductor.end), (self.steps, conductor.busy)]
        count_events(m, self.clear, events)
        return m

    def _admit(
        self,
        m: Module,
        fits: Value,
        placement: Placement,
        fetch: Fetch,
        conductor: Conductor,
        collector: Collector,
        lines: list[Line],
    ) -> tuple[Value, Value, Value]:
        """Let waves begin where halves of memories are filled or free; return what is waited for.

        A half is free from the end of its wave on, as soon as it was last read.
        """
        p = self.parameters
        freed = delay(m, 1, conductor.end, PATCH_LATENCY, name="freed", reset=True)
        applied = delay(m, 1, conductor.end, lines[0].latency, name="done", reset=True)
        stored = _counter(m, "stored", fetch.close, conductor.begin)
        storing = _counter(m, "storing", fetch.begin, freed)
        pending = _counter(m, "pending", conductor.begin, collector.end)
        unread = _counter(m, "unread", applied, collector.end)

        row = Signal(ceil_log2(p.patch))
        half = Signal()
        last_row = Signal()
        patch_end = self.i_x.valid & self.i_x.ready & last_row
        patched = _counter(m, "patched", patch_end, conductor.begin)
        patching = _counter(m, "patching", patch_end, freed)
        early = self.i_x.valid & self.i_x.ready & self.i_x.payload.last & ~last_row
        m.d.sync += self.flags.framing.eq(
            early
            | placement.astray
            | self._ended(m, "mask", fetch.begin)
            | self._ended(m, "value", fetch.begin)
        )
        following = Mux(last_row, 0, row + 1)[: len(row)]
        m.d.comb += [
            self.i_x.ready.eq(fits & (patching != 2)),
            last_row.eq(row + 1 == self.patch),
        ]
        with m.If(self.i_x.valid & self.i_x.ready):
            m.d.sync += [row.eq(following), half.eq(half ^ last_row)]
        for line in lines:
            m.d.comb += [
                line.write.eq(self.i_x.valid & self.i_x.ready),
                line.row.eq(Cat(row, half)),
                line.x.eq(self.i_x.payload.data[: 32 * p.columns]),
            ]

        sparse = self.mode.mode == 0
        # Without pointers a wave begins with its entries, so that there is none between jobs.
        offered = Mux(self.mode.mode[0], self.i_value.valid, self.i_mask.valid)
        room = pending != 2
        m.d.comb += [
            fetch.go.eq(fits & Mux(sparse, placement.ready, offered) & (storing != 2)),
            conductor.go.eq((stored != 0) & (patched != 0) & room),
            collector.go.eq(unread != 0),
        ]
        m.d.comb += self.busy.eq(placement.busy | Cat(storing, pending, patching, row).any())
        idle = ~conductor.busy
        entries, patch = idle & (stored == 0), idle & (stored != 0) & (patched == 0)
        return entries, patch, idle & (stored != 0) & (patched != 0) & ~room

    def _ended(self, m: Module, name: str, begin: Value) -> Value:
        """Return whether a wave goes on behind the ``last`` of one of its streams."""
        port = getattr(self, f"i_{name}")
        ended = Signal(name=f"{name}_ended")
        take = port.valid & port.ready
        with m.If(begin):
            m.d.sync += ended.eq(0)
        with m.Elif(take & port.payload.last):
            m.d.sync += ended.eq(1)
        return take & ended

    def _place(
        self, m: Module, fits: Value, placement: Placement, fetch: Fetch, collector: Collector
    ) -> None:
        """Look up the line of each piece that is fetched, or whose sums are read."""
        sparse = self.mode.mode == 0
        m.d.comb += [
            placement.i.payload.eq(self.i_pointer.payload),
            placement.i.valid.eq(self.i_pointer.valid & fits),
            self.i_pointer.ready.eq(placement.i.ready & fits),
            placement.balanced.eq(self.mode.balanced & sparse),
            placement.fetch.eq(fetch.begin & sparse),
            placement.fetched_piece.eq(fetch.piece),
            placement.end_piece.eq(fetch.end_piece),
            placement.count.eq(fetch.count),
            placement.end_wave.eq(fetch.close & sparse),
            placement.drained.eq(collector.end & sparse),
            placement.drained_piece.eq(collector.piece),
            collector.line.eq(placement.drained_line),
            collector.slot.eq(placement.slot),
        ]

    def _store(self, m: Module, placement: Placement, fetch: Fetch, lines: list[Line]) -> None:
        """Take masks and values, and store each entry in the line of its piece."""
        p = self.parameters
        m.d.comb += [
            fetch.rows.eq(self.rows),
            fetch.depth.eq(self.depth),
            fetch.mode.eq(self.mode.mode),
            fetch.keep.eq(self.mode.keep),
            fetch.write.eq(self.offset.write),
            fetch.place.eq(self.offset.place),
            fetch.offset.eq(self.offset.rows),
            fetch.write_shift.eq(self.shift.write),
            fetch.row.eq(self.shift.row),
            fetch.shift.eq(self.shift.rows),
            fetch.i_mask.payload.eq(self.i_mask.payload.data[: p.mask_bits]),
            fetch.i_mask.valid.eq(self.i_mask.valid),
            self.i_mask.ready.eq(fetch.i_mask.ready),
            fetch.i_value.payload.eq(self.i_value.payload.data),
            fetch.i_value.valid.eq(self.i_value.valid),
            self.i_value.ready.eq(fetch.i_value.ready),
        ]
        target = delay(m, 1, placement.fetched_line, 2, name="target")
        for i, line in enumerate(lines):
            m.d.comb += [
                line.store.eq(fetch.store & (target == i).replicate(p.fetch)),
                line.entry.eq(fetch.entry),
                line.close.eq(fetch.close),
            ]

    def _apply(self, m: Module, conductor: Conductor, lines: list[Line]) -> None:
        """Lead all lines through their entries."""
        m.d.comb += [
            conductor.positions.eq(self.positions),
            conductor.write.eq(self.base.write),
            conductor.place.eq(self.base.position),
            conductor.row.eq(self.base.rows),
            conductor.more.eq(Cat(line.more for line in lines).any()),
        ]
        for line in lines:
            m.d.comb += [
                line.step.eq(conductor.step),
                line.base.eq(conductor.base),
                line.positions.eq(self.positions),
            ]

    def _collect(self, m: Module, collector: Collector, lines: list[Line]) -> None:
        """Read the sums of one line after the other."""
        parts = []
        for i, line in enumerate(lines):
            m.d.comb += [
                line.draining.eq(collector.draining),
                line.drain_turn.eq(collector.turn),
                line.get.eq(collector.get),
                line.address.eq(collector.address),
            ]
            parts.append(line.o & (collector.source == i).replicate(len(line.o)))
        m.d.comb += [
            collector.rows.eq(self.rows),
            collector.positions.eq(self.positions),
            collector.waves.eq(self.waves),
            collector.sums.eq(reduce(or_, parts)),
            self.o.payload.eq(collector.o.payload),
            self.o.valid.eq(collector.o.valid),
            collector.o.ready.eq(self.o.ready),
        ]


def _counter(m: Module, name: str, up: Value, down: Value) -> Signal:
    """Return how many of two things there are."""
    count = Signal(range(3), name=name)
    m.d.sync += count.eq(count + up - down)
    return count
