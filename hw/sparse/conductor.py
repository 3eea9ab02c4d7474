"""What leads the lines of the sparse array through the entries of a wave."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from sw.sparse.array_parameters import LEAST_SPACING, SparseArrayParameters

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from .line import step_layout

__all__ = ["Conductor"]


class Conductor(Circuit):
    """Counter of entries and positions, the same for all lines.

    All lines apply their entry of the same number at the same position; a wave ends with the line
    that has the most. An entry takes a cycle a position, at least `LEAST_SPACING`. The next wave
    may begin in the cycle behind the last step.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.

    Members
    -------
    positions : In(1 + ceil_log2(positions))
        Of the job.
    write : In(1), place : In(ceil_log2(positions)), row : In(ceil_log2(patch))
        Writes the first row of a position.
    go : In(1)
        A wave may begin.
    begin : Out(1)
        A wave begins in this cycle.
    more : In(1)
        Any line has entries beyond the step's number, a cycle later.
    step : Out(step_layout(parameters))
        What the lines do.
    busy : Out(1)
        A step is made.
    end : Out(1)
        It is the last of a wave.
    base : Out(ceil_log2(patch))
        First row of the patch of the step's position, a cycle later.
    """

    def __init__(self, *, parameters: SparseArrayParameters) -> None:
        self.parameters = p = parameters
        row = ceil_log2(p.patch)
        super().__init__(
            {
                "positions": In(1 + ceil_log2(p.positions)),
                "write": In(1),
                "place": In(ceil_log2(p.positions)),
                "row": In(row),
                "go": In(1),
                "begin": Out(1),
                "more": In(1),
                "step": Out(step_layout(p)),
                "busy": Out(1),
                "end": Out(1),
                "base": Out(row),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        number = Signal(ceil_log2(p.entries))
        position = Signal(ceil_log2(p.positions))
        turn = Signal()
        last = Signal.like(position)
        m.d.sync += last.eq(Mux(self.positions < LEAST_SPACING, LEAST_SPACING, self.positions) - 1)

        ends, more = position == last, Signal()
        m.d.sync += more.eq(self.more)
        m.d.comb += [
            self.end.eq(self.busy & ends & ~more),
            self.begin.eq(self.go & (~self.busy | self.end)),
            self.step.number.eq(number),
            self.step.opening.eq(number == 0),
            self.step.position.eq(position),
            self.step.begins.eq(position == 0),
            self.step.valid.eq(self.busy & (position < self.positions)),
            self.step.turn.eq(turn),
        ]
        with m.If(self.begin):
            m.d.sync += self.busy.eq(1)
        with m.Elif(self.end):
            m.d.sync += self.busy.eq(0)
        with m.If(self.busy):
            m.d.sync += position.eq(Mux(ends, 0, position + 1))
            with m.If(ends):
                m.d.sync += [number.eq(Mux(more, number + 1, 0)), turn.eq(turn ^ ~more)]

        m.submodules.bases = bases = uninitialized_memory(shape=len(self.row), depth=p.positions)
        write, read = bases.write_port(), bases.read_port()
        m.d.comb += [
            write.en.eq(self.write),
            write.addr.eq(self.place),
            write.data.eq(self.row),
            read.addr.eq(position),
            self.base.eq(read.data),
        ]
        return m
