"""The stochastic converter: packets of floats in, random bits with their chances out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from sw.formats import FLOAT_FORMATS
from sw.stochastic.converter import StochasticConverterParameters

from ..base.field import Field
from ..base.pipeline import count_events, register
from ..engine.core import Core
from ..engine.registers import word
from ..formats.quantizer import Quantizer
from .bits import BitStreams
from .loader import Loader

__all__ = ["StochasticConverter"]


class StochasticConverter(Core):
    """Converter of vectors to streams of random bits, as `sw.stochastic.converter.convert`.

    A vector is ``elements / lanes`` beats in and ``stream_cycles`` beats out. While the bits of one
    are given the next is converted: a vector every ``parameters.period`` cycles. All of ``o`` comes
    from registers. ``last`` of a vector's last beat comes with the last of its bits. Random words
    come again after ``2**width - 1`` of each shift register.

    Members
    -------
    i : In(stream.Signature(...))
        Elements, fields as in `streams`.
    o : Out(stream.Signature(...))
        Bits, signs and exponent, fields as in `streams`.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    FLAGS = {
        "nan": "a vector held a NaN or an infinity",
        "framing": "tlast inside a vector, or padding bits that were not zero",
    }
    registers = (
        word("vectors", "ro", 32, "vectors given"),
        word(
            "zero_set",
            "ro",
            32,
            "elements that are zero in a vector that is not, set to zero by it or before",
        ),
        word("input_stalls", "ro", 32, "cycles that waited for elements"),
        word("output_stalls", "ro", 32, "cycles that waited for the output to be taken"),
    )

    def __init__(self, *, parameters: StochasticConverterParameters) -> None:
        self.parameters = p = parameters
        self.converter = Quantizer(parameters=p.converter)
        taken = Field(
            name="value",
            bits=FLOAT_FORMATS[p.source].width,
            count=p.lanes,
            description=f"{p.source} elements",
        )
        count = f"{p.parallel} successive bits" if p.parallel > 1 else "a bit"
        given = (
            Field(
                name="bit",
                bits=1,
                count=p.elements * p.parallel,
                description=f"{count} of each element, element by element",
            ),
            Field(
                name="negative",
                bits=1,
                count=p.elements,
                description="sign of each element, in each beat",
            ),
            Field(
                name="exponent",
                bits=p.converter.format.exponent_bits,
                description="exponent code of the vector, in each beat",
            ),
        )
        super().__init__(streams={"i": (taken,), "o": given})

    @property
    def latency(self) -> int:
        """Cycles from a vector's last beat to its first bits, without stalls."""
        return self.converter.latency + self.parameters.converter.beats + 2

    def elaborate(self, platform: Any) -> Module:
        """Convert, collect, hold, and give bits from what is held."""
        m = Module()
        p = self.parameters
        format = p.converter.format
        m.submodules.converter = converter = self.converter
        m.submodules.loader = loader = Loader(
            elements=p.elements,
            lanes=p.lanes,
            width=format.element_bits,
            exponent_bits=format.exponent_bits,
            period=p.period,
        )
        m.submodules.bits = bits = BitStreams(source=p.bit_source, parallel=p.parallel)
        m.d.comb += [
            converter.i.payload.eq(self.i.payload),
            converter.i.valid.eq(self.i.valid),
            self.i.ready.eq(converter.i.ready),
            loader.i.payload.mantissa.eq(converter.o.payload.data.mantissa),
            loader.i.payload.exponent.eq(converter.o.payload.data.exponent),
            loader.i.payload.last.eq(converter.o.payload.last),
            loader.i.valid.eq(converter.o.valid),
            converter.o.ready.eq(loader.i.ready),
        ]

        # The vector held, and which of its beats comes next.
        held = Signal()
        move = Signal()
        done = Signal()
        beat = Signal(range(p.stream_cycles))
        last_beat = beat == p.stream_cycles - 1
        m.d.comb += [
            move.eq(~self.o.valid | self.o.ready),
            bits.en.eq(held & move),
            done.eq(bits.en & last_beat),
            loader.take.eq(loader.full & (~held | done)),
        ]
        m.d.sync += held.eq(loader.take | held & ~done)
        with m.If(bits.en):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))

        def hold(name: str, value: Value) -> Value:
            return register(m, loader.take, name, len(value), value)

        codes = [loader.vector.word_select(n, format.element_bits) for n in range(p.elements)]
        m.d.comb += bits.magnitude.eq(hold("magnitude", Cat(code[:-1] for code in codes)))
        about = hold("about", Cat((code[-1] for code in codes), loader.exponent))
        last = hold("last", loader.last)

        given = Cat(bits.o, about)
        m.d.comb += [
            self.o.payload.data.eq(register(m, move, "given", len(given), given)),
            self.o.payload.last.eq(register(m, move, "given_last", 1, last & last_beat)),
        ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(held)
        m.d.comb += [
            self.flags.nan.eq(loader.take & loader.exponent.all()),
            self.flags.framing.eq(loader.early),
        ]
        zeros = Mux(converter.o.valid & loader.i.ready, sum(converter.o.payload.data.zero_set), 0)
        events = (
            (self.vectors, done),
            (self.zero_set, zeros),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m
