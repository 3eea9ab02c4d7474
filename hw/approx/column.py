"""A column of the array of approximate multipliers."""

import functools
from operator import or_
from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from sw.approx.array import ApproxArrayParameters

from ..circuit import Circuit
from .element import Element

__all__ = ["Column"]


class Column(Circuit):
    """``rows`` elements that share one column's operand.

    Everything of element ``r`` comes ``r * interleave`` enabled cycles later than that of element
    0; ``b`` walks down by itself. Latencies are those of `Element`; ``result`` is a register
    behind the elements.

    Parameters
    ----------
    parameters : ApproxArrayParameters
        Of the array.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(rows * width)
        Each element's operand, in its own time.
    b : In(width)
        The column's operand, in the time of element 0.
    first, fresh : In(rows)
        As in `Element`.
    leave : In(rows)
        The element whose sum is a result now.
    result : Out(32)
        The latest result, binary32.
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
            }
        )

    @functools.cached_property
    def elements(self) -> list[Element]:
        """The elements, row 0 first."""
        return [Element(parameters=self.parameters) for _ in range(self.parameters.rows)]

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        b = self.b
        results = []
        for row, element in enumerate(self.elements):
            m.submodules[f"element_{row}"] = element
            m.d.comb += [
                element.en.eq(self.en),
                element.a.eq(self.a.word_select(row, len(element.a))),
                element.b.eq(b),
                element.first.eq(self.first[row]),
                element.fresh.eq(self.fresh[row]),
            ]
            b = element.b_next
            results.append(element.o & self.leave[row].replicate(32))
        with m.If(self.en):
            m.d.sync += self.result.eq(functools.reduce(or_, results))
        return m
