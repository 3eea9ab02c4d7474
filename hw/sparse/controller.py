"""Controller of the PE rows: it steps through the nonzeros of a pass and their output pixels."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import SparseArrayParameters
from sw.sparse.stages import LEAST_SPACING

from .packets import ArrayPart, step_layout, table_layout
from .table import RegisterTable

__all__ = ["Controller"]


class Controller(ArrayPart):
    """Counter of nonzeros and output pixels, the same for all PE rows.

    Each PE row streams its nonzeros, one cycle per nonzero and pixel, at least `LEAST_SPACING`
    cycles per nonzero; the fullest row ends the pass. The next pass may begin in the cycle behind
    the last step. Latency is 0 to ``step``, which depends on registers, and one cycle to ``base``;
    interval one cycle a step.

    Members
    -------
    pixels : In(1 + ceil_log2(pixels))
        Output pixels, of the job.
    base_table : In(table_layout(...))
        Writes the first row of a pixel.
    go : In(1)
        A pass may begin.
    begin : Out(1)
        A pass begins in this cycle.
    more : In(1)
        Any PE row has nonzeros beyond the step's number, a cycle later.
    step : Out(step_layout(parameters))
        What the PE rows do.
    busy : Out(1)
        A step is made.
    end : Out(1)
        It is the last of a pass.
    base : Out(ceil_log2(patch))
        First row of the activation tile of the step's pixel, a cycle later.
    """

    def _members(self, p: SparseArrayParameters) -> dict[str, Any]:
        return {
            "pixels": In(1 + ceil_log2(p.pixels)),
            "base_table": In(table_layout(p.pixels, p.patch)),
            "go": In(1),
            "begin": Out(1),
            "more": In(1),
            "step": Out(step_layout(p)),
            "busy": Out(1),
            "end": Out(1),
            "base": Out(ceil_log2(p.patch)),
        }

    def elaborate(self, platform: Any) -> Module:
        """Count pixels and nonzeros, and look the pixel's first row up."""
        m = Module()
        p = self.parameters
        number = Signal(ceil_log2(p.nonzeros))
        pixel = Signal(ceil_log2(p.pixels))
        half = Signal()
        last = Signal.like(pixel)
        m.d.sync += last.eq(Mux(self.pixels < LEAST_SPACING, LEAST_SPACING, self.pixels) - 1)

        ends, more = pixel == last, Signal()
        m.d.sync += more.eq(self.more)
        m.d.comb += [
            self.end.eq(self.busy & ends & ~more),
            self.begin.eq(self.go & (~self.busy | self.end)),
            self.step.number.eq(number),
            self.step.opening.eq(number == 0),
            self.step.pixel.eq(pixel),
            self.step.begins.eq(pixel == 0),
            self.step.valid.eq(self.busy & (pixel < self.pixels)),
            self.step.half.eq(half),
        ]
        with m.If(self.begin):
            m.d.sync += self.busy.eq(1)
        with m.Elif(self.end):
            m.d.sync += self.busy.eq(0)
        with m.If(self.busy):
            m.d.sync += pixel.eq(Mux(ends, 0, pixel + 1))
            with m.If(ends):
                m.d.sync += [number.eq(Mux(more, number + 1, 0)), half.eq(half ^ ~more)]

        m.submodules.bases = bases = RegisterTable(depth=p.pixels, bits=ceil_log2(p.patch))
        m.d.comb += [
            bases.write.eq(self.base_table.write),
            bases.index.eq(self.base_table.index),
            bases.value.eq(self.base_table.rows),
            bases.address.eq(pixel),
            self.base.eq(bases.o),
        ]
        return m
