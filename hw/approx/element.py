"""An element of the array: a multiplier and an accumulator, or two that share a table."""

import functools
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.approx.array import ApproxArrayParameters

from ..base.circuit import Circuit
from .accumulator import Accumulator
from .product import ApproxMultiplier
from .table_multiplier import TableMultiplier

__all__ = ["Element", "table_members"]


def table_members(parameters: ApproxArrayParameters) -> dict[str, Any]:
    """Return the members by which a table is written, where there is one."""
    if not parameters.has_table:
        return {}
    bits = parameters.bits
    return {"write": In(1), "address": In(2 * bits), "entry": In(bits + 1)}


class Element(Circuit):
    """Sums of products of one place of a column, or of two below one another.

    Operands are registered: ``a`` in every enabled cycle, ``b`` where ``first``. It stays for the
    turns of all rows, and then goes on to the place below. Latencies in enabled cycles from ``a``:
    `issue_latency` to ``fresh``, `latency` to ``o``.

    Parameters
    ----------
    parameters : ApproxArrayParameters
        Of the array.
    lanes : int
        Places, 1; with a table also 2.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(lanes * width)
        Operand of the row whose turn it is.
    b : In(width)
        Operand of the column, for the upper place.
    first : In(lanes)
        ``a`` is the first row's, and ``b`` is new.
    fresh : In(lanes)
        The product now added is the first of its sum.
    b_next : Out(width)
        ``b`` of the lower place.
    o : Out(lanes * 32)
        Sum so far of the row whose turn it is.
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
                "first": In(lanes),
                "fresh": In(lanes),
                "b_next": Out(word),
                "o": Out(lanes * 32),
                **table_members(parameters),
            }
        )

    @functools.cached_property
    def multiplier(self) -> ApproxMultiplier | TableMultiplier:
        """What multiplies."""
        p = self.parameters
        if p.has_table:
            return TableMultiplier(bits=p.bits, format=p.format, lanes=self.lanes)
        return ApproxMultiplier(
            multiplier=p.multiplier, bits=p.bits, format=p.format, target=p.target
        )

    @property
    def issue_latency(self) -> int:
        """Enabled cycles from ``a`` to the addition of its product."""
        return 1 + self.multiplier.latency

    @property
    def latency(self) -> int:
        """Enabled cycles from ``a`` to the sum with its product."""
        return self.issue_latency + Accumulator.latency

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        word = self.parameters.format.width
        m.submodules.multiplier = multiplier = self.multiplier
        for name in table_members(self.parameters):
            m.d.comb += getattr(multiplier, name).eq(getattr(self, name))

        a = Signal.like(self.a, reset_less=True)
        held: list[Value] = []
        with m.If(self.en):
            m.d.sync += a.eq(self.a)
        for lane in range(self.lanes):
            b = Signal(word, name=f"b_{lane}", reset_less=True)
            with m.If(self.en & self.first[lane]):
                m.d.sync += b.eq(held[-1] if held else self.b)
            held.append(b)
        m.d.comb += [
            self.b_next.eq(held[-1]),
            multiplier.en.eq(self.en),
            multiplier.a.eq(a),
            multiplier.b.eq(Cat(held)),
        ]
        for lane in range(self.lanes):
            accumulator = Accumulator(interleave=self.parameters.interleave)
            m.submodules[f"accumulator_{lane}"] = accumulator
            product = multiplier.o.word_select(lane, word)
            m.d.comb += [
                accumulator.en.eq(self.en),
                accumulator.product.eq(Cat(Const(0, 32 - word), product)),
                accumulator.fresh.eq(self.fresh[lane]),
                self.o.word_select(lane, 32).eq(accumulator.o),
            ]
        return m
