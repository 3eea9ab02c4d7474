"""Processing element of the sparse array: a multiplier and an adder."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32

from ..base.circuit import Circuit
from ..float.add import Adder
from ..float.multiplier import FloatMultiplier

__all__ = ["ProcessingElement"]


class ProcessingElement(Circuit):
    """Multiply-add of a product to a sum that is held outside.

    Latency is `latency` cycles from the operands, interval one cycle. ``o`` is registered, and so
    is the sum that comes in, as memories are slow.

    Parameters
    ----------
    target : str
        Whose carry cells to use, see `FloatMultiplier`.

    Members
    -------
    weight, x : In(32)
        Operands, from registers.
    is_null : In(1)
        The product counts as +0; `issue_latency` cycles after the operands.
    sum : In(32), first : In(1)
        Sum so far; whether it counts as +0. A cycle before ``is_null``.
    o : Out(32)
        Sum.
    """

    def __init__(self, *, target: str) -> None:
        self.target = target
        self._multiplier = FloatMultiplier(format=BINARY32, target=target)
        super().__init__(
            {
                "weight": In(32),
                "x": In(32),
                "is_null": In(1),
                "first": In(1),
                "sum": In(32),
                "o": Out(32),
            }
        )

    @property
    def issue_latency(self) -> int:
        """Cycles from the operands to the addition of their product."""
        return self._multiplier.latency

    @property
    def latency(self) -> int:
        """Cycles from the operands to the sum."""
        return self.issue_latency + Adder.latency

    def elaborate(self, platform: Any) -> Module:
        """Multiply, then add."""
        m = Module()
        m.submodules.multiplier = multiplier = self._multiplier
        m.submodules.adder = adder = Adder()
        sum_before = Signal(32, reset_less=True)
        m.d.sync += sum_before.eq(Mux(self.first, 0, self.sum))
        m.d.comb += [
            multiplier.en.eq(1),
            multiplier.a.eq(self.weight),
            multiplier.b.eq(self.x),
            adder.en.eq(1),
            adder.a.eq(Mux(self.is_null, 0, multiplier.o)),
            adder.b.eq(sum_before),
            self.o.eq(adder.o),
        ]
        return m
