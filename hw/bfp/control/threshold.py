"""A ratio of two counts against two thresholds, a bit a cycle."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.bfp.stages import compare_latency

from ...base.circuit import Circuit
from ...base.pipeline import wire

__all__ = ["ThresholdCompare"]


class ThresholdCompare(Circuit):
    """Whether ``part / whole`` is below ``lo / scale``, and whether it is above ``hi / scale``.

    Exact: ``part * scale`` is compared with ``whole * lo`` and ``whole * hi``, serial products of
    which a bit leaves in each cycle, and is compared then; the rest at the end. Latency and
    interval are `latency` cycles from ``start`` to the result, which stays until the next.

    Parameters
    ----------
    bits : int
        Width of the counts.
    threshold_bits : int
        Width of the thresholds and their scale.

    Members
    -------
    start : In(1)
        Begins; from then on all inputs must stay until the result.
    part, whole : In(bits)
        Counts; ``part`` is at most ``whole``.
    lo, hi, scale : In(threshold_bits)
        The thresholds in units of ``1 / scale``.
    done : Out(1)
        The result is valid.
    below, above : Out(1)
        The result.
    """

    def __init__(self, *, bits: int, threshold_bits: int) -> None:
        self.bits = bits
        self.threshold_bits = threshold_bits
        members: dict[str, Any] = {"start": In(1), "part": In(bits), "whole": In(bits)}
        members |= dict.fromkeys(("lo", "hi", "scale"), In(threshold_bits))
        members |= dict.fromkeys(("done", "below", "above"), Out(1))
        super().__init__(members)

    @property
    def latency(self) -> int:
        """Cycles from ``start`` to ``done``."""
        return compare_latency(self.threshold_bits)

    def elaborate(self, platform: Any) -> Module:
        """Build the serial products and their comparisons."""
        m = Module()
        running = Signal()
        place = Signal(range(self.threshold_bits), reset_less=True)
        m.d.comb += self.done.eq(~running)
        with m.If(self.start):
            m.d.sync += [running.eq(1), place.eq(0)]
        with m.Elif(running):
            m.d.sync += [running.eq(place != self.threshold_bits - 1), place.eq(place + 1)]

        # What of each product lies above the places done, and its bit of this place.
        tops, bits = [], []
        for name, count in (("scale", self.part), ("lo", self.whole), ("hi", self.whole)):
            top = Signal(self.bits, name=f"{name}_top", reset_less=True)
            # A name of its own, as long as the factor: Verilator warns of shifts that are cut.
            factor = getattr(self, name)
            bit = wire(m, f"{name}_shifted", len(factor), factor >> place)[0]
            total = wire(m, f"{name}_sum", self.bits + 1, top + Mux(bit, count, 0))
            with m.If(self.start):
                m.d.sync += top.eq(0)
            with m.Elif(running):
                m.d.sync += top.eq(total >> 1)
            tops.append(top)
            bits.append(total[0])

        for name, less, more, result in (("lo", 0, 1, self.below), ("hi", 2, 0, self.above)):
            # How the places done compare.
            under = Signal(name=f"{name}_under", reset_less=True)
            with m.If(self.start):
                m.d.sync += under.eq(0)
            with m.Elif(running & (bits[less] != bits[more])):
                m.d.sync += under.eq(bits[more])
            m.d.comb += result.eq(Cat(0, tops[less]) < Cat(under, tops[more]))
        return m
