"""The stochastic converter: packets of floats in, random bits with their chances out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from sw.formats.block_coding import ScaleCoding
from sw.formats.coding import BITS
from sw.stochastic.converter import StochasticConverterParameters

from ..base.field import Field
from ..base.pipeline import advance, count_events, register
from ..engine.core import Core
from ..engine.registers import counter, stall_registers, zero_set_register
from ..formats.operand import float_packet, operand_packet
from ..formats.quantizer import Quantizer
from ..stream.packet import Packet
from .bits import BitStreams
from .loader import Loader, connect_quantizer

__all__ = ["StochasticConverter"]


class StochasticConverter(Core):
    """Converter of vectors to streams of random bits, as `sw.stochastic.converter.convert`.

    A vector is ``elements / lanes`` beats in and ``stream_cycles`` beats out. While the bits of one
    leave the next is converted: interval is ``parameters.period`` cycles a vector. Latency is
    `latency` cycles from a vector's last beat to its first bits, without stalls. All of ``o`` comes
    from registers. ``last`` of a vector's last beat leaves with the last of its bits. Random words
    repeat after ``2**width - 1`` of each shift register.

    Members
    -------
    i : In(Packet.signature)
        Elements.
    o : Out(Packet.signature)
        Bits, signs and exponent. Other members are those of `Core`.
    """

    FLAGS = {
        "nan": "a vector held a NaN or an infinity",
        "framing": "tlast inside a vector, or padding bits that were not zero",
    }
    registers = (
        counter("vectors", "vectors given"),
        zero_set_register("vector"),
        *stall_registers("elements"),
    )

    def __init__(self, *, parameters: StochasticConverterParameters) -> None:
        self.parameters = p = parameters
        self._quantizer = Quantizer(parameters=p.converter)
        count = f"{p.parallel} successive bits" if p.parallel > 1 else "a bit"
        bits = Packet(
            Field(
                name="bit",
                bits=1,
                count=p.elements * p.parallel,
                description=f"{count} of each element, element by element",
                coding=BITS,
            ),
            Field(
                name="negative",
                bits=1,
                count=p.elements,
                description="sign of each element, in each beat",
                coding=BITS,
            ),
            Field(
                name="exponent",
                bits=p.converter.format.exponent_bits,
                description="exponent code of the vector, in each beat",
                coding=ScaleCoding(p.converter.format),
            ),
        )
        super().__init__(streams={"i": float_packet(p.source, p.lanes), "o": bits})

    def elaborate(self, platform: Any) -> Module:
        """Build the quantizer, the loader behind it, and the streams of the vector held."""
        m = Module()
        p = self.parameters
        m.submodules.quantizer = quantizer = self._quantizer
        m.submodules.loader = loader = Loader(
            packet=operand_packet(p.converter.format, p.lanes),
            elements=p.elements,
            period=p.period,
        )
        wiring.connect(m, wiring.flipped(self.i), quantizer.i)
        connect_quantizer(m, quantizer, loader.i)
        load = Signal()
        valid = Signal()
        en = Signal()
        m.d.comb += en.eq(~self.o.valid | self.o.ready)
        beat = Signal(range(p.stream_cycles))
        last_beat = advance(m, valid & en, beat, p.stream_cycles)
        done = Signal()
        m.d.comb += [
            done.eq(valid & en & last_beat),
            loader.o.ready.eq(~valid | done),
            load.eq(loader.o.valid & loader.o.ready),
        ]
        m.d.sync += valid.eq(load | valid & ~done)
        vector = Signal(loader.vector, reset_less=True)
        with m.If(load):
            m.d.sync += vector.eq(loader.o.payload)
        self._output(m, en, valid, vector, last_beat)
        m.d.comb += [
            self.flags.nan.eq(load & loader.o.payload.exponent.all()),
            self.flags.framing.eq(loader.framing),
        ]
        zeros = Mux(quantizer.o.valid & loader.i.ready, sum(quantizer.o.payload.data.zero_set), 0)
        events = (
            (self.vectors, done),
            (self.zero_set, zeros),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m

    def _output(
        self, m: Module, en: Signal, valid: Signal, vector: data.View, last_beat: Value
    ) -> None:
        """Build the streams of a vector's bits and the register of the output."""
        p = self.parameters
        m.submodules.bits = bits = BitStreams(source=p.bit_source, parallel=p.parallel)
        negative = Signal(p.elements)
        last = Signal()
        beat = Signal(self.streams["o"], name="o_beat")
        m.d.comb += [
            bits.magnitude.eq(Cat(element.magnitude for element in vector.elements)),
            bits.en.eq(valid & en),
            negative.eq(Cat(element.negative for element in vector.elements)),
            last.eq(vector.last & last_beat),
            beat.data.bit.eq(bits.o),
            beat.data.negative.eq(negative),
            beat.data.exponent.eq(vector.exponent),
            beat.last.eq(last),
            self.o.payload.eq(register(m, en, "o_beat_1", self.streams["o"], beat)),
        ]
        with m.If(en):
            m.d.sync += self.o.valid.eq(valid)
