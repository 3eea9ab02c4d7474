"""Processing element of the array: a multiplier and an accumulator, or two that share a table."""

import functools
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.approx.array import ApproxArrayParameters

from ..base.circuit import Circuit
from ..base.pipeline import register
from .accumulator import Accumulator
from .product import ApproxMultiplier
from .table_multiplier import TableMultiplier

__all__ = ["MultiplierPE", "table_members"]


def table_members(parameters: ApproxArrayParameters) -> dict[str, Any]:
    """Return the members by which a table is written, where there is one."""
    if not parameters.has_table:
        return {}
    bits = parameters.bits
    return {"write": In(1), "address": In(2 * bits), "entry": In(bits + 1)}


class MultiplierPE(Circuit):
    """Sums of products of one row of a column, or of two that share a table.

    Operands are registered: ``a`` in every enabled cycle, ``b`` where ``b_first``. It stays while
    all interleaved rows of results use it, and then goes on to the row below. Latency, in enabled
    cycles from ``a``, is that of `PeStages`: ``product`` to ``first``, ``sum`` to ``o``; interval
    is one.

    Parameters
    ----------
    parameters : ApproxArrayParameters
        Of the array.
    lanes : int
        Rows, 1; with a table also 2.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(lanes * width)
        Operands of interleaved rows of results, one after the other.
    b : In(width)
        Operand of the column, for the upper row.
    b_first : In(lanes)
        ``a`` is that of the first interleaved row, and ``b`` is new.
    first : In(lanes)
        The product now added is the first of its sum.
    b_next : Out(width)
        ``b`` of the lower row.
    o : Out(lanes * 32)
        Sum so far of the row that ``a`` was of.
    write, address, entry : In
        With a table only, as in `TableMultiplier`.
    """

    def __init__(self, *, parameters: ApproxArrayParameters, lanes: int = 1) -> None:
        self.parameters = parameters
        self.lanes = lanes
        word = parameters.format.width
        super().__init__(
            {
                "en": In(1),
                "a": In(lanes * word),
                "b": In(word),
                "b_first": In(lanes),
                "first": In(lanes),
                "b_next": Out(word),
                "o": Out(lanes * 32),
                **table_members(parameters),
            }
        )

    @functools.cached_property
    def multiplier(self) -> ApproxMultiplier | TableMultiplier:
        """The multiplier, or the one of two lanes by a table."""
        p = self.parameters
        if p.has_table:
            return TableMultiplier(bits=p.bits, format=p.format, lanes=self.lanes)
        return ApproxMultiplier(
            multiplier=p.multiplier, bits=p.bits, format=p.format, target=p.target
        )

    def elaborate(self, platform: Any) -> Module:
        """Register operands, multiply, accumulate lane by lane."""
        m = Module()
        word = self.parameters.format.width
        m.submodules.multiplier = multiplier = self.multiplier
        held: list[Value] = []
        for lane in range(self.lanes):
            b = Signal(word, name=f"b_{lane}", reset_less=True)
            with m.If(self.en & self.b_first[lane]):
                m.d.sync += b.eq(held[-1] if held else self.b)
            held.append(b)
        m.d.comb += [
            self.b_next.eq(held[-1]),
            multiplier.en.eq(self.en),
            multiplier.a.eq(register(m, self.en, "a", len(self.a), self.a)),
            multiplier.b.eq(Cat(held)),
        ]
        for name in table_members(self.parameters):
            m.d.comb += getattr(multiplier, name).eq(getattr(self, name))
        for lane in range(self.lanes):
            accumulator = Accumulator(interleave=self.parameters.interleave)
            m.submodules[f"accumulator_{lane}"] = accumulator
            product = multiplier.o.word_select(lane, word)
            m.d.comb += [
                accumulator.en.eq(self.en),
                accumulator.product.eq(Cat(Const(0, 32 - word), product)),
                accumulator.first.eq(self.first[lane]),
                self.o.word_select(lane, 32).eq(accumulator.o),
            ]
        return m
