"""A column of the array: elements, and the accumulators that groups of them share."""

import functools
from operator import or_
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ArrayParameters
from sw.formats.binary32 import ADDER_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..float.add import Adder
from .element import Element
from .value import BlockValue

__all__ = ["Column", "GroupAccumulator"]


class GroupAccumulator(Circuit):
    """Adds the block sums of a group of rows in binary32, one row a cycle.

    Row ``j`` of the group closes a block ``j`` cycles after row 0, and a block takes at least as
    many cycles as the group has rows, so that one adder serves them all. Partial sums come back
    to the adder `ArrayParameters.ways` blocks later; at the end the ways are added pairwise.

    Latencies, in enabled cycles from ``close``: `issue_latency` to ``fresh`` and ``turn``,
    `keep_latency` of a level to its ``keep``, `latency` to ``o``.

    Members
    -------
    en : In(1)
        Clock enable.
    sums : In(rows * sum_bits)
        Block sums of the rows.
    close : In(rows)
        One-hot: the row whose sum ends a block now.
    exponent_a, exponent_b : In(exponent_bits)
        Exponent codes of that block.
    fresh : In(1)
        The addition now issued is the first of its partial sum.
    turn : In(1)
        Moves the partial sums that wait.
    keep : In(levels)
        Per level of the final addition, whether its left operand belongs to this tile.
    o : Out(32)
        Sum of all ways.
    """

    def __init__(self, *, parameters: ArrayParameters, rows: int) -> None:
        self.parameters = parameters
        self.rows = rows
        self.levels = parameters.ways.bit_length() - 1
        members: dict[str, Any] = {
            "en": In(1),
            "sums": In(rows * parameters.dot.sum_bits),
            "close": In(rows),
            "exponent_a": In(parameters.format.exponent_bits),
            "exponent_b": In(parameters.format.exponent_bits),
            "fresh": In(1),
            "turn": In(1),
            "o": Out(32),
        }
        if self.levels:
            members["keep"] = In(self.levels)
        super().__init__(members)

    @functools.cached_property
    def value(self) -> BlockValue:
        """From integer sums to binary32."""
        return BlockValue(parameters=self.parameters.dot)

    @property
    def issue_latency(self) -> int:
        """Enabled cycles from ``close`` to the addition."""
        return self.value.latency

    def keep_latency(self, level: int) -> int:
        """Return the enabled cycles from ``close`` to a level of the final addition."""
        return self.issue_latency + (1 + level) * ADDER_LATENCY

    @property
    def latency(self) -> int:
        """Enabled cycles from ``close`` to ``o``."""
        return self.keep_latency(self.levels)

    @property
    def waiting(self) -> int:
        """Partial sums that wait outside the adder."""
        return self.rows if self.rotates else self._pause

    @property
    def rotates(self) -> bool:
        """Whether waiting partial sums move by turns: one a row into the adder, one out of it."""
        return self.parameters.ways == 1 and self._pause > self.rows

    @property
    def _pause(self) -> int:
        """Cycles from an addition's end to the next one of the same partial sum."""
        return self.parameters.beats * self.parameters.ways - ADDER_LATENCY

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        sum_bits = self.parameters.dot.sum_bits

        m.submodules.value = value = self.value
        m.submodules.adder = adder = Adder()
        chosen = [
            self.sums.word_select(row, sum_bits) & self.close[row].replicate(sum_bits)
            for row in range(self.rows)
        ]
        m.d.comb += [
            value.en.eq(self.en),
            value.sum.eq(functools.reduce(or_, chosen)),
            value.exponent_a.eq(self.exponent_a),
            value.exponent_b.eq(self.exponent_b),
        ]

        partial = delay(m, self.en & self.turn, adder.o, self.waiting, name="partial")
        m.d.comb += [
            adder.en.eq(self.en),
            adder.a.eq(Mux(self.fresh, 0, partial)),
            adder.b.eq(value.o),
        ]

        total = adder.o
        for level in range(self.levels):
            m.submodules[f"merge_{level}"] = merge = Adder()
            left = delay(m, self.en, total, self.parameters.beats << level, name=f"left_{level}")
            m.d.comb += [
                merge.en.eq(self.en),
                merge.a.eq(Mux(self.keep[level], left, 0)),
                merge.b.eq(total),
            ]
            total = merge.o
        m.d.comb += self.o.eq(total)
        return m


