"""The BFP dot product as a unit: beats of two operands in, a binary32 value per block out."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sw.bfp.dot import DotParameters
from sw.words import Words

from ..base.field import Field
from ..base.pipeline import count_events, delay
from ..engine.core import Core
from ..engine.registers import word
from ..formats.operand import operand_fields
from ..formats.quantizer import Converter
from ..formats.words import STREAM_FLAGS, restarted_inside, stream_registers
from ..stream.fifo import OutputFifo
from .pe import DotPE
from .value import BlockValue

__all__ = ["DotUnit"]


class DotUnit(Core):
    """Dot products of blocks, ``lanes`` products a cycle, each rounded once to binary32.

    Both operands are taken together, a beat of each a cycle; a result comes per block and carries
    the ``last`` of the block's last beat of ``a``. With ``operands="binary32"`` each operand passes
    a `Converter` first, whose random words start as those of `ConverterUnit`. Latency is `latency`
    cycles from a block's last beat to its result, without stalls. ``o`` comes from a queue; the
    ready of each operand depends on the valid of the other.

    Members
    -------
    i_a, i_b : In(stream.Signature(...))
        Operands, fields as in `streams`. ``last`` may come with the last beat of a block only.
    o : Out(stream.Signature(...))
        A binary32 value per block.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        "nan": "a result was NaN",
        "overflow": "a result was infinite",
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        word("blocks", "ro", 32, "results given"),
        word("operand_stalls", "ro", 32, "cycles in which one operand waited for the other"),
        word("result_stalls", "ro", 32, "cycles that waited for results to be taken"),
    )

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = p = parameters
        self.converters: list[Converter] = []
        operand = operand_fields(p.format, p.lanes)
        if p.operands == "binary32":
            self.converters = [Converter(parameters=p.converter, random=s) for s in p.streams]
            operand = (
                Field(name="value", bits=32, count=p.lanes, description="binary32 elements"),
            )
        if self._random:
            self.FLAGS = {**self.FLAGS, **STREAM_FLAGS}
            streams: dict[str, Words] = dict(zip(("_a", "_b"), p.streams, strict=True))
            self.registers = (*self.registers, *stream_registers(streams))
        result = Field(name="result", bits=32, description="binary32 value")
        super().__init__(streams={"i_a": operand, "i_b": operand, "o": (result,)})

    @property
    def _random(self) -> bool:
        """Whether operands are rounded by random words."""
        return bool(self.converters) and self.parameters.format.rounding == "stochastic"

    @functools.cached_property
    def element(self) -> DotPE:
        """The integer dot product."""
        return DotPE(parameters=self.parameters)

    @functools.cached_property
    def value(self) -> BlockValue:
        """From integer sums to binary32."""
        return BlockValue(parameters=self.parameters)

    @property
    def latency(self) -> int:
        """Cycles from a block's last beat to its result, without stalls."""
        convert = self.converters[0].latency if self.converters else 0
        return convert + self.element.latency + self.value.latency + 1

    def _start_words(self, m: Module, given: Value) -> None:
        """Connect what starts the random words of both converters."""
        keys = Cat(self.stream_a_low, self.stream_a_high, self.stream_b_low, self.stream_b_high)
        for n, converter in enumerate(self.converters):
            m.d.comb += [
                converter.restart.eq(self.restart),
                converter.key.eq(keys.word_select(n, len(converter.key))),
            ]
        first = self.converters[0]
        taken = self.i_a.valid & self.i_a.ready
        inside = restarted_inside(m, self.restart, taken, given, first.most_inside)
        m.d.comb += [self.flags.restarted.eq(inside), self.flags.exhausted.eq(first.exhausted)]

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        operand = p.lanes * p.format.element_bits
        m.submodules.element = element = self.element
        m.submodules.value = value = self.value
        m.submodules.queue = queue = OutputFifo(shape=33)
        # Everything moves by this one register, far from whatever decides it.
        en = Signal(init=1)
        m.d.sync += en.eq(queue.credit)

        valid = Signal()
        m.d.comb += valid.eq(self.i_a.valid & self.i_b.valid)
        ready: Value = en
        a, b = self.i_a.payload, self.i_b.payload
        mantissas = [port.data[:operand] for port in (a, b)]
        exponents = Cat(port.data[operand:] for port in (a, b))
        if self.converters:
            m.submodules.converter_a, m.submodules.converter_b = self.converters
            for payload, converter in zip((a, b), self.converters, strict=True):
                m.d.comb += [
                    converter.i.payload.eq(payload),
                    converter.i.valid.eq(valid),
                    converter.o.ready.eq(en),
                ]
            # Both converters take and give together.
            ready, valid = self.converters[0].i.ready, self.converters[0].o.valid
            a, b = (converter.o.payload for converter in self.converters)
            mantissas = [port.mantissa for port in (a, b)]
            exponents = Cat(port.exponent for port in (a, b))
        if self._random:
            self._start_words(m, valid & en)
        take = Signal()
        m.d.comb += [
            take.eq(valid & en),
            self.i_a.ready.eq(self.i_b.valid & ready),
            self.i_b.ready.eq(self.i_a.valid & ready),
        ]
        beat = Signal(range(p.beats))
        last_beat = Signal()
        m.d.comb += last_beat.eq(beat == p.beats - 1)
        with m.If(take):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))

        m.d.comb += [
            element.en.eq(en),
            element.a.eq(mantissas[0]),
            element.b.eq(mantissas[1]),
        ]
        if p.beats > 1:
            tags = Cat(take & (beat == 0), take)
            first, add = delay(m, en, tags, element.first_latency, name="tags", reset=True)
            m.d.comb += [element.first.eq(first), element.add.eq(en & add)]
        codes = delay(m, en, exponents, element.latency, name="exponents")
        m.d.comb += [
            value.en.eq(en),
            value.sum.eq(element.sum),
            Cat(value.exponent_a, value.exponent_b).eq(codes),
        ]
        end = Cat(take & last_beat, take & last_beat & a.last)
        done, last = delay(m, en, end, element.latency + value.latency, name="end", reset=True)
        push = Signal()
        m.d.comb += [
            push.eq(en & done),
            queue.push.eq(push),
            queue.word.eq(Cat(value.o, last)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]

        special = value.o[23:31].all()
        fraction = value.o[:23].any()
        m.d.comb += [
            self.flags.nan.eq(push & special & fraction),
            self.flags.overflow.eq(push & special & ~fraction),
            self.flags.framing.eq(take & ~last_beat & (a.last | b.last)),
        ]
        events = (
            (self.blocks, push),
            (self.operand_stalls, ready & (self.i_a.valid ^ self.i_b.valid)),
            (self.result_stalls, ~en),
        )
        count_events(m, self.clear, events)
        return m
