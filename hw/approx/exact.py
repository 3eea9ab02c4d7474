"""Multipliers of fractions by an exact product, of all their bits or of the first."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value

from sw.approx.stages import exact_latency

from ..base.pipeline import register, wire
from ..float.product import SignificandProduct
from ..float.round import rounds_up
from .fractions import FractionMultiplier

__all__ = ["Drum", "Exact", "truncate"]


def truncate(product: Value, bits: int) -> Value:
    """Return ``carry << bits | fraction`` of a product of 1..4, two bits before the point."""

    def first(fraction: Value) -> Value:
        return Cat(Const(0, max(bits - len(fraction), 0)), fraction[max(len(fraction) - bits, 0) :])

    carry = product[-1]
    return Cat(Mux(carry, first(product[:-1]), first(product[:-2])), carry)


class _ByProduct(FractionMultiplier):
    """Base of the multipliers that make the product of the first places of either fraction exactly.

    Latency is that of `SignificandProduct` and 1.

    Parameters
    ----------
    places : int
        Fraction bits that are multiplied.
    bits : int
        Bits of a fraction.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    def __init__(self, *, places: int, bits: int, target: str) -> None:
        self.places = places
        self.target = target
        self._product = SignificandProduct(fraction_bits=places, target=target)
        super().__init__(bits=bits)

    @property
    def latency(self) -> int:
        """Enabled cycles from fractions to code."""
        return exact_latency(self.places, self.target)

    def _multiply(self, m: Module, x: Value, y: Value) -> Value:
        """Return the exact product of two significands, by their fractions."""
        m.submodules.product = product = self._product
        m.d.comb += [product.en.eq(self.en), product.a.eq(x), product.b.eq(y)]
        return product.o


class Exact(_ByProduct):
    """The exact product, truncated or rounded to nearest even.

    Parameters
    ----------
    nearest : bool
        Whether it is rounded. ``bits`` and ``target`` are the base's.
    """

    def __init__(self, *, bits: int, nearest: bool, target: str) -> None:
        self.nearest = nearest
        super().__init__(places=bits, bits=bits, target=target)

    def elaborate(self, platform: Any) -> Module:
        """Multiply; round."""
        m = Module()
        reg = partial(register, m, self.en)
        bits = self.bits
        product = self._multiply(m, self.x, self.y)
        if not self.nearest:
            m.d.comb += self.code.eq(reg("code_", bits + 1, truncate(product, bits)))
            return m
        code, carry = product[bits - 1 :], product[-1]
        rest = product[: bits - 1].any()
        # Two places behind the last one of a product of 2..4, one behind that of 1..2.
        half = Mux(carry, code[1], code[0])
        rest = Mux(carry, code[0] | rest, rest)
        code = reg("truncated", bits + 1, truncate(product, bits))
        half, rest = reg("half", 1, half), reg("rest", 1, rest)
        m.d.comb += self.code.eq(code + wire(m, "up", 1, rounds_up(code[0], half, rest)))
        return m


class Drum(_ByProduct):
    """The exact product of the first bits of each significand, the last of them taken as one.

    Parameters
    ----------
    kept : int
        How many bits, the hidden one among them; at least 2 and at most ``bits``. That
        and ``target`` are the base's.
    """

    def __init__(self, *, kept: int, bits: int, target: str) -> None:
        self.kept = kept
        super().__init__(places=kept - 1, bits=bits, target=target)

    def elaborate(self, platform: Any) -> Module:
        """Cut, multiply."""
        m = Module()
        cut = self.bits - self.kept + 2
        product = self._multiply(m, Cat(1, self.x[cut:]), Cat(1, self.y[cut:]))
        code = truncate(product, self.bits)
        m.d.comb += self.code.eq(register(m, self.en, "code_", self.bits + 1, code))
        return m
