"""The BFP dot product as a unit: beats of two operands in, a binary32 value per block out."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring

from sw.bfp.dot import DotParameters
from sw.bfp.stages import DotStages
from sw.formats import BINARY32
from sw.formats.coding import FloatCoding
from sw.words import Words

from ..base.field import Field
from ..base.pipeline import advance, count_events, delay
from ..engine.core import RESULT_FLAGS, Core
from ..engine.registers import counter
from ..float.classify import classify
from ..formats.operand import float_packet, operand_packet
from ..formats.quantizer import Quantizer
from ..formats.words import STREAM_FLAGS, restarted_inside, stream_registers
from ..stream.packet import Packet
from ..stream.pipeline import StreamPipeline
from .pe import DotPE
from .value import BlockValue

__all__ = ["DotUnit"]


class DotUnit(Core):
    """Dot products of blocks, ``lanes`` products a cycle, each rounded once to binary32.

    The sums of a block's products are exact integers unless there is a window (`MxProductSum`).
    Both operands are accepted together, a beat of each a cycle; a result comes per block, with the
    ``last`` of the block's last beat of ``i_a``. With ``operands="binary32"`` each operand passes a
    `Quantizer` first, whose random words start as those of `ConverterUnit`.

    Latency is `latency` cycles from a block's last beat to its result, without stalls; interval a
    beat a cycle. ``o`` comes from an output FIFO; the ready of each operand depends on the valid of
    the other.

    Members
    -------
    i_a, i_b : In(operand_packet(...).signature or float_packet(...).signature)
        Operands. ``last`` may come with the last beat of a block only.
    o : Out(Packet.signature)
        A binary32 value per block. Other members are those of `Core`.
    """

    FLAGS = {
        **RESULT_FLAGS,
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        counter("blocks", "results given"),
        counter("operand_stalls", "cycles in which one operand waited for the other"),
        counter("result_stalls", "cycles that waited for results to be accepted"),
    )

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = p = parameters
        self.stages = DotStages(p)
        self.quantizers: list[Quantizer] = []
        operand = operand_packet(p.format, p.lanes)
        if p.operands == "binary32":
            self.quantizers = [Quantizer(parameters=p.converter, random=s) for s in p.streams]
            operand = float_packet(p.operands, p.lanes)
        if self._random:
            self.FLAGS = {**self.FLAGS, **STREAM_FLAGS}
            streams: dict[str, Words] = dict(zip(("_a", "_b"), p.streams, strict=True))
            self.registers = (*self.registers, *stream_registers(streams))
        value = FloatCoding(BINARY32)
        text = "binary32 value"
        result = Packet(Field(name="result", bits=32, description=text, coding=value))
        super().__init__(streams={"i_a": operand, "i_b": operand, "o": result})

    @property
    def _random(self) -> bool:
        """Whether operands are rounded by random words."""
        return bool(self.quantizers) and self.parameters.format.rounding == "stochastic"

    @functools.cached_property
    def element(self) -> DotPE:
        """The integer dot product."""
        return DotPE(parameters=self.parameters)

    @functools.cached_property
    def value(self) -> BlockValue:
        """From integer sums to binary32."""
        return BlockValue(parameters=self.parameters)

    @functools.cached_property
    def pipeline(self) -> StreamPipeline:
        """Control of both."""
        return StreamPipeline(packet=self.streams["o"], stages=self.stages.value)

    def elaborate(self, platform: Any) -> Module:
        """Build the operands' way in, and the arithmetic as one pipeline."""
        m = Module()
        p = self.parameters
        m.submodules.pipeline = pipeline = self.pipeline
        en = pipeline.en
        valid, ready, a, b = self._operands(m, en)
        accept = Signal()
        beat = Signal(range(p.beats))
        last_beat = advance(m, accept, beat, p.beats)
        m.d.comb += [
            accept.eq(valid & en),
            self.i_a.ready.eq(self.i_b.valid & ready),
            self.i_b.ready.eq(self.i_a.valid & ready),
            pipeline.accept.eq(valid & last_beat),
            pipeline.last.eq(a.last),
        ]
        self._arithmetic(m, en, a.data, b.data, accept, beat)
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))

        kind = classify(self.value.o)
        m.d.comb += [
            self.flags.nan.eq(pipeline.push & kind.nan),
            self.flags.overflow.eq(pipeline.push & kind.infinite),
            self.flags.framing.eq(accept & ~last_beat & (a.last | b.last)),
        ]
        events = (
            (self.blocks, pipeline.push),
            (self.operand_stalls, ready & (self.i_a.valid ^ self.i_b.valid)),
            (self.result_stalls, ~en),
        )
        count_events(m, self.clear, events)
        return m

    def _operands(self, m: Module, en: Signal) -> tuple[Value, Value, data.View, data.View]:
        """Return valid and ready of both operands, and what they bring, quantized if need be."""
        valid = Signal()
        m.d.comb += valid.eq(self.i_a.valid & self.i_b.valid)
        if not self.quantizers:
            return valid, en, self.i_a.payload, self.i_b.payload
        first, second = self.quantizers
        m.submodules.quantizer_a, m.submodules.quantizer_b = first, second
        for port, quantizer in ((self.i_a, first), (self.i_b, second)):
            m.d.comb += [
                quantizer.i.payload.eq(port.payload),
                quantizer.i.valid.eq(valid),
                quantizer.o.ready.eq(en),
            ]
        if self._random:
            self._start_words(m, first.o.valid & en)
        # Both accept and give together.
        return first.o.valid, first.i.ready, first.o.payload, second.o.payload

    def _start_words(self, m: Module, given: Value) -> None:
        """Connect what starts the random words of both quantizers."""
        keys = Cat(self.stream_a_low, self.stream_a_high, self.stream_b_low, self.stream_b_high)
        for n, quantizer in enumerate(self.quantizers):
            m.d.comb += [
                quantizer.restart.eq(self.restart),
                quantizer.key.eq(keys.word_select(n, len(quantizer.key))),
            ]
        first = self.quantizers[0]
        accepted = self.i_a.valid & self.i_a.ready
        inside = restarted_inside(m, self.restart, accepted, given, first.most_inside)
        m.d.comb += [self.flags.restarted.eq(inside), self.flags.exhausted.eq(first.exhausted)]

    def _arithmetic(
        self, m: Module, en: Signal, a: data.View, b: data.View, accept: Value, beat: Signal
    ) -> None:
        """Sum the products of a block, and give them their exponents and their rounding."""
        m.submodules.element = element = self.element
        m.submodules.value = value = self.value
        m.d.comb += [element.en.eq(en), element.a.eq(a.mantissa), element.b.eq(b.mantissa)]
        if self.parameters.beats > 1:
            tags = Cat(accept & (beat == 0), accept)
            first, add = delay(m, en, tags, self.stages.products, name="tags", reset=True)
            m.d.comb += [element.first.eq(first), element.add.eq(en & add)]
        exponents = Cat(a.exponent, b.exponent)
        codes = delay(m, en, exponents, self.stages.block, name="exponents")
        m.d.comb += [
            value.en.eq(en),
            value.sum.eq(element.sum),
            Cat(value.exponent_a, value.exponent_b).eq(codes),
            self.pipeline.result.result.eq(value.o),
        ]
