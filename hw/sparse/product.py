"""The exact product of a signed integer and a significand."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out

from ..circuit import Circuit
from ..pipeline import register, wire

__all__ = ["SignedProduct"]

ROWS = 2
"""Rows that are added in one cycle."""


class SignedProduct(Circuit):
    """Product of a signed integer and an unsigned one that is held, without DSP blocks.

    A product a cycle.

    Parameters
    ----------
    width : int
        Bits of the signed integer, at least 2.
    held : int
        Bits of the other one.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a : In(signed(width))
        Integer.
    b : In(held)
        Integer, the same while products are under way.
    o : Out(signed(width + held))
        Their product, `latency` enabled cycles later, from registers.
    """

    en: Signal
    a: Signal
    b: Signal
    o: Signal

    def __init__(self, *, width: int, held: int) -> None:
        self.width = width
        self.held = held
        self._rows = (width + 1) // 2
        super().__init__(
            {
                "en": In(1),
                "a": In(signed(width)),
                "b": In(held),
                "o": Out(signed(width + held)),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from integers to product."""
        return -(-self._rows // ROWS)

    def elaborate(self, platform: Any) -> Module:
        """Add a row for each digit of ``a``, those of Booth in radix 4, -2..2.

        A negative row is inverted, and one too low; the sum has a place more at its lower end, in
        which two ones make up for it.
        """
        m = Module()
        reg, net = partial(register, m, self.en), partial(wire, m)
        size = self.held + 3
        done: Value = Const(0, 0)
        total: Value = Const(0, 1).as_signed()
        a: Value = Cat(0, self.a, self.a[-1])[: 2 * self._rows + 1]
        for k in range(self._rows):
            low, middle, high = a[0], a[1], a[2]
            a = a[2:]
            one = net(f"one_{k}", 1, middle ^ low)
            two = net(f"two_{k}", 1, (high ^ middle) & ~one)
            row = Cat(self.b, 0) & one.replicate(self.held + 1)
            row |= Cat(0, self.b) & two.replicate(self.held + 1)
            row = Cat(high, row ^ high.replicate(self.held + 1), high).as_signed()
            total = net(f"sum_{k}", size + 1, Cat(high, total).as_signed() + row)[1:].as_signed()
            if k < self._rows - 1:
                done, total = Cat(done, total[:2]), total[2:].as_signed()
            if k % ROWS == ROWS - 1 or k == self._rows - 1:
                done = reg(f"done_{k}", len(done), done)
                total = reg(f"part_{k}", signed(len(total)), total)
                a = reg(f"a_{k}", len(a), a)
        m.d.comb += self.o.eq(Cat(done, total)[: len(self.o)])
        return m
