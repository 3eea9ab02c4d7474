"""Column of the BFP array: PEs, and the accumulators that groups of them share."""

import functools
from operator import or_
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ArrayParameters
from sw.formats.binary32 import ADDER_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..float.add import Adder
from .pe import DotPE, chain
from .value import BlockValue

__all__ = ["DotColumn", "GroupAccumulator"]


class GroupAccumulator(Circuit):
    """Adds the block sums of a group of rows in fp32, one row a cycle.

    Row ``j`` of the group ends a block ``j`` cycles after row 0, and a block takes at least as
    many cycles as the group has rows, so that one adder serves them all. Partial sums come back to
    the adder `ArrayParameters.accumulators` blocks later; at the end the interleaved accumulators
    are added pairwise.

    Latency, in enabled cycles from the operands of row 0, is that of `SumStages`: ``block`` to
    ``last``, ``value`` to ``first`` and ``shift``, ``sum`` of a level to its ``merge``, ``result``
    to ``o``. Interval is one; partial sums are registers without reset.

    Parameters
    ----------
    parameters : ArrayParameters
        Of the array.
    rows : int
        Rows of the group.

    Members
    -------
    en : In(1)
        Clock enable.
    sums : In(rows * sum_bits)
        Block sums of the rows.
    last : In(rows)
        One-hot: the row whose sum ends a block now.
    exponent_a, exponent_b : In(exponent_bits)
        Exponent codes of that block.
    first : In(1)
        The addition now issued is the first of its accumulator.
    shift : In(1)
        Moves the partial sums that wait.
    merge : In(levels)
        Per level of the pairwise addition, whether its left operand belongs to this tile.
    o : Out(32)
        Sum of all accumulators.
    """

    def __init__(self, *, parameters: ArrayParameters, rows: int) -> None:
        self.parameters = parameters
        self.rows = rows
        self.levels = parameters.stages.levels
        members: dict[str, Any] = {
            "en": In(1),
            "sums": In(rows * parameters.dot.sum_bits),
            "last": In(rows),
            "exponent_a": In(parameters.format.exponent_bits),
            "exponent_b": In(parameters.format.exponent_bits),
            "first": In(1),
            "shift": In(1),
            "o": Out(32),
        }
        if self.levels:
            members["merge"] = In(self.levels)
        super().__init__(members)

    @property
    def waiting(self) -> int:
        """Partial sums that wait outside the adder."""
        return self.rows if self.rotates else self._pause

    @property
    def rotates(self) -> bool:
        """Whether waiting partial sums move one a row into the adder, one out of it."""
        return self.parameters.accumulators == 1 and self._pause > self.rows

    @property
    def _pause(self) -> int:
        """Cycles from an addition's end to the next one of the same partial sum."""
        return self.parameters.beats * self.parameters.accumulators - ADDER_LATENCY

    def elaborate(self, platform: Any) -> Module:
        """Choose a row's sum, convert it, accumulate, merge the accumulators."""
        m = Module()
        sum_bits = self.parameters.dot.sum_bits

        m.submodules.value = value = BlockValue(parameters=self.parameters.dot)
        m.submodules.adder = adder = Adder()
        chosen = [
            self.sums.word_select(row, sum_bits) & self.last[row].replicate(sum_bits)
            for row in range(self.rows)
        ]
        m.d.comb += [
            value.en.eq(self.en),
            value.sum.eq(functools.reduce(or_, chosen)),
            value.exponent_a.eq(self.exponent_a),
            value.exponent_b.eq(self.exponent_b),
        ]

        partial = delay(m, self.en & self.shift, adder.o, self.waiting, name="partial")
        m.d.comb += [
            adder.en.eq(self.en),
            adder.a.eq(Mux(self.first, 0, partial)),
            adder.b.eq(value.o),
        ]

        total = adder.o
        for level in range(self.levels):
            m.submodules[f"merge_{level}"] = merge = Adder()
            left = delay(m, self.en, total, self.parameters.beats << level, name=f"left_{level}")
            m.d.comb += [
                merge.en.eq(self.en),
                merge.a.eq(Mux(self.merge[level], left, 0)),
                merge.b.eq(total),
            ]
            total = merge.o
        m.d.comb += self.o.eq(total)
        return m


