"""The exact product of two significands."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.stages import ROWS, significand_product

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from ..cells.multiplier import Multiplier

__all__ = ["SignificandProduct"]


class SignificandProduct(Circuit):
    """Product of two numbers of 1..2, given by their fractions, without DSP blocks.

    A product a cycle. Not every output is a register.

    Parameters
    ----------
    fraction_bits : int
        Bits behind the hidden one, at least 3.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(fraction_bits)
        Fractions.
    o : Out(2 * fraction_bits + 2)
        The product, `latency` enabled cycles later: 1..4, with ``2 * fraction_bits`` places.
    """

    en: Signal
    a: Signal
    b: Signal
    o: Signal

    def __init__(self, *, fraction_bits: int, target: str) -> None:
        self.fraction_bits = fraction_bits
        self.target = target
        self._width = fraction_bits + 1
        super().__init__(
            {
                "en": In(1),
                "a": In(fraction_bits),
                "b": In(fraction_bits),
                "o": Out(2 * self._width),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from fractions to product."""
        return significand_product(self.fraction_bits, self.target)

    def _multiplier(self) -> Multiplier:
        return Multiplier(width=self._width, signed=False, target=self.target)

    def elaborate(self, platform: Any) -> Module:
        """Multiply in carry cells or, where there are none, by digits."""
        m = Module()
        a, b = Cat(self.a, 1), Cat(self.b, 1)
        if self.target == "generic":
            m.d.comb += self.o.eq(self._by_digits(m, a, b))
            return m
        m.submodules.multiplier = multiplier = self._multiplier()
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(a),
            multiplier.b.eq(b),
            self.o.eq(multiplier.o),
        ]
        return m

    def _by_digits(self, m: Module, a: Value, b: Value) -> Value:
        """Add a row for each digit of ``b``, those of Booth in radix 4, -2..2.

        A negative row is inverted, and so one too low until the next row is added. Instead of sign
        bits a row has their inverse and a one, and row 0 what makes all that a power of two beyond
        the product.
        """
        reg, net = partial(register, m, self.en), partial(wire, m)
        width = self._width
        done: Value = Const(0, 0)
        total: Value = Const(0, 0)
        b = Cat(0, b, 0, 0)
        for k in range(width // 2 + 1):
            if k > 1 and k % ROWS == 1:
                done, total = reg(f"done_{k}", len(done), done), reg(f"part_{k}", len(total), total)
                a, b = reg(f"a_{k}", len(a), a), reg(f"b_{k}", len(b), b)
            low, middle, high = b[0], b[1], b[2]
            b = b[2:]
            one = net(f"one_{k}", 1, middle ^ low)
            two = net(f"two_{k}", 1, (high ^ middle) & ~one)
            row = (Cat(a, 0) & one.replicate(width + 1)) | (Cat(0, a) & two.replicate(width + 1))
            row = row ^ high.replicate(width + 1)
            if k == 0:
                total = net("row_0", width + 4, Cat(row, high, high, ~high))
                continue
            size = min(width + 6, 2 * width - len(done))
            total = net(f"partial_{k}", size, total + Cat(low, 0, row, ~high, 1))
            done, total = Cat(done, total[:2]), total[2:]
        return Cat(done, total)
