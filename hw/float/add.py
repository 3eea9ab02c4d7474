"""The binary32 adder."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.bfp.array import ADDER_LATENCY
from sw.formats import BINARY32

from ..circuit import Circuit
from ..pipeline import register, wire
from .normalize import leading_groups, leading_three, shift_groups, shift_three, zero_groups

__all__ = ["Adder"]


class Adder(Circuit):
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

    def elaborate(self, platform: Any) -> Module:
        """Build the five stages."""
        m = Module()
        reg = partial(register, m, self.en)
        net = partial(wire, m)

        # 1: sort by magnitude; a NaN is larger than all else.
        swap = net("swap_1", 1, self.a[:31] < self.b[:31])
        large = reg("large_1", 31, Mux(swap, self.b[:31], self.a[:31]))
        small = reg("small_1", 31, Mux(swap, self.a[:31], self.b[:31]))
        negative = reg("negative_1", 1, Mux(swap, self.b[31], self.a[31]))
        subtract = reg("subtract_1", 1, self.a[31] ^ self.b[31])

        # 2: move the smaller one right by 0..15 of the places between them; two places more are
        # kept, all beyond only tell whether anything is lost.
        distance = net("distance_2", 8, large[23:] - small[23:])
        near = net("by_ones_2", 26, Cat(Const(0, 2), small[:23], 1) >> distance[:2])
        lost = distance[:2].all() & small[0]
        groups = distance[2:4]
        for i in (1, 2, 3):
            lost |= (groups >= i) & near[4 * i - 4 : 4 * i].any()
        zero = net("zero_2", 1, small[23:] == 0)
        infinite = net("infinite_2", 1, large[23:].all())
        far = net("far_2", 1, (distance[5:] != 0) | zero)
        lost_near, lost_far = reg("lost_near_2", 1, lost), reg("lost_far_2", 1, far)
        by_16, none = reg("by_16_2", 1, distance[4]), reg("none_2", 1, zero)
        near = reg("near_2", 26, Mux(far, 0, near >> (groups << 2)))
        special = reg("special_2", 1, infinite)
        nan = reg("nan_2", 1, infinite & ((large[:23] != 0) | (small[23:].all() & subtract)))
        negative = reg("negative_2", 1, negative & ~(subtract & (large[23:] == 0)))
        subtract = reg("subtract_2", 1, subtract)
        exponent = reg("exponent_2", 8, large[23:])
        large = reg("large_2", 23, large[:23])

        # 3: move by 16 places, add or subtract.
        aligned = net("aligned_3", 26, Mux(by_16, near[16:], near))
        addend = Cat(subtract, aligned ^ subtract.replicate(26), subtract)
        total = net("sum_3", 27, (Cat(1, 0, 0, large, 1, 0) + addend)[1:])
        empty = zero_groups(total)
        total, empty = reg("total_3", 27, total), reg("empty_3", len(empty), empty)
        lost = reg("lost_3", 1, ~none & (lost_near | lost_far | (by_16 & near[:16].any())))
        special, nan = reg("special_3", 1, special), reg("nan_3", 1, nan)
        negative, subtract = reg("negative_3", 1, negative), reg("subtract_3", 1, subtract)
        full = reg("full_3", 1, exponent == BINARY32.exponent_ones - 1)
        low = reg("low_3", 1, exponent < 32)
        exponent = reg("exponent_3", 8, exponent)

        # 4: normalise by fours. A sum that moves left by more than one place is exact, so that the
        # rounding follows from the top two bits. What is lost comes on top of the sum or, in a
        # difference, off it. An infinity or a NaN is prepared here.
        groups = net("groups_4", 3, leading_groups(empty))
        up = Mux(
            total[26],
            total[2] & (total[3] | total[1] | total[0] | lost),
            Mux(
                total[25],
                total[1] & (total[0] | Mux(lost, ~subtract, total[2])),
                total[0] & Mux(lost, ~subtract, total[1]),
            ),
        )
        special = net("special_4", 1, special | (total[26] & full))
        cancelled = net("cancelled_4", 1, empty.all())
        negative = reg("negative_4", 1, negative & ~nan & ~(subtract & cancelled))
        zero = reg("zero_4", 1, cancelled & ~special)
        below, equal = Const(0), low
        for e, g in zip(exponent[2:5], groups, strict=True):
            below, equal = Mux(e ^ g, g, below), equal & ~(e ^ g)
        below = reg("below_4", 1, low & below & ~special)
        equal = reg("equal_4", 1, equal & ~special)
        up = reg("up_4", 1, up & ~special)
        exponent = reg("exponent_4", 9, Mux(special, BINARY32.exponent_ones, exponent - 30))
        total = reg("total_4", 27, Mux(special, nan << 22, shift_groups(total, groups)))
        gained = reg("gained_4", 3, Mux(special, 0, ~groups))

        # 5: normalise, round. A place to the left takes one off the exponent.
        places = net("places_5", 2, leading_three(total))
        fraction = net("fraction_5", 27, shift_three(total, places))[3:26]
        packed = Cat(fraction, exponent[:8]) + Cat(Const(0, 23), ~places, gained) + up
        zero = zero | below | (equal & ((exponent[:2] ^ 2) < places))
        packed = reg("packed_5", 31, Mux(zero, 0, packed))
        m.d.comb += self.o.eq(Cat(packed, reg("negative_5", 1, negative)))
        return m
