"""A ratio of two counts, a bit a cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ...circuit import Circuit

__all__ = ["SerialRatio"]


class SerialRatio(Circuit):
    """``part / whole`` in units of ``2**-fraction_bits``: the quotient, and whether it is exact.

    ``ratio`` is the greatest number with ``ratio * whole <= part << fraction_bits``, so that
    comparing it with a threshold compares the products. ``part`` is at most ``whole``; with a
    ``whole`` of 0 all bits of ``ratio`` are set. The result is there ``latency`` cycles after
    ``start``, and stays until the next.

    Parameters
    ----------
    bits : int
        Width of the counts.
    fraction_bits : int
        Fractional bits of the ratio.

    Members
    -------
    start : In(1)
        Takes ``part``.
    part, whole : In(bits)
        Counts; ``whole`` must stay until the result is there.
    done : Out(1)
        The result is there.
    ratio : Out(fraction_bits + 1), exact : Out(1)
        The result.
    """

    def __init__(self, *, bits: int, fraction_bits: int) -> None:
        self.bits = bits
        self.fraction_bits = fraction_bits
        members: dict[str, Any] = {"start": In(1), "part": In(bits), "whole": In(bits)}
        members |= {"done": Out(1), "ratio": Out(fraction_bits + 1), "exact": Out(1)}
        super().__init__(members)

    @property
    def latency(self) -> int:
        """Cycles from ``start`` to ``done``."""
        return self.fraction_bits + 2

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        left = Signal(range(self.fraction_bits + 2))
        rest = Signal(self.bits + 1)
        difference = Signal(self.bits + 2)
        fits = Signal()
        m.d.comb += [
            difference.eq(rest - self.whole),
            fits.eq(~difference[-1]),
            self.done.eq(left == 0),
            self.exact.eq(rest == 0),
        ]
        with m.If(self.start):
            m.d.sync += [rest.eq(self.part), left.eq(self.fraction_bits + 1)]
        with m.Elif(~self.done):
            m.d.sync += [
                rest.eq(Cat(0, Mux(fits, difference, rest)[: self.bits])),
                self.ratio.eq(Cat(fits, self.ratio)),
                left.eq(left - 1),
            ]
        return m