class DotColumn(Circuit):
    """``rows`` PEs that share one column's operand, and their accumulators.

    ``b`` walks down one PE a cycle; everything of row ``r`` comes ``r`` cycles later than that of
    row 0. Latency from a row's operands to ``result`` is that of `SumStages` and a register behind
    the accumulators; interval is one cycle.

    Parameters
    ----------
    parameters : ArrayParameters
        Of the array.

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
    load : In(groups)
        Per group, a cycle before ``last`` of its first row: takes the exponent.
    block_first, last : In(rows)
        As ``first`` of `DotPE` and ``last`` of `GroupAccumulator`.
    exponent_a, first, shift, merge : In(groups * ...)
        As in `GroupAccumulator`, group 0 lowest.
    select : In(groups)
        The group whose sum is a result now.
    result : Out(32)
        A row's result, fp32.
    """

    def __init__(self, *, parameters: ArrayParameters) -> None:
        self.parameters = parameters
        form, rows = parameters.format, parameters.rows
        operand = parameters.lanes * form.element_bits
        self.levels = parameters.stages.levels
        count = len(parameters.groups)
        members: dict[str, Any] = {
            "en": In(1),
            "a": In(rows * operand),
            "b": In(operand),
            "exponent_b": In(form.exponent_bits),
            "load": In(count),
            "last": In(rows),
            "exponent_a": In(count * form.exponent_bits),
            "first": In(count),
            "shift": In(count),
            "select": In(count),
            "result": Out(32),
        }
        if parameters.beats > 1:
            members["block_first"] = In(rows)
        if self.levels:
            members["merge"] = In(count * self.levels)
        super().__init__(members)

    @functools.cached_property
    def groups(self) -> list[GroupAccumulator]:
        """The accumulators of the groups of rows."""
        return [
            GroupAccumulator(parameters=self.parameters, rows=len(group))
            for group in self.parameters.groups
        ]

    def elaborate(self, platform: Any) -> Module:
        """Build the PEs, their groups, and the register of a result."""
        m = Module()
        p = self.parameters
        sums = Signal(p.rows * p.dot.sum_bits)
        for row, pe in chain(m, self, [DotPE(parameters=p.dot) for _ in range(p.rows)]):
            m.d.comb += sums.word_select(row, p.dot.sum_bits).eq(pe.sum)
            if p.beats > 1:
                m.d.comb += [pe.first.eq(self.block_first[row]), pe.add.eq(self.en)]
        results = self._accumulate(m, sums)
        with m.If(self.en):
            m.d.sync += self.result.eq(functools.reduce(or_, results))
        return m

    def _accumulate(self, m: Module, sums: Signal) -> list[Value]:
        """Connect the groups; return the result of each while it is selected.

        The exponent of ``b`` goes from group to group, as the first row of each ends its block.
        """
        p = self.parameters
        bits = p.format.exponent_bits
        exponent_b = delay(m, self.en, self.exponent_b, p.stages.block - 1, name="late_exponent_b")
        results = []
        for g, (group, rows) in enumerate(zip(self.groups, p.groups, strict=True)):
            m.submodules[f"group_{g}"] = group
            held = Signal(bits, name=f"group_exponent_b_{g}", reset_less=True)
            with m.If(self.en & self.load[g]):
                m.d.sync += held.eq(exponent_b)
            exponent_b = held
            span = slice(rows.start * p.dot.sum_bits, rows.stop * p.dot.sum_bits)
            m.d.comb += [
                group.en.eq(self.en),
                group.sums.eq(sums[span]),
                group.last.eq(self.last[rows.start : rows.stop]),
                group.exponent_a.eq(self.exponent_a.word_select(g, bits)),
                group.exponent_b.eq(held),
                group.first.eq(self.first[g]),
                group.shift.eq(self.shift[g]),
            ]
            if self.levels:
                m.d.comb += group.merge.eq(self.merge.word_select(g, self.levels))
            results.append(group.o & self.select[g].replicate(32))
        return results
