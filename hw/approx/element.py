"""An element of the array: a multiplier and an accumulator, or two that share a table."""

import functools
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib.wiring import In, Out

from sw.approx.array import ApproxArrayParameters

from ..circuit import Circuit
from ..float.multiplier import FloatMultiplier
from .accumulator import Accumulator

__all__ = ["Element"]


class Element(Circuit):
    """Sums of products for one place of a column, or for two below one another.

    Operands are registered: ``a`` in every enabled cycle, ``b`` where ``first``. It stays for the
    turns of all rows, and ``b_next`` feeds the place below. Latencies in enabled cycles from ``a``:
    `issue_latency` to ``fresh``, `latency` to ``o``.

    Parameters
    ----------
    parameters : ApproxArrayParameters
        Of the array.

    Members
    -------
    en : In(1)
        Clock enable.
    a : In(width)
        Operand of the row whose turn it is.
    b : In(width)
        Operand of the column.
    first : In(1)
        ``a`` is the first row's, and ``b`` is new.
    fresh : In(1)
        The product now added is the first of its sum.
    b_next : Out(width)
        ``b`` held.
    o : Out(32)
        Sum so far of the row whose turn it is.
    """

    def __init__(self, *, parameters: ApproxArrayParameters) -> None:
        self.parameters = parameters
        word = parameters.format.width
        super().__init__(
            {
                "en": In(1),
                "a": In(word),
                "b": In(word),
                "first": In(1),
                "fresh": In(1),
                "b_next": Out(word),
                "o": Out(32),
            }
        )

    @functools.cached_property
    def multiplier(self) -> FloatMultiplier:
        """What multiplies."""
        p = self.parameters
        return FloatMultiplier(format=p.format, target=p.target)

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
        m.submodules.multiplier = multiplier = self.multiplier
        m.submodules.accumulator = accumulator = Accumulator(interleave=self.parameters.interleave)
        a = Signal.like(self.a, reset_less=True)
        b = Signal.like(self.b, reset_less=True)
        with m.If(self.en):
            m.d.sync += a.eq(self.a)
            with m.If(self.first):
                m.d.sync += b.eq(self.b)
        m.d.comb += [
            self.b_next.eq(b),
            multiplier.en.eq(self.en),
            multiplier.a.eq(a),
            multiplier.b.eq(b),
            accumulator.en.eq(self.en),
            accumulator.product.eq(Cat(Const(0, 32 - len(multiplier.o)), multiplier.o)),
            accumulator.fresh.eq(self.fresh),
            self.o.eq(accumulator.o),
        ]
        return m
