"""Column of the array of approximate multipliers."""

import functools
from operator import or_
from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from sw.approx.array import ApproxArrayParameters

from ..base.circuit import Circuit
from .pe import MultiplierPE, table_members

__all__ = ["ApproxColumn"]


class ApproxColumn(Circuit):
    """``rows`` multipliers and accumulators that share one column's operand.

    Everything of row ``r`` of them comes ``r * interleave`` enabled cycles later than that of row
    0; ``b`` walks down by itself. Latency is that of `MultiplierPE` and of a register, ``result``,
    behind the accumulators; interval is one enabled cycle.

    Parameters
    ----------
    parameters : ApproxArrayParameters
        Of the array.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(rows * width)
        Each row's operand, in its own time.
    b : In(width)
        The column's operand, in the time of row 0.
    b_first, first : In(rows)
        As in `MultiplierPE`.
    select : In(rows)
        The row whose sum is a result now.
    result : Out(32)
        The latest result, fp32.
    write, address, entry : In
        With a table only, as in `TableMultiplier`.
    """

    def __init__(self, *, parameters: ApproxArrayParameters) -> None:
        self.parameters = parameters
        rows, word = parameters.rows, parameters.format.width
        super().__init__(
            {
                "en": In(1),
                "a": In(rows * word),
                "b": In(word),
                "b_first": In(rows),
                "first": In(rows),
                "select": In(rows),
                "result": Out(32),
                **table_members(parameters),
            }
        )

    def _pes(self) -> list[MultiplierPE]:
        """Return the PEs, from row 0 down; with a table each has two rows, but for a last one."""
        p = self.parameters
        lanes = 1 + p.has_table
        return [
            MultiplierPE(parameters=p, lanes=min(lanes, p.rows - row))
            for row in range(0, p.rows, lanes)
        ]

    def elaborate(self, platform: Any) -> Module:
        """Build the PEs and the register of a result."""
        m = Module()
        word = self.parameters.format.width
        b = self.b
        results = []
        row = 0
        for i, pe in enumerate(self._pes()):
            m.submodules[f"pe_{i}"] = pe
            stop = row + pe.lanes
            m.d.comb += [
                pe.en.eq(self.en),
                pe.a.eq(self.a[row * word : stop * word]),
                pe.b.eq(b),
                pe.b_first.eq(self.b_first[row:stop]),
                pe.first.eq(self.first[row:stop]),
            ]
            for name in table_members(self.parameters):
                m.d.comb += getattr(pe, name).eq(getattr(self, name))
            b = pe.b_next
            for lane in range(pe.lanes):
                selected = self.select[row + lane].replicate(32)
                results.append(pe.o.word_select(lane, 32) & selected)
            row = stop
        with m.If(self.en):
            m.d.sync += self.result.eq(functools.reduce(or_, results))
        return m
