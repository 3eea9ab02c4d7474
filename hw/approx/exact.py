"""Multipliers of fractions by an exact product, of all their bits or of the first."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value

from sw.approx.stages import exact_latency

from ..base.pipeline import register, wire
from ..float.product import SignificandProduct
from .fractions import FractionMultiplier

__all__ = ["Drum", "Exact", "truncate"]


def truncate(product: Value, bits: int) -> Value:
    """Return ``carry << bits | fraction`` of a product of 1..4, two bits before the point."""

    def first(fraction: Value) -> Value:
        return Cat(Const(0, max(bits - len(fraction), 0)), fraction[max(len(fraction) - bits, 0) :])

    carry = product[-1]
    return Cat(Mux(carry, first(product[:-1]), first(product[:-2])), carry)


class Exact(FractionMultiplier):
    """The exact product, truncated or rounded to nearest even.

    Parameters
    ----------
    nearest : bool
        Whether it is rounded.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    def __init__(self, *, bits: int, nearest: bool, target: str) -> None:
        self.nearest = nearest
        self.target = target
        self._product = SignificandProduct(fraction_bits=bits, target=target)
        super().__init__(bits=bits)

    @property
    def latency(self) -> int:
        """Enabled cycles from fractions to code."""
        return exact_latency(self.bits, self.target)

    def elaborate(self, platform: Any) -> Module:
        """Multiply; round."""
        m = Module()
        reg = partial(register, m, self.en)
        bits = self.bits
        m.submodules.product = product = self._product
        m.d.comb += [
            product.en.eq(self.en),
            product.a.eq(self.x),
            product.b.eq(self.y),
        ]
        if not self.nearest:
            m.d.comb += self.code.eq(reg("code_", bits + 1, truncate(product.o, bits)))
            return m
        code, carry = product.o[bits - 1 :], product.o[-1]
        rest = product.o[: bits - 1].any()
        # Two places behind the last one of a product of 2..4, one behind that of 1..2.
        half = Mux(carry, code[1], code[0])
        rest = Mux(carry, code[0] | rest, rest)
        code = reg("truncated", bits + 1, truncate(product.o, bits))
        half, rest = reg("half", 1, half), reg("rest", 1, rest)
        m.d.comb += self.code.eq(code + wire(m, "up", 1, half & (code[0] | rest)))
        return m


class Drum(FractionMultiplier):
    """The exact product of the first bits of each significand, the last of them taken as one.

    Parameters
    ----------
    kept : int
        How many bits, the hidden one among them; at least 2 and at most ``bits``.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    def __init__(self, *, kept: int, bits: int, target: str) -> None:
        self.kept = kept
        self.target = target
        self._product = SignificandProduct(fraction_bits=kept - 1, target=target)
        super().__init__(bits=bits)

    @property
    def latency(self) -> int:
        """Enabled cycles from fractions to code."""
        return exact_latency(self.kept - 1, self.target)

    def elaborate(self, platform: Any) -> Module:
        """Cut, multiply."""
        m = Module()
        m.submodules.product = product = self._product
        cut = self.bits - self.kept + 1
        m.d.comb += [
            product.en.eq(self.en),
            product.a.eq(Cat(1, self.x[cut + 1 :])),
            product.b.eq(Cat(1, self.y[cut + 1 :])),
        ]
        code = truncate(product.o, self.bits)
        m.d.comb += self.code.eq(register(m, self.en, "code_", self.bits + 1, code))
        return m
