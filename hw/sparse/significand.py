"""Normalizer of small signed integers."""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Module, signed
from amaranth.lib.wiring import In, Out

from sw.sparse.stages import SIGNIFICAND_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import register, wire
from ..float.normalize import (
    leading_groups,
    leading_three,
    shift_groups,
    shift_three,
    zero_groups,
)

__all__ = ["Significand"]


class Significand(Circuit):
    """Sign and magnitude of an integer, the magnitude shifted left until its top bit is set.

    Latency is `latency` enabled cycles, interval one. All outputs are registered.

    Parameters
    ----------
    width : int
        Bits of the integer, at least 5.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(signed(width))
        Integer, not the lowest one.
    negative : Out(1)
        Its sign.
    o : Out(width - 1)
        ``abs(i) << places``; its top bit is 0 only where ``i`` is zero.
    places : Out(range(width + 2))
        Shift.
    """

    latency = SIGNIFICAND_LATENCY

    def __init__(self, *, width: int) -> None:
        self.width = width
        super().__init__(
            {
                "en": In(1),
                "i": In(signed(width)),
                "negative": Out(1),
                "o": Out(width - 1),
                "places": Out(range(width + 2)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Take the magnitude; then shift it by fours and by ones."""
        m = Module()
        reg, net = partial(register, m, self.en), partial(wire, m)
        size = self.width - 1
        sign = self.i[-1]
        magnitude = reg("magnitude", size, (self.i[:-1] ^ sign.replicate(size)) + sign)
        groups = leading_groups(zero_groups(magnitude))
        groups = net("groups", len(groups), groups)
        moved = net("moved", size, shift_groups(magnitude, groups))
        places = leading_three(moved)
        m.d.comb += [
            self.negative.eq(reg("negative_1", 1, reg("negative_0", 1, sign))),
            self.o.eq(reg("o_", size, shift_three(moved, places))),
            self.places.eq(reg("places_", len(self.places), Cat(places, groups))),
        ]
        return m
