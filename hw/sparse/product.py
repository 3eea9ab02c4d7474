"""The exact product of two significands of unequal width."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import register, wire

__all__ = ["HeldProduct"]


class HeldProduct(Circuit):
    """Product of an unsigned integer and another one that is held, without DSP blocks.

    A product a cycle.

    Parameters
    ----------
    width : int
        Bits of the integer.
    held : int
        Bits of the other one.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a : In(width)
        Integer.
    b : In(held)
        Integer, the same while products are under way.
    o : Out(width + held)
        Their product, `latency` enabled cycles later, from registers.
    """

    en: Signal
    a: Signal
    b: Signal
    o: Signal

    def __init__(self, *, width: int, held: int) -> None:
        self.width = width
        self.held = held
        super().__init__({"en": In(1), "a": In(width), "b": In(held), "o": Out(width + held)})

    @property
    def latency(self) -> int:
        """Enabled cycles from integers to product."""
        return self.width // 2

    def elaborate(self, platform: Any) -> Module:
        """Add a row a cycle for each digit of ``a``, Booth's of radix 4: -2..2, the last 0..2.

        A negative row is inverted, and so one too low until the next row is added. Instead of sign
        bits a row has their inverse and a one, and row 0 what makes all that a power of two beyond
        the product.
        """
        m = Module()
        reg, net = partial(register, m, self.en), partial(wire, m)
        size = self.held + 1
        a: Value = Cat(0, self.a, 0, 0)
        done: Value = Const(0, 0)
        total: Value = Const(0, 0)
        for k in range(self.width // 2 + 1):
            if k > 1:
                done, total = reg(f"done_{k}", len(done), done), reg(f"part_{k}", len(total), total)
                a = reg(f"a_{k}", len(a), a)
            low, middle, high = a[0], a[1], a[2]
            a = a[2:]
            one = net(f"one_{k}", 1, middle ^ low)
            two = net(f"two_{k}", 1, (high ^ middle) & ~one)
            row = Cat(self.b, 0) & one.replicate(size) | Cat(0, self.b) & two.replicate(size)
            row = row ^ high.replicate(size)
            if k == 0:
                total = net("row_0", size + 3, Cat(row, high, high, ~high))
                continue
            room = min(size + 5, len(self.o) - len(done))
            total = net(f"partial_{k}", room, total + Cat(low, 0, row, ~high, 1))
            done, total = Cat(done, total[:2]), total[2:]
        m.d.comb += self.o.eq(reg("product", len(self.o), Cat(done, total)))
        return m
