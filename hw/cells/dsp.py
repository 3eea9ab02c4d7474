"""Integer multiplication in DSP blocks, which synthesis infers from ``*``."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.stages import DSP_LATENCY, DSP_PAIR_LATENCY, dsp_pair_field

from ..base.circuit import Circuit
from .integer import IntegerMultiplier

__all__ = ["DspMultiplier", "DspPair"]


class DspMultiplier(IntegerMultiplier):
    """Multiplier of two integers of equal width, in one DSP block.

    Latency is one enabled cycle, interval one cycle; ``o`` comes from registers.
    """

    LATENCY = DSP_LATENCY

    def elaborate(self, platform: Any) -> Module:
        """Multiply and register."""
        m = Module()
        product = self.a * self.b
        if self.signed:
            product = self.a.as_signed() * self.b.as_signed()
        stage = Signal(len(self.o), reset_less=True)
        with m.If(self.en):
            m.d.sync += stage.eq(product)
        m.d.comb += self.o.eq(stage ^ self.offset)
        return m


class DspPair(Circuit):
    """Sum of two products in one DSP block, a multiplication of at most 18 x 18 bits.

    ``o + late - offset`` is ``a[0] * b[0] + a[1] * b[1]``, or the difference where ``minus``. It is
    the middle field of ``(a[0] + a[1] * 2**k) * (b[1] + b[0] * 2**k)``; ``late`` is what a negative
    lower field has borrowed. Both come from registers. Latency is two enabled cycles, interval one
    cycle.

    Parameters
    ----------
    width : int
        Bits of an operand.
    signed : bool
        Whether operands are in two's complement; ``minus`` must be 0 then.

    Members
    -------
    en : In(1)
        Clock enable.
    a, b : In(2 * width)
        Operands, the first one lowest.
    minus : In(1)
        Whether to subtract the second product.
    o : Out(k), late : Out(1)
        The sum.
    """

    LATENCY = DSP_PAIR_LATENCY

    def __init__(self, *, width: int, signed: bool) -> None:
        self.width = width
        self.signed = signed
        field = dsp_pair_field(width, signed)
        self.offset = 1 << field - 1
        ports = {"a": In(2 * width), "b": In(2 * width), "minus": In(1)}
        super().__init__({"en": In(1), **ports, "o": Out(field), "late": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        """Pack, multiply, cut the field out."""
        m = Module()
        width, field = self.width, len(self.o)
        operands = []
        for low, high in ((self.a[:width], self.a[width:]), (self.b[width:], self.b[:width])):
            if self.signed:
                low, high = low.as_signed(), high.as_signed() - low[-1]
                low = Cat(low, low[-1].replicate(field - width))
            else:
                low = Cat(low, Const(0, field - width))
                if not operands:
                    high = Mux(self.minus, -high, high)
            packed = Cat(low, high)
            operands.append(packed.as_signed() if self.signed or not operands else packed)
        stages = [Signal.like(packed, reset_less=True) for packed in operands]
        product = Signal(2 * field, reset_less=True)
        with m.If(self.en):
            m.d.sync += [s.eq(p) for s, p in zip(stages, operands, strict=True)]
            m.d.sync += product.eq(stages[0] * stages[1])
        m.d.comb += self.o.eq(product[field:] ^ self.offset)
        m.d.comb += self.late.eq(product[field - 1] & self.signed)
        return m
