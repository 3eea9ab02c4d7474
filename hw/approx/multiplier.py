"""Approximate floating-point multipliers as a unit."""

import functools
from typing import Any

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring

from sw.approx.multiplier import ApproxParameters

from ..base.pipeline import count_events, register
from ..engine.core import Core
from ..engine.registers import counter, stall_registers
from ..stream.pipeline import StreamPipeline
from . import pairs
from .product import ApproxMultiplier

__all__ = ["ApproxUnit"]


class ApproxUnit(Core):
    """Multipliers of ``lanes`` pairs, each an `ApproxMultiplier`.

    A beat of pairs gives a beat of products, with its ``last``. Latency is `latency` cycles,
    without stalls; interval is one cycle. ``o`` comes from an output FIFO; ``i.ready`` is a
    register.

    Members
    -------
    i, o : stream.Signature(...)
        Pairs and their products, fields as in `streams`; the others are those of `Core`.
    """

    FLAGS = {
        **pairs.FLAGS,
        "framing": "padding bits that were not zero",
    }
    registers = (
        counter("products", "products given"),
        *stall_registers("pairs", "products"),
    )

    def __init__(self, *, parameters: ApproxParameters) -> None:
        self.parameters = p = parameters
        super().__init__(streams=pairs.streams(p.format, p.lanes))

    @functools.cached_property
    def pipeline(self) -> StreamPipeline:
        """Its control: a register and the lanes."""
        return StreamPipeline(packet=self.streams["o"], stages=self.timing.latency - 1)

    def _lane(self) -> ApproxMultiplier:
        p = self.parameters
        assert p.bits is not None
        return ApproxMultiplier(
            multiplier=p.multiplier, bits=p.bits, format=p.format, target=p.target
        )

    def elaborate(self, platform: Any) -> Module:
        """Build a register in front of the lanes, and their pipeline."""
        m = Module()
        p, format = self.parameters, self.parameters.format
        m.submodules.pipeline = pipeline = self.pipeline
        en = pipeline.en
        m.d.comb += [
            self.i.ready.eq(en),
            pipeline.accept.eq(self.i.valid),
            pipeline.last.eq(self.i.payload.last),
        ]
        offered = self.i.payload.data
        pairs_in: Any = register(m, en, "pairs", offered.shape(), offered)
        events = []
        for n in range(p.lanes):
            m.submodules[f"lane_{n}"] = lane = self._lane()
            a, b = pairs_in.a[n], pairs_in.b[n]
            m.d.comb += [
                lane.en.eq(en),
                lane.a.eq(a),
                lane.b.eq(b),
                pipeline.result.product[n].eq(lane.o),
            ]
            events.append(pairs.events(m, en, format, a, b, lane.o, lane.latency, n))
        pairs.flag(m, self.flags, pipeline.push, events)
        count_events(
            m,
            self.clear,
            (
                (self.products, Mux(pipeline.push, p.lanes, 0)),
                (self.input_stalls, en & ~self.i.valid),
                (self.output_stalls, ~en),
            ),
        )
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        return m
