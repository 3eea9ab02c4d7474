"""The converter as a unit: packets of floating-point elements in, block format elements out."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring

from sw.formats.converter import ConverterParameters
from sw.formats.stages import SCALE_CYCLES, has_tensor_scale

from ..base.pipeline import advance, count_events
from ..engine.core import Core
from ..engine.registers import counter, stall_registers, word, zero_set_register
from .operand import float_packet, operand_packet
from .quantizer import Quantizer
from .words import STREAM_FLAGS, beats_inside, restarted_inside, stream_registers

__all__ = ["ConverterUnit"]

AMAX = word(
    "amax",
    "rw",
    32,
    "largest magnitude of the tensor, a finite binary32 value whose sign has no meaning; after "
    f"reset and a change no element is taken for {SCALE_CYCLES} cycles",
    locked="busy",
)


class ConverterUnit(Core):
    """A `Quantizer` with counters, whose output is an operand of a dot product.

    A beat of elements gives a beat, with its ``last``, once its block is complete. Latency is
    `latency` cycles from a block's last beat to its first, without stalls; interval one cycle.
    ``o`` comes from registers; ``i.ready`` does where a block has several beats, and depends on
    ``o.ready`` too where it has one.

    Under stochastic rounding the elements after reset take the random words of
    ``parameters.stream``, the first element the first one; those after a write to ``restart`` the
    words of the key in ``stream_low`` and ``stream_high`` (`sw.words.stream_key`). Nothing else
    moves or starts a stream; `clear` does not.

    Where a tensor has a scale, it is that of the magnitude in the register ``amax``. After reset
    and from a write that changes it on, nothing is taken for `SCALE_CYCLES` cycles.

    Members
    -------
    i : In(float_packet(...).signature)
        Elements.
    o : Out(operand_packet(...).signature)
        Elements and the exponent of their block. Other members are those of `Core`.
    """

    FLAGS = {
        "nan": "a block held a NaN or an infinity",
        "framing": "tlast inside a block, or padding bits that were not zero",
    }
    registers = (
        counter("elements", "elements given"),
        zero_set_register("block"),
        *stall_registers("elements"),
    )

    def __init__(self, *, parameters: ConverterParameters) -> None:
        self.parameters = p = parameters
        self.quantizer = Quantizer(parameters=p)
        if p.format.rounding == "stochastic":
            self.FLAGS = {**self.FLAGS, **STREAM_FLAGS}
            self.registers = (*self.registers, *stream_registers({"": p.stream}))
        if has_tensor_scale(p.format):
            self.BUSY = "elements are there, offered or taken"
            self.registers = (*self.registers, AMAX)
        packets = {"i": float_packet(p.source, p.lanes), "o": operand_packet(p.format, p.lanes)}
        super().__init__(streams=packets)

    def elaborate(self, platform: Any) -> Module:
        """Connect the quantizer to the ports, count and flag what it gives."""
        m = Module()
        p = self.parameters
        m.submodules.quantizer = quantizer = self.quantizer
        given = quantizer.o.payload
        wiring.connect(m, wiring.flipped(self.i), quantizer.i)
        o_fire = Signal()
        m.d.comb += [
            self.o.payload.data.mantissa.eq(given.data.mantissa),
            self.o.payload.data.exponent.eq(given.data.exponent),
            self.o.payload.last.eq(given.last),
            self.o.valid.eq(quantizer.o.valid),
            quantizer.o.ready.eq(self.o.ready),
            o_fire.eq(self.o.valid & self.o.ready),
        ]
        last_beat = advance(m, o_fire, Signal(range(p.beats), name="beat"), p.beats)
        m.d.comb += [
            self.flags.nan.eq(o_fire & given.data.exponent[: p.format.nan_code.bit_length()].all()),
            self.flags.framing.eq(o_fire & given.last & ~last_beat),
        ]
        if p.format.rounding == "stochastic":
            self._start_words(m, o_fire)
        if has_tensor_scale(p.format):
            inside = beats_inside(m, self.i.valid & self.i.ready, o_fire, quantizer.most_inside)
            m.d.comb += [
                quantizer.amax.eq(self.amax),
                self.busy.eq(self.i.valid | inside.any()),
            ]
        events = (
            (self.elements, Mux(o_fire, p.lanes, 0)),
            (self.zero_set, Mux(o_fire, sum(given.data.zero_set), 0)),
            (self.input_stalls, self.i.ready & ~self.i.valid),
            (self.output_stalls, self.o.valid & ~self.o.ready),
        )
        count_events(m, self.clear, events)
        return m

    def _start_words(self, m: Module, o_fire: Value) -> None:
        """Connect the registers that start the random words, and their events."""
        quantizer = self.quantizer
        i_fire = self.i.valid & self.i.ready
        inside = restarted_inside(m, self.restart, i_fire, o_fire, quantizer.most_inside)
        m.d.comb += [
            quantizer.restart.eq(self.restart),
            quantizer.key.eq(Cat(self.stream_low, self.stream_high)),
            self.flags.restarted.eq(inside),
            self.flags.exhausted.eq(quantizer.exhausted),
        ]
