"""Products of unsigned integers of unequal width."""

from typing import Any

from amaranth.hdl import Const, Module, Value
from amaranth.lib.wiring import In, Out

from sw.accelerator.functions import product_latency
from sw.stages import ROWS

from ..base.circuit import Circuit
from ..base.pipeline import register
from ..cells import booth

__all__ = ["UnsignedProduct", "multiply"]


class UnsignedProduct(Circuit):
    """Product of unsigned integers, without DSP blocks.

    Latency is `latency` enabled cycles, interval one cycle; ``o`` comes from registers.

    Parameters
    ----------
    a_bits, b_bits : int
        Widths of the factors, 3 or more.
    constant : int or None
        What the first factor is, if it is always the same.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a : In(a_bits)
        Not where it is constant.
    b : In(b_bits)
    o : Out(a_bits + b_bits)
    """

    def __init__(self, *, a_bits: int, b_bits: int, constant: int | None = None) -> None:
        self.a_bits, self.constant = a_bits, constant
        self.latency = product_latency(b_bits)
        factors = {"a": In(a_bits)} if constant is None else {}
        super().__init__({"en": In(1), **factors, "b": In(b_bits), "o": Out(a_bits + b_bits)})

    def elaborate(self, platform: Any) -> Module:
        """Add the rows of Booth's digits."""
        m = Module()
        fixed = self.constant is not None
        a = Const(self.constant, self.a_bits) if fixed else self.a
        product = booth.multiply(m, self.en, a, self.b, rows=ROWS, constant=fixed)
        m.d.comb += self.o.eq(register(m, self.en, "product", len(self.o), product))
        return m


def multiply(
    m: Module, en: Value, name: str, product: UnsignedProduct, b: Value, a: Any = None
) -> Value:
    """Put a product under a name, and return it."""
    m.submodules[name] = product
    m.d.comb += [product.en.eq(en), product.b.eq(b)]
    if a is not None:
        m.d.comb += product.a.eq(a)
    return product.o
