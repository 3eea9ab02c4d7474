"""The binary32 adder."""

from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal
from amaranth.hdl import Module as Body
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ADDER_LATENCY

from ..module import Module
from .normalize import leading_groups, leading_three, shift_groups, shift_three

__all__ = ["Adder"]


class Adder(Module):
    """Adder of binary32 values.

    ``o = a + b``, rounded to nearest even. Subnormal operands and results are zeros of the same
    sign; an exact cancellation gives +0; a NaN operand, or infinities of unequal sign, give the NaN
    0x7FC00000. One addition per cycle.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(32)
        Operands.
    o : Out(32)
        Their sum, `latency` enabled cycles later, from registers.
    """

    en: Signal
    a: Signal
    b: Signal
    o: Signal

    latency = ADDER_LATENCY
    """Enabled cycles from operands to sum."""

    def __init__(self) -> None:
        super().__init__({"en": In(1), "a": In(32), "b": In(32), "o": Out(32)})

    def elaborate(self, platform: Any) -> Body:
        """Build the five stages."""
        m = Body()

        def register(width: int, value: Any) -> Signal:
            r = Signal(width, reset_less=True)
            with m.If(self.en):
                m.d.sync += r.eq(value)
            return r

        def wire(width: int, value: Any) -> Signal:
            w = Signal(width)
            m.d.comb += w.eq(value)
            return w

        # 1: sort by magnitude; a NaN is larger than all else.
        swap = wire(1, self.a[:31] < self.b[:31])
        large = register(31, Mux(swap, self.b[:31], self.a[:31]))
        small = register(31, Mux(swap, self.a[:31], self.b[:31]))
        negative = register(1, Mux(swap, self.b[31], self.a[31]))
        subtract = register(1, self.a[31] ^ self.b[31])

        # 2: move the smaller one right by 0..15 of the places between them; two places more are
        # kept, all beyond only tell whether anything is lost.
        distance = wire(8, large[23:] - small[23:])
        near = wire(26, Cat(Const(0, 2), small[:23], 1) >> distance[:2])
        lost = distance[:2].all() & small[0]
        groups = distance[2:4]
        for i in (1, 2, 3):
            lost |= (groups >= i) & near[4 * i - 4 : 4 * i].any()
        zero = wire(1, small[23:] == 0)
        infinite = wire(1, large[23:].all())
        lost = register(1, (lost | (distance[5:] != 0)) & ~zero)
        far = register(1, (distance[5:] != 0) | zero)
        by_16 = register(1, distance[4])
        near = register(26, near >> (groups << 2))
        special = register(1, infinite)
        nan = register(1, infinite & ((large[:23] != 0) | (small[23:].all() & subtract)))
        negative = register(1, negative & ~(subtract & (large[23:] == 0)))
        subtract = register(1, subtract)
        exponent = register(8, large[23:])
        large = register(23, large[:23])

        # 3: move by 16 places, add or subtract; what is lost borrows a one.
        aligned = wire(26, Mux(far, 0, Mux(by_16, near[16:], near)))
        lost = wire(1, lost | (~far & by_16 & near[:16].any()))
        addend = Cat(subtract & ~lost, aligned ^ subtract.replicate(26), subtract)
        total = register(27, (Cat(1, 0, 0, large, 1, 0) + addend)[1:])
        lost = register(1, lost)
        special, nan = register(1, special), register(1, nan)
        negative, subtract = register(1, negative), register(1, subtract)
        exponent = register(8, exponent)

        # 4: normalise by fours. A sum that moves left by more than one place is exact, so that the
        # rounding follows from the top two bits.
        groups = wire(3, leading_groups(total))
        up = Mux(
            total[26],
            total[2] & (total[3] | total[1] | total[0] | lost),
            Mux(
                total[25],
                total[1] & (total[2] | total[0] | lost),
                total[0] & (total[1] | lost),
            ),
        )
        negative = register(1, negative & ~nan & ~(subtract & (total == 0)))
        special, nan = register(1, special | (total[26] & (exponent == 254))), register(1, nan)
        zero = register(1, total == 0)
        exponent = register(9, exponent + Cat(0, 1, ~groups, Const(-1, 4)))
        total = register(27, shift_groups(total, groups))
        up = register(1, up)

        # 5: normalise, round.
        places = wire(2, leading_three(total))
        total = wire(27, shift_three(total, places))
        packed = wire(32, Cat(total[3:26], exponent) + Cat(Const(0, 23), ~places) + up)
        zero = wire(1, zero | packed[31] | (packed[23:31] == 0))
        result = Mux(special, Cat(Const(0, 22), nan, Const(-1, 8)), Mux(zero, 0, packed[:31]))
        m.d.comb += self.o.eq(register(32, Cat(result, negative)))
        return m
