"""The converter as a unit: packets of floating-point elements in, block format elements out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal

from sw.formats import FLOAT_FORMATS
from sw.formats.converter import ConverterParameters

from ..base.field import Field
from ..base.pipeline import count_events
from ..engine.core import Core
from ..engine.registers import word
from .operand import operand_fields
from .quantizer import Converter
from .words import STREAM_FLAGS, restarted_inside, stream_registers

__all__ = ["ConverterUnit"]


class ConverterUnit(Core):
    """A `Converter` with counters, whose stream of elements is that of a dot product's operand.

    A beat of elements gives a beat; it comes once its block is complete, and with its ``last``.
    Latency and throughput are those of `Converter`.

    Under stochastic rounding the elements after reset take the random words of
    ``parameters.stream``, the first element the first one; those after a write to ``restart`` the
    words of the key that stands in ``stream_low`` and ``stream_high`` (`sw.words.stream_key`).
    Nothing else moves or starts a stream; `clear` does not.

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

    FLAGS = {
        "nan": "a block held a NaN or an infinity",
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        word("elements", "ro", 32, "elements given"),
        word(
            "zero_set",
            "ro",
            32,
            "elements that are zero in a block that is not, set to zero by it or before",
        ),
        word("input_stalls", "ro", 32, "cycles that waited for elements"),
        word("output_stalls", "ro", 32, "cycles that waited for the output to be taken"),
    )

    def __init__(self, *, parameters: ConverterParameters) -> None:
        self.parameters = p = parameters
        self.converter = Converter(parameters=p)
        taken = Field(
            name="value",
            bits=FLOAT_FORMATS[p.source].width,
            count=p.lanes,
            description=f"{p.source} elements",
        )
        if p.format.rounding == "stochastic":
            self.FLAGS = {**self.FLAGS, **STREAM_FLAGS}
            self.registers = (*self.registers, *stream_registers({"": p.stream}))
        super().__init__(streams={"i": (taken,), "o": operand_fields(p.format, p.lanes)})

    @property
    def latency(self) -> int:
        """Cycles from a block's last beat to its first, converted, without stalls."""
        return self.converter.latency

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
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
        if self.parameters.format.rounding == "stochastic":
            take = self.i.valid & self.i.ready
            inside = restarted_inside(m, self.restart, take, give, converter.most_inside)
            m.d.comb += [
                converter.restart.eq(self.restart),
                converter.key.eq(Cat(self.stream_low, self.stream_high)),
                self.flags.restarted.eq(inside),
                self.flags.exhausted.eq(converter.exhausted),
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
