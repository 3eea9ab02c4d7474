"""Constant-operand multiplier of significands of unequal width."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from sw.sparse.stages import constant_product

from ..base.circuit import Circuit
from ..base.pipeline import register
from ..cells import booth

__all__ = ["ConstantMultiplier"]


class ConstantMultiplier(Circuit):
    """Exact multiplier of an unsigned integer by a constant operand, without DSP blocks.

    Radix-4 Booth, a digit a pipeline stage. Latency is `latency` enabled cycles, interval one.
    ``o`` is registered.

    Parameters
    ----------
    width : int
        Bits of the integer.
    constant : int
        Bits of the constant operand.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a : In(width)
        Integer.
    b : In(constant)
        Integer, the same while products are in flight.
    o : Out(width + constant)
        Their product.
    """

    def __init__(self, *, width: int, constant: int) -> None:
        self.width = width
        self.constant = constant
        super().__init__(
            {"en": In(1), "a": In(width), "b": In(constant), "o": Out(width + constant)}
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from integers to product."""
        return constant_product(self.width)

    def elaborate(self, platform: Any) -> Module:
        """Add a partial product in each stage."""
        m = Module()
        product = booth.multiply(m, self.en, self.b, self.a, constant=True)
        m.d.comb += self.o.eq(register(m, self.en, "product", len(self.o), product))
        return m
