"""The floating-point adder."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32, FloatFormat
from sw.formats.binary32 import ADDER_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from .normalize import leading_groups, leading_three, shift_groups, shift_three, zero_groups

__all__ = ["Adder"]


class Adder(Circuit):
    """Adder of floating-point values.

    ``o = a + b``, rounded to nearest even. Subnormal operands and results are zeros of the same
    sign; an exact cancellation gives +0; a NaN operand, or infinities of unequal sign, give the
    positive quiet NaN with an empty payload. One addition per cycle.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and sum, of 3 to 26 fraction bits.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(format.width)
        Operands.
    o : Out(format.width)
        Their sum, `latency` enabled cycles later, from registers.
    """

    en: Signal
    a: Signal
    b: Signal
    o: Signal

    latency = ADDER_LATENCY
    """Enabled cycles from operands to sum."""

    def __init__(self, *, format: FloatFormat = BINARY32) -> None:
        self.format = format
        word = format.width
        super().__init__({"en": In(1), "a": In(word), "b": In(word), "o": Out(word)})

    def elaborate(self, platform: Any) -> Module:
        """Build the five stages."""
        m = Module()
        reg = partial(register, m, self.en)
        net = partial(wire, m)
        sign, point = self.format.width - 1, self.format.fraction_bits
        exponent_bits, ones = self.format.exponent_bits, self.format.exponent_ones

        # 1: sort by magnitude; a NaN is larger than all else.
        swap = net("swap_1", 1, self.a[:sign] < self.b[:sign])
        large = reg("large_1", sign, Mux(swap, self.b[:sign], self.a[:sign]))
        small = reg("small_1", sign, Mux(swap, self.a[:sign], self.b[:sign]))
        negative = reg("negative_1", 1, Mux(swap, self.b[sign], self.a[sign]))
        subtract = reg("subtract_1", 1, self.a[sign] ^ self.b[sign])

        # 2: move the smaller one right by 0..15 of the places between them; two places more are
        # kept, all beyond only tell whether anything is lost.
        kept = point + 3
        distance = net("distance_2", exponent_bits, large[point:] - small[point:])
        near = net("by_ones_2", kept, Cat(Const(0, 2), small[:point], 1) >> distance[:2])
        lost = distance[:2].all() & small[0]
        groups = distance[2:4]
        for i in (1, 2, 3):
            lost |= (groups >= i) & near[4 * i - 4 : 4 * i].any()
        zero = net("zero_2", 1, small[point:] == 0)
        infinite = net("infinite_2", 1, large[point:].all())
        far = net("far_2", 1, (distance[4 + (kept > 16) :] != 0) | zero)
        lost_near, lost_far = reg("lost_near_2", 1, lost), reg("lost_far_2", 1, far)
        by_16, none = Const(0), reg("none_2", 1, zero)
        if kept > 16:
            by_16 = reg("by_16_2", 1, distance[4])
        near = reg("near_2", kept, Mux(far, 0, near >> (groups << 2)))
        special = reg("special_2", 1, infinite)
        nan = (large[:point] != 0) | (small[point:].all() & subtract)
        nan = reg("nan_2", 1, infinite & nan)
        negative = reg("negative_2", 1, negative & ~(subtract & (large[point:] == 0)))
        subtract = reg("subtract_2", 1, subtract)
        exponent = reg("exponent_2", exponent_bits, large[point:])
        large = reg("large_2", point, large[:point])

        # 3: move by 16 places, add or subtract.
        aligned = net("aligned_3", kept, Mux(by_16, near[16:], near))
        addend = Cat(subtract, aligned ^ subtract.replicate(kept), subtract)
        total = net("added_3", kept + 1, (Cat(1, 0, 0, large, 1, 0) + addend)[1:])
        empty = zero_groups(total)
        total, empty = reg("total_3", kept + 1, total), reg("empty_3", len(empty), empty)
        group_bits = (len(empty) - 1).bit_length()
        lost = reg("lost_3", 1, ~none & (lost_near | lost_far | (by_16 & near[:16].any())))
        special, nan = reg("special_3", 1, special), reg("nan_3", 1, nan)
        negative, subtract = reg("negative_3", 1, negative), reg("subtract_3", 1, subtract)
        full = reg("full_3", 1, exponent == ones - 1)
        low = reg("low_3", 1, exponent < 4 << group_bits)
        exponent = reg("exponent_3", exponent_bits, exponent)

        # 4: normalise by fours. A sum that moves left by more than one place is exact, so that the
        # rounding follows from the top two bits. What is lost comes on top of the sum or, in a
        # difference, off it. An infinity or a NaN is prepared here.
        groups = net("groups_4", group_bits, leading_groups(empty))
        up = Mux(
            total[-1],
            total[2] & (total[3] | total[1] | total[0] | lost),
            Mux(
                total[-2],
                total[1] & (total[0] | Mux(lost, ~subtract, total[2])),
                total[0] & Mux(lost, ~subtract, total[1]),
            ),
        )
        special = net("special_4", 1, special | (total[-1] & full))
        cancelled = net("cancelled_4", 1, empty.all())
        negative = reg("negative_4", 1, negative & ~nan & ~(subtract & cancelled))
        zero = reg("zero_4", 1, cancelled & ~special)
        below, equal = Const(0), low
        for e, g in zip(exponent[2:], groups, strict=False):
            below, equal = Mux(e ^ g, g, below), equal & ~(e ^ g)
        below = reg("below_4", 1, low & below & ~special)
        equal = reg("equal_4", 1, equal & ~special)
        up = reg("up_4", 1, up & ~special)
        # The places that a move by fours and by ones could make at most, less one.
        most = (4 << group_bits) - 2
        exponent = reg("exponent_4", exponent_bits + 1, Mux(special, ones, exponent - most))
        total = Mux(special, nan << point - 1, shift_groups(total, groups))
        total = reg("total_4", kept + 1, total)
        gained = reg("gained_4", group_bits, Mux(special, 0, ~groups))

        # 5: normalise, round. A place to the left takes one off the exponent.
        places = net("places_5", 2, leading_three(total))
        fraction = net("fraction_5", kept + 1, shift_three(total, places))[3:-1]
        packed = Cat(fraction, exponent[:-1]) + Cat(Const(0, point), ~places, gained) + up
        zero = zero | below | (equal & ((exponent[:2] ^ 2) < places))
        packed = reg("packed_5", sign, Mux(zero, 0, packed))
        m.d.comb += self.o.eq(Cat(packed, reg("negative_5", 1, negative)))
        return m
