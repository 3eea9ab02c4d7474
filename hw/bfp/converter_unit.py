"""The converter as a unit: packets of floating-point elements in, block format elements out."""

from typing import Any

from amaranth.hdl import Cat, Mux, Signal
from amaranth.hdl import Module as Body
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.bfp.converter import ConverterParameters
from sw.formats import FLOAT_FORMATS

from ..axi import StreamField, stream_payload, word
from ..module import Module
from ..pipeline import count_events
from .converter import Converter

__all__ = ["ConverterUnit"]


class ConverterUnit(Module):
    """A `Converter` with counters, whose stream of elements is that of a dot product's operand.

    A beat of elements gives a beat; it comes once its block is complete, and with its ``last``.
    Latency and throughput are those of `Converter`.

    Members
    -------
    i : In(stream.Signature(...))
        Elements, fields as in `streams`.
    o : Out(stream.Signature(...))
        Elements and exponent of their block, fields as in `streams`.
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    JOBS = False
    FLAGS = {
        "nan": "a block held a NaN or an infinity",
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        word("elements", "ro", 32, "elements given"),
        word("zero_set", "ro", 32, "elements too small for their block, set to zero by it"),
        word("input_stalls", "ro", 32, "cycles that waited for elements"),
        word("output_stalls", "ro", 32, "cycles that waited for the output to be taken"),
    )

    def __init__(self, *, parameters: ConverterParameters) -> None:
        self.parameters = p = parameters
        form = p.format
        self.converter = Converter(parameters=p)
        taken = StreamField(
            name="value",
            bits=FLOAT_FORMATS[p.source].width,
            count=p.lanes,
            description=f"{p.source} elements",
        )
        given = (
            StreamField(
                name="mantissa", bits=form.element_bits, count=p.lanes, description="elements"
            ),
            StreamField(
                name="exponent",
                bits=form.exponent_bits,
                count=1,
                description="exponent code of the block, in each of its beats",
            ),
        )
        self.streams = {"i": (taken,), "o": given}
        members: dict[str, Any] = {
            "i": In(stream.Signature(stream_payload((taken,)))),
            "o": Out(stream.Signature(stream_payload(given))),
            "clear": In(1),
            "flags": Out(data.StructLayout(dict.fromkeys(self.FLAGS, 1))),
        }
        members |= {register.name: Out(register.bits) for register in self.registers}
        super().__init__(members)

    @property
    def latency(self) -> int:
        """Cycles from a block's last beat to its first, converted, without stalls."""
        return self.converter.latency

    def elaborate(self, platform: Any) -> Body:
        """Build the circuit."""
        m = Body()
        m.submodules.converter = converter = self.converter
        out = converter.o.payload
        give = Signal()
        beat = Signal(range(self.parameters.beats))
        last_beat = Signal()
        m.d.comb += [
            converter.i.payload.eq(self.i.payload),
            converter.i.valid.eq(self.i.valid),
            self.i.ready.eq(converter.i.ready),
            self.o.payload.data.eq(Cat(out.mantissa, out.exponent)),
            self.o.payload.last.eq(out.last),
            self.o.valid.eq(converter.o.valid),
            converter.o.ready.eq(self.o.ready),
            give.eq(self.o.valid & self.o.ready),
            last_beat.eq(beat == self.parameters.beats - 1),
            self.flags.nan.eq(give & out.exponent.all()),
            self.flags.framing.eq(give & out.last & ~last_beat),
        ]
        with m.If(give):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
        events = (
            (self.elements, Mux(give, self.parameters.lanes, 0)),
            (self.zero_set, Mux(give, sum(out.zero_set), 0)),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m