class Column(Circuit):
    """``rows`` elements that share one column's operand, and their accumulators.

    ``b`` walks down one element a cycle; everything of row ``r`` comes ``r`` cycles later than
    that of row 0. Latencies are those of `Element` and `GroupAccumulator`; ``result`` is a
    register behind the accumulators.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(rows * lanes * element_bits)
        Each row's operand, in its own time.
    b : In(lanes * element_bits)
        The column's operand, in the time of row 0.
    exponent_b : In(exponent_bits)
        Exponent code of the column's block, with ``b``.
    early : In(groups)
        Per group, a cycle before ``close`` of its first row.
    first, close : In(rows)
        As in `Element` and `GroupAccumulator`.
    exponent_a, fresh, turn, keep : In(groups * ...)
        As in `GroupAccumulator`, group 0 lowest.
    leave : In(groups)
        The group whose sum is a result now.
    result : Out(32)
        A row's result, binary32.
    """

    def __init__(self, *, parameters: ArrayParameters) -> None:
        self.parameters = parameters
        form, rows = parameters.format, parameters.rows
        operand = parameters.lanes * form.element_bits
        self.levels = parameters.ways.bit_length() - 1
        count = len(parameters.groups)
        members: dict[str, Any] = {
            "en": In(1),
            "a": In(rows * operand),
            "b": In(operand),
            "exponent_b": In(form.exponent_bits),
            "early": In(count),
            "close": In(rows),
            "exponent_a": In(count * form.exponent_bits),
            "fresh": In(count),
            "turn": In(count),
            "leave": In(count),
            "result": Out(32),
        }
        if parameters.beats > 1:
            members["first"] = In(rows)
        if self.levels:
            members["keep"] = In(count * self.levels)
        super().__init__(members)

    @functools.cached_property
    def elements(self) -> list[Element]:
        """The dot products, row 0 first."""
        return [Element(parameters=self.parameters.dot) for _ in range(self.parameters.rows)]

    @functools.cached_property
    def groups(self) -> list[GroupAccumulator]:
        """The accumulators of the groups of rows."""
        return [
            GroupAccumulator(parameters=self.parameters, rows=len(group))
            for group in self.parameters.groups
        ]

    @property
    def close_latency(self) -> int:
        """Enabled cycles from row 0's operands to its ``close``."""
        return self.elements[0].latency

    @property
    def latency(self) -> int:
        """Enabled cycles from a row's operands to its ``result``."""
        return self.close_latency + self.groups[0].latency + 1

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        exponent_bits = p.format.exponent_bits
        sums = Signal(p.rows * p.dot.sum_bits)

        b = self.b
        for row, element in enumerate(self.elements):
            m.submodules[f"element_{row}"] = element
            m.d.comb += [
                element.en.eq(self.en),
                element.a.eq(self.a.word_select(row, len(element.a))),
                element.b.eq(b),
                sums.word_select(row, p.dot.sum_bits).eq(element.sum),
            ]
            if p.beats > 1:
                m.d.comb += [element.first.eq(self.first[row]), element.add.eq(self.en)]
            b = element.b_next

        exponent_b = delay(
            m, self.en, self.exponent_b, self.close_latency - 1, name="late_exponent_b"
        )
        results = []
        for g, (group, rows) in enumerate(zip(self.groups, p.groups, strict=True)):
            m.submodules[f"group_{g}"] = group
            held = Signal(exponent_bits, name=f"group_exponent_b_{g}", reset_less=True)
            with m.If(self.en & self.early[g]):
                m.d.sync += held.eq(exponent_b)
            exponent_b = held
            span = slice(rows.start * p.dot.sum_bits, rows.stop * p.dot.sum_bits)
            m.d.comb += [
                group.en.eq(self.en),
                group.sums.eq(sums[span]),
                group.close.eq(self.close[rows.start : rows.stop]),
                group.exponent_a.eq(self.exponent_a.word_select(g, exponent_bits)),
                group.exponent_b.eq(held),
                group.fresh.eq(self.fresh[g]),
                group.turn.eq(self.turn[g]),
            ]
            if self.levels:
                m.d.comb += group.keep.eq(self.keep.word_select(g, self.levels))
            results.append(group.o & self.leave[g].replicate(32))

        with m.If(self.en):
            m.d.sync += self.result.eq(functools.reduce(or_, results))
        return m
