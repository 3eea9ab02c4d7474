"""The largest magnitude of a tensor, from which its scale is made."""

import functools
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring

from sw.formats import BINARY32, FLOAT_FORMATS
from sw.formats.coding import FloatCoding
from sw.formats.tensor_amax import TensorAmaxParameters

from ..base.field import Field
from ..base.pipeline import count_events, delay, register, wire
from ..engine.core import Core
from ..engine.registers import counter, stall_registers
from ..float.classify import classify
from ..stream.packet import Packet
from ..stream.pipeline import StreamPipeline
from .maximum import Maximum
from .operand import float_packet

__all__ = ["TensorAmaxUnit"]


class TensorAmaxUnit(Core):
    """Finder of the largest finite magnitude of each tensor: `sw.formats.tensor_amax.tensor_amax`.

    A tensor is a packet of any number of beats, and gives one beat. Latency is `latency` cycles
    from a tensor's last beat to its result, without stalls; interval is one cycle a beat. ``o``
    comes from an output FIFO, always with ``last``; ``i.ready`` is a register.

    Members
    -------
    i : In(float_packet(...).signature)
        Elements; ``last`` ends a tensor.
    o : Out(stream.Signature(...))
        ``amax``, binary32. Other members are those of `Core`.
    """

    ABORT = "the largest magnitude of a tensor that has not ended"
    FLAGS = {
        "nan": "an element was a NaN or an infinity, which are left out",
        "framing": "padding bits that were not zero",
    }
    registers = (
        counter("elements", "elements taken"),
        counter("tensors", "tensors whose result was given"),
        *stall_registers("elements"),
    )

    def __init__(self, *, parameters: TensorAmaxParameters) -> None:
        self.parameters = p = parameters
        self.source = FLOAT_FORMATS[p.source]
        text = "largest finite magnitude of a tensor, binary32"
        result = Packet(
            Field(
                name="amax",
                bits=BINARY32.width,
                description=text,
                coding=FloatCoding(BINARY32),
            )
        )
        super().__init__(streams={"i": float_packet(p.source, p.lanes), "o": result})

    @functools.cached_property
    def pipeline(self) -> StreamPipeline:
        """Control of all, and the register of results."""
        return StreamPipeline(packet=self.streams["o"], stages=1)

    def elaborate(self, platform: Any) -> Module:
        """Find the largest of a beat, then of all beats of a tensor."""
        m = Module()
        p = self.parameters
        m.submodules.pipeline = pipeline = self.pipeline
        en = pipeline.en
        largest, valid, last = self._of_beat(m, en)
        so_far = Signal(len(largest))
        larger = wire(m, "larger", len(largest), Mux(largest < so_far, so_far, largest))
        with m.If(en & valid):
            m.d.sync += so_far.eq(Mux(last, 0, larger))
        m.d.comb += [
            self.i.ready.eq(en),
            pipeline.accept.eq(valid & last),
            pipeline.last.eq(1),
            pipeline.result.amax.eq(self._binary32(register(m, en, "amax", len(larger), larger))),
        ]
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        events = (
            (self.elements, Mux(self.i.valid & en, p.lanes, 0)),
            (self.tensors, pipeline.push),
            (self.input_stalls, en & ~self.i.valid),
            (self.output_stalls, ~en),
        )
        count_events(m, self.clear, events)
        return m

    def _of_beat(self, m: Module, en: Signal) -> tuple[Value, Value, Value]:
        """Return the largest magnitude of a beat, whether there is one, and its ``last``."""
        p, source = self.parameters, self.source
        offered = self.i.payload.data
        elements: Any = register(m, en, "elements_1", offered.shape(), offered)
        taken = delay(m, en, self.i.valid, 1, name="taken", reset=True)
        m.submodules.maximum = maximum = Maximum(count=p.lanes, width=source.width - 1)
        magnitudes, special = [], []
        for n in range(p.lanes):
            kind = classify(elements.value[n], source)
            magnitudes.append(Mux(kind.zero | kind.special, 0, elements.value[n][:-1]))
            special.append(kind.special)
        m.d.comb += [
            maximum.en.eq(en),
            maximum.i.eq(Cat(magnitudes)),
            self.flags.nan.eq(en & taken & Cat(special).any()),
        ]
        last = delay(m, en, self.i.payload.last, 1 + maximum.latency, name="last")
        valid = delay(m, en, taken, maximum.latency, name="valid", reset=True)
        return maximum.o, valid, last

    def _binary32(self, magnitude: Value) -> Value:
        """Return a magnitude of the source in binary32."""
        source = self.source
        fraction, exponent = magnitude[: source.fraction_bits], magnitude[source.fraction_bits :]
        rebiased = exponent + (BINARY32.bias - source.bias)
        wide = Mux(exponent == 0, 0, rebiased)[: BINARY32.exponent_bits]
        return Cat(Const(0, BINARY32.fraction_bits - len(fraction)), fraction, wide, 0)
