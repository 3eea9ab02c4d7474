"""A pipeline with a clock enable between streams, so that benches can run it."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring

from hw.base.field import Field
from hw.engine.core import Core
from hw.stream.packet import Packet
from hw.stream.pipeline import StreamPipeline

__all__ = ["Piped"]


class Piped(Core):
    """A circuit of fixed latency between streams whose fields are its ports.

    Latency, which its parameters' ``timing`` has, is a cycle more than the circuit's; interval one
    cycle.

    Parameters
    ----------
    inner : Circuit
        The circuit, with a clock enable ``en``.
    inputs : Packet
    output : Field
        Named as its ports.
    """

    FLAGS = {"framing": "padding bits that were not zero"}
    registers = ()

    def __init__(self, *, inner: Any, inputs: Packet, output: Field) -> None:
        self.inner, self.output = inner, output.name
        self.pipeline = StreamPipeline(packet=Packet(output), stages=inner.latency)
        super().__init__(streams={"i": inputs, "o": self.pipeline.packet})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.inner = inner = self.inner
        m.submodules.pipeline = pipeline = self.pipeline
        for field in self.streams["i"].fields:
            m.d.comb += getattr(inner, field.name).eq(self.i.payload.data[field.name])
        m.d.comb += [
            inner.en.eq(pipeline.en),
            self.i.ready.eq(pipeline.en),
            pipeline.accept.eq(self.i.valid),
            pipeline.last.eq(self.i.payload.last),
            getattr(pipeline.result, self.output).eq(getattr(inner, self.output)),
        ]
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        return m
