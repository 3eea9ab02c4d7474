"""A column of the array of approximate multipliers."""

import functools
from operator import or_
from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from sw.approx.array import ApproxArrayParameters

from ..base.circuit import Circuit
from .element import Element, table_members

__all__ = ["Column"]


class Column(Circuit):
    """``rows`` multipliers and accumulators that share one column's operand.

    Everything of row ``r`` of them comes ``r * interleave`` enabled cycles later than that of row
    0; ``b`` walks down by itself. Latencies are those of `Element`; ``result`` is a register
    behind the accumulators.

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
    first, fresh : In(rows)
        As in `Element`.
    leave : In(rows)
        The row whose sum is a result now.
    result : Out(32)
        The latest result, binary32.
    write, address, entry : In
        With a table only, as in `Element`.
    """

    def __init__(self, *, parameters: ApproxArrayParameters) -> None:
        self.parameters = parameters
        rows, word = parameters.rows, parameters.format.width
        super().__init__(
            {
                "en": In(1),
                "a": In(rows * word),
                "b": In(word),
                "first": In(rows),
                "fresh": In(rows),
                "leave": In(rows),
                "result": Out(32),
                **table_members(parameters),
            }
        )

    @functools.cached_property
    def elements(self) -> list[Element]:
        """The elements, from row 0 down; with a table each serves two rows, but for a last one."""
        p = self.parameters
        lanes = 1 + p.has_table
        return [
            Element(parameters=p, lanes=min(lanes, p.rows - row)) for row in range(0, p.rows, lanes)
        ]

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        word = self.parameters.format.width
        b = self.b
        results = []
        row = 0
        for i, element in enumerate(self.elements):
            m.submodules[f"element_{i}"] = element
            stop = row + element.lanes
            m.d.comb += [
                element.en.eq(self.en),
                element.a.eq(self.a[row * word : stop * word]),
                element.b.eq(b),
                element.first.eq(self.first[row:stop]),
                element.fresh.eq(self.fresh[row:stop]),
            ]
            for name in table_members(self.parameters):
                m.d.comb += getattr(element, name).eq(getattr(self, name))
            b = element.b_next
            for lane in range(element.lanes):
                leaves = self.leave[row + lane].replicate(32)
                results.append(element.o.word_select(lane, 32) & leaves)
            row = stop
        with m.If(self.en):
            m.d.sync += self.result.eq(functools.reduce(or_, results))
        return m
