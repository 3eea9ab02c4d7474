"""Beats through the vector engine's one unit of functions."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay, wire
from ..stream.skid import SkidBuffer
from .function import FunctionUnit

__all__ = ["FunctionLanes"]


class FunctionLanes(Circuit):
    """A function of each value of a beat, one value a cycle.

    Latency is that of `FunctionUnit` and as many cycles as a beat has values, and 1; interval as
    many as it has values. ``i.ready`` and ``o`` come from registers.

    Members
    -------
    function : In(3)
        As of `FunctionUnit`; stays while beats are under way.
    i, o : In, Out(stream.Signature(32 x vector lanes))
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        beat = stream.Signature(parameters.vector_width * VALUE_BITS)
        super().__init__({"function": In(3), "i": In(beat), "o": Out(beat)})

    def elaborate(self, platform: Any) -> Module:
        """Shift a beat's values out, lane 0 first, and results in; all waits for ``o``."""
        m = Module()
        values = self.parameters.vector_width
        m.submodules.unit = unit = FunctionUnit()
        m.submodules.skid = skid = SkidBuffer(shape=len(self.i.payload))
        wiring.connect(m, wiring.flipped(self.i), skid.i)
        en = wire(m, "en", 1, ~self.o.valid | self.o.ready)
        beat = Signal(values * VALUE_BITS, reset_less=True)
        left = Signal(range(values + 1))
        ended = wire(m, "ended", 1, ~left[1:].any())
        come = delay(m, en, left != 0, unit.latency, name="come", reset=True)
        results = Signal(range(values))
        m.d.comb += [
            skid.o.ready.eq(en & ended),
            unit.en.eq(en),
            unit.function.eq(self.function),
            unit.a.eq(beat[:VALUE_BITS]),
        ]
        with m.If(en):
            m.d.sync += [
                beat.eq(Mux(ended, skid.o.payload, beat >> VALUE_BITS)),
                left.eq(Mux(ended, Mux(skid.o.valid, values, 0), left - 1)),
                self.o.valid.eq(come & (results == values - 1)),
            ]
            with m.If(come):
                m.d.sync += [
                    self.o.payload.eq(Cat(self.o.payload, unit.o)[VALUE_BITS:]),
                    results.eq(results + 1),
                ]
        return m
