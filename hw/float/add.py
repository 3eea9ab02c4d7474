"""The floating-point adder."""

from functools import partial
from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Value

from sw.formats import BINARY32, FloatFormat
from sw.formats.binary32 import ADDER_LATENCY

from ..base.pipeline import register, wire
from .normalize import leading_groups, leading_three, shift_groups, shift_three, zero_groups
from .operator import FloatOperator

__all__ = ["Adder"]


class Adder(FloatOperator):
    """Adder of floating-point values.

    ``o = a + b``, rounded to nearest even. Subnormal operands and results are zeros of the same
    sign; an exact cancellation gives +0; a NaN operand, or infinities of unequal sign, give the
    positive quiet NaN with an empty payload. Latency is five enabled cycles, interval one cycle.
    Members are those of `FloatOperator`.

    Parameters
    ----------
    format : FloatFormat
        Format of operands and sum, of 3 to 26 fraction bits.
    """

    latency = ADDER_LATENCY
    """Enabled cycles from operands to sum."""

    def __init__(self, *, format: FloatFormat = BINARY32) -> None:
        super().__init__(format=format)

    def elaborate(self, platform: Any) -> Module:
        """Sort, align, add, normalize, round: a stage each."""
        m = Module()
        stage = self._sort(m)
        stage = self._align(m, stage)
        stage = self._add(m, stage)
        stage = self._normalize(m, stage)
        m.d.comb += self.o.eq(self._round(m, stage))
        return m

    def _sort(self, m: Module) -> SimpleNamespace:
        """Sort by magnitude; a NaN is larger than all else."""
        reg = partial(register, m, self.en)
        sign = self.format.width - 1
        swap = wire(m, "swap_1", 1, self.a[:sign] < self.b[:sign])
        return SimpleNamespace(
            large=reg("large_1", sign, Mux(swap, self.b[:sign], self.a[:sign])),
            small=reg("small_1", sign, Mux(swap, self.a[:sign], self.b[:sign])),
            negative=reg("negative_1", 1, Mux(swap, self.b[sign], self.a[sign])),
            subtract=reg("subtract_1", 1, self.a[sign] ^ self.b[sign]),
        )

    def _align(self, m: Module, s: SimpleNamespace) -> SimpleNamespace:
        """Move the smaller one right by 0..15 of the places between them.

        Two places more are kept; all beyond only tell whether anything is lost.
        """
        reg, net = partial(register, m, self.en), partial(wire, m)
        point, exponent_bits = self.format.fraction_bits, self.format.exponent_bits
        large, small = s.large, s.small
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
        nan = (large[:point] != 0) | (small[point:].all() & s.subtract)
        return SimpleNamespace(
            lost_near=reg("lost_near_2", 1, lost),
            lost_far=reg("lost_far_2", 1, far),
            none=reg("none_2", 1, zero),
            by_16=reg("by_16_2", 1, distance[4]) if kept > 16 else Const(0),
            near=reg("near_2", kept, Mux(far, 0, near >> (groups << 2))),
            special=reg("special_2", 1, infinite),
            nan=reg("nan_2", 1, infinite & nan),
            negative=reg("negative_2", 1, s.negative & ~(s.subtract & (large[point:] == 0))),
            subtract=reg("subtract_2", 1, s.subtract),
            exponent=reg("exponent_2", exponent_bits, large[point:]),
            large=reg("large_2", point, large[:point]),
        )

    def _add(self, m: Module, s: SimpleNamespace) -> SimpleNamespace:
        """Move by 16 places; add or subtract."""
        reg, net = partial(register, m, self.en), partial(wire, m)
        kept = len(s.near)
        aligned = net("aligned_3", kept, Mux(s.by_16, s.near[16:], s.near))
        addend = Cat(s.subtract, aligned ^ s.subtract.replicate(kept), s.subtract)
        total = net("added_3", kept + 1, (Cat(1, 0, 0, s.large, 1, 0) + addend)[1:])
        empty = zero_groups(total)
        group_bits = (len(empty) - 1).bit_length()
        lost = ~s.none & (s.lost_near | s.lost_far | (s.by_16 & s.near[:16].any()))
        return SimpleNamespace(
            total=reg("total_3", kept + 1, total),
            empty=reg("empty_3", len(empty), empty),
            lost=reg("lost_3", 1, lost),
            special=reg("special_3", 1, s.special),
            nan=reg("nan_3", 1, s.nan),
            negative=reg("negative_3", 1, s.negative),
            subtract=reg("subtract_3", 1, s.subtract),
            full=reg("full_3", 1, s.exponent == self.format.exponent_ones - 1),
            low=reg("low_3", 1, s.exponent < 4 << group_bits),
            exponent=reg("exponent_3", len(s.exponent), s.exponent),
        )

    def _rounds_up(self, s: SimpleNamespace) -> Value:
        """Return whether the normalized sum is rounded up.

        If normalization shifts left by two or more, alignment lost nothing; the top two bits decide
        rounding. What is lost comes on top of the sum or, in a difference, off it.
        """
        total, above = s.total, ~s.subtract
        return Mux(
            total[-1],
            total[2] & (total[3] | total[1] | total[0] | s.lost),
            Mux(
                total[-2],
                total[1] & (total[0] | Mux(s.lost, above, total[2])),
                total[0] & Mux(s.lost, above, total[1]),
            ),
        )

    def _normalize(self, m: Module, s: SimpleNamespace) -> SimpleNamespace:
        """Normalize by fours; decide on rounding; prepare an infinity or a NaN."""
        reg, net = partial(register, m, self.en), partial(wire, m)
        point, ones = self.format.fraction_bits, self.format.exponent_ones
        group_bits = (len(s.empty) - 1).bit_length()
        groups = net("groups_4", group_bits, leading_groups(s.empty))
        up = self._rounds_up(s)
        special = net("special_4", 1, s.special | (s.total[-1] & s.full))
        cancelled = net("cancelled_4", 1, s.empty.all())
        negative = s.negative & ~s.nan & ~(s.subtract & cancelled)
        below, equal = Const(0), s.low
        for e, g in zip(s.exponent[2:], groups, strict=False):
            below, equal = Mux(e ^ g, g, below), equal & ~(e ^ g)
        # The places that a move by fours and by ones could make at most, less one.
        most = (4 << group_bits) - 2
        total = Mux(special, s.nan << point - 1, shift_groups(s.total, groups))
        return SimpleNamespace(
            negative=reg("negative_4", 1, negative),
            zero=reg("zero_4", 1, cancelled & ~special),
            below=reg("below_4", 1, s.low & below & ~special),
            equal=reg("equal_4", 1, equal & ~special),
            up=reg("up_4", 1, up & ~special),
            exponent=reg("exponent_4", len(s.exponent) + 1, Mux(special, ones, s.exponent - most)),
            total=reg("total_4", len(s.total), total),
            gained=reg("gained_4", group_bits, Mux(special, 0, ~groups)),
        )

    def _round(self, m: Module, s: SimpleNamespace) -> Value:
        """Normalize by ones and round; return the sum.

        A place to the left takes one off the exponent.
        """
        point, size = self.format.fraction_bits, len(s.total)
        places = wire(m, "places_5", 2, leading_three(s.total))
        fraction = wire(m, "fraction_5", size, shift_three(s.total, places))[3:-1]
        gained = Cat(Const(0, point), ~places, s.gained)
        packed = Cat(fraction, s.exponent[:-1]) + gained + s.up
        zero = s.zero | s.below | (s.equal & ((s.exponent[:2] ^ 2) < places))
        packed = register(m, self.en, "packed_5", self.format.width - 1, Mux(zero, 0, packed))
        return Cat(packed, register(m, self.en, "negative_5", 1, s.negative))
