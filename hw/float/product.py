"""The exact product of two significands."""

from typing import Any

from amaranth.hdl import Cat, Const, Module
from amaranth.lib.wiring import In, Out

from sw.stages import ROWS, significand_product

from ..base.circuit import Circuit
from ..cells import booth
from ..cells.multiplier import Multiplier

__all__ = ["SignificandProduct"]


class SignificandProduct(Circuit):
    """Product of two numbers of 1..2, given by their fractions, without DSP blocks.

    Latency is `latency` enabled cycles, interval one cycle. Not every output is a register.

    Parameters
    ----------
    fraction_bits : int
        Bits behind the hidden one, at least 3.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    b_fraction_bits : int or None
        Upper bits of ``b`` that may be set, where there are no carry cells; None for all.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(fraction_bits)
        Fractions.
    o : Out(2 * fraction_bits + 2)
        The product, `latency` enabled cycles later: 1..4, with ``2 * fraction_bits`` places.
    """

    def __init__(
        self, *, fraction_bits: int, target: str, b_fraction_bits: int | None = None
    ) -> None:
        self.fraction_bits = fraction_bits
        self.b_fraction_bits = b_fraction_bits or fraction_bits
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
        return significand_product(self.b_fraction_bits, self.target)

    def _multiplier(self) -> Multiplier:
        return Multiplier(width=self._width, signed=False, target=self.target)

    def elaborate(self, platform: Any) -> Module:
        """Multiply in carry cells or, where there are none, by Booth's digits."""
        m = Module()
        a, b = Cat(self.a, 1), Cat(self.b, 1)
        if self.target == "generic":
            empty = self.fraction_bits - self.b_fraction_bits
            product = booth.multiply(m, self.en, a, b[empty:], rows=ROWS)
            m.d.comb += self.o.eq(Cat(Const(0, empty), product))
            return m
        m.submodules.multiplier = multiplier = self._multiplier()
        m.d.comb += [
            multiplier.en.eq(self.en),
            multiplier.a.eq(a),
            multiplier.b.eq(b),
            self.o.eq(multiplier.o),
        ]
        return m
