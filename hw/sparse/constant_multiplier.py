"""Constant-operand multiplier of significands of unequal width."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Value
from amaranth.lib.wiring import In, Out

from sw.sparse.stages import constant_product

from ..base.circuit import Circuit
from ..base.pipeline import register, wire

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
        """Add the partial product of a digit -2..2 of ``a`` in each stage; the last is 0..2.

        Negative partial products are one's complement; their +1 enters with the next one. Sign
        extension is folded into constants.
        """
        m = Module()
        reg, net = partial(register, m, self.en), partial(wire, m)
        size = self.constant + 1
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
