"""The binary32 adder."""

from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal
from amaranth.hdl import Module as Body
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ADDER_LATENCY
from sw.formats import BINARY32

from ..module import Module
from .normalize import leading_groups, leading_three, shift_groups, shift_three, zero_groups

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
        far = wire(1, (distance[5:] != 0) | zero)
        lost_near, lost_far = register(1, lost), register(1, far)
        by_16, none = register(1, distance[4]), register(1, zero)
        near = register(26, Mux(far, 0, near >> (groups << 2)))
        special = register(1, infinite)
        nan = register(1, infinite & ((large[:23] != 0) | (small[23:].all() & subtract)))
        negative = register(1, negative & ~(subtract & (large[23:] == 0)))
        subtract = register(1, subtract)
        exponent = register(8, large[23:])
        large = register(23, large[:23])

        # 3: move by 16 places, add or subtract.
        aligned = wire(26, Mux(by_16, near[16:], near))
        addend = Cat(subtract, aligned ^ subtract.replicate(26), subtract)
        total = wire(27, (Cat(1, 0, 0, large, 1, 0) + addend)[1:])
        empty = zero_groups(total)
        total, empty = register(27, total), register(len(empty), empty)
        lost = register(1, ~none & (lost_near | lost_far | (by_16 & near[:16].any())))
        special, nan = register(1, special), register(1, nan)
        negative, subtract = register(1, negative), register(1, subtract)
        full = register(1, exponent == BINARY32.exponent_ones - 1)
        low = register(1, exponent < 32)
        exponent = register(8, exponent)

        # 4: normalise by fours. A sum that moves left by more than one place is exact, so that the
        # rounding follows from the top two bits. What is lost comes on top of the sum or, in a
        # difference, off it. An infinity or a NaN is prepared here.
        groups = wire(3, leading_groups(empty))
        up = Mux(
            total[26],
            total[2] & (total[3] | total[1] | total[0] | lost),
            Mux(
                total[25],
                total[1] & (total[0] | Mux(lost, ~subtract, total[2])),
                total[0] & Mux(lost, ~subtract, total[1]),
            ),
        )
        special = wire(1, special | (total[26] & full))
        cancelled = wire(1, empty.all())
        negative = register(1, negative & ~nan & ~(subtract & cancelled))
        zero = register(1, cancelled & ~special)
        below, equal = Const(0), low
        for e, g in zip(exponent[2:5], groups, strict=True):
            below, equal = Mux(e ^ g, g, below), equal & ~(e ^ g)
        below, equal = register(1, low & below & ~special), register(1, equal & ~special)
        up = register(1, up & ~special)
        exponent = register(9, Mux(special, BINARY32.exponent_ones, exponent - 30))
        total = register(27, Mux(special, nan << 22, shift_groups(total, groups)))
        gained = register(3, Mux(special, 0, ~groups))

        # 5: normalise, round. A place to the left takes one off the exponent.
        places = wire(2, leading_three(total))
        fraction = wire(27, shift_three(total, places))[3:26]
        packed = Cat(fraction, exponent[:8]) + Cat(Const(0, 23), ~places, gained) + up
        zero = zero | below | (equal & ((exponent[:2] ^ 2) < places))
        m.d.comb += self.o.eq(Cat(register(31, Mux(zero, 0, packed)), register(1, negative)))
        return m
