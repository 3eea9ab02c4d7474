"""The Hadamard transform as a unit: tiles of a stream in, their transforms out."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from sw.formats.hadamard import HadamardParameters
from sw.formats.transform_stages import float_latency

from ..base.pipeline import advance, count_events, delay, register, wire
from ..engine.core import RESULT_FLAGS, Core
from ..engine.registers import counter, stall_registers, word
from ..float.classify import classify
from ..stream.pipeline import StreamPipeline
from .butterfly import BeatButterfly
from .fixed_point import FixedPoint, FixedToFloat, FloatToFixed
from .operand import float_packet

__all__ = ["HadamardUnit"]


class HadamardUnit(Core):
    """Hadamard transforms of the tiles of a stream, as `sw.formats.hadamard.hadamard`.

    Each element becomes a fixed-point number that its format's every exponent has a place in. So
    the sums of a tile are exact, in butterflies between its beats and then inside each, and are
    rounded once.

    A tile is ``parameters.beats`` beats, in and out; its last beat keeps its ``last``. Latency is
    `latency` cycles from a tile's last beat to its first one transformed, without stalls; interval
    one cycle. ``o`` comes from an output FIFO; ``i.ready`` is a register.

    Members
    -------
    i : In(float_packet(...).signature)
        Elements.
    o : Out(float_packet(...).signature)
        Results.
    signs : In(tile)
        Which elements change their sign, bit 0 the first, of the tiles whose first beat comes from
        then on. Other members are those of `Core`.
    """

    FLAGS = {**RESULT_FLAGS, "framing": "tlast inside a tile, or padding bits that were not zero"}

    def __init__(self, *, parameters: HadamardParameters) -> None:
        self.parameters = p = parameters
        assert p.signs is not None
        text = "which elements of a tile change their sign, bit 0 the first; from the next tile on"
        self.registers = (
            word("signs", "rw", p.tile, text, reset=p.signs),
            counter("elements", "elements given"),
            *stall_registers("elements"),
        )
        self.fixed = FixedPoint.of(p)
        streams = {"i": float_packet(p.source, p.lanes), "o": float_packet(p.result, p.lanes)}
        super().__init__(streams=streams)

    @functools.cached_property
    def pipeline(self) -> StreamPipeline:
        """Control of all, and of the stages behind the butterflies between beats."""
        p = self.parameters
        stages = (p.lanes.bit_length() - 1) + float_latency(p.digits)
        return StreamPipeline(packet=self.streams["o"], stages=stages)

    def elaborate(self, platform: Any) -> Module:
        """Build the levels, those between beats first, and the rounding of each lane."""
        m = Module()
        p = self.parameters
        m.submodules.pipeline = pipeline = self.pipeline
        en = pipeline.en
        valid, last, numbers = self._place(m, en)
        stride = p.beats // 2
        while stride:
            level = BeatButterfly(fixed=self.fixed, lanes=p.lanes, stride=stride)
            m.submodules[f"beats_{stride}"] = level
            m.d.comb += [
                level.en.eq(en),
                level.valid.eq(valid),
                level.last.eq(last),
                level.i.eq(numbers),
            ]
            valid, last, numbers = level.o_valid, level.o_last, level.o
            stride //= 2
        m.d.comb += [pipeline.accept.eq(valid), pipeline.last.eq(last)]
        self._round(m, en, self._within(m, en, numbers))
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        events = (
            (self.elements, Mux(pipeline.push, p.lanes, 0)),
            (self.input_stalls, en & ~self.i.valid),
            (self.output_stalls, ~en),
        )
        count_events(m, self.clear, events)
        return m

    def _place(self, m: Module, en: Signal) -> tuple[Value, Value, data.View]:
        """Take the beats of tiles; return whether there is one, its ``last`` and its numbers."""
        p = self.parameters
        accept = wire(m, "accept", 1, self.i.valid & en)
        beat = Signal(range(p.beats), name="beat")
        ends = advance(m, accept, beat, p.beats)
        # Those of a tile's elements from this beat on.
        left = Signal(p.tile, reset_less=True)
        signs = wire(m, "tile_signs", p.tile, Mux(beat == 0, self.signs, left))
        with m.If(accept):
            m.d.sync += left.eq(signs >> p.lanes)
        m.d.comb += [
            self.i.ready.eq(en),
            self.flags.framing.eq(accept & self.i.payload.last & ~ends),
        ]
        elements: Any = register(
            m, en, "elements", self.i.payload.data.shape(), self.i.payload.data
        )
        negate = register(m, en, "negate", p.lanes, signs[: p.lanes])
        numbers = Signal(data.ArrayLayout(self.fixed.shape, p.lanes))
        latency = 1
        for n in range(p.lanes):
            m.submodules[f"place_{n}"] = place = FloatToFixed(fixed=self.fixed)
            m.d.comb += [
                place.en.eq(en),
                place.i.eq(elements.value[n]),
                place.negate.eq(negate[n]),
                numbers[n].eq(place.o),
            ]
            latency = 1 + place.latency
        valid = delay(m, en, self.i.valid, latency, name="valid", reset=True)
        last = delay(m, en, self.i.payload.last & ends, latency, name="last")
        return valid, last, numbers

    def _within(self, m: Module, en: Signal, numbers: data.View) -> data.View:
        """Add and subtract inside a beat, a level a stage."""
        stride = self.parameters.lanes // 2
        while stride:
            results = []
            for n in range(self.parameters.lanes):
                a, b = numbers[n & ~stride], numbers[n | stride]
                results.append(self.fixed.difference(a, b) if n & stride else self.fixed.sum(a, b))
            shape = numbers.shape()
            numbers = register(m, en, f"level_{stride}", shape, Cat(results))  # pyright: ignore
            stride //= 2
        return numbers

    def _round(self, m: Module, en: Signal, numbers: data.View) -> None:
        """Round each sum, and flag what is no number."""
        p, pipeline = self.parameters, self.pipeline
        kinds = []
        for n in range(p.lanes):
            m.submodules[f"round_{n}"] = each = FixedToFloat(fixed=self.fixed, result=p.formats[1])
            m.d.comb += [
                each.en.eq(en),
                each.i.eq(numbers[n]),
                pipeline.result.value[n].eq(each.o),
            ]
            kinds.append(classify(each.o, p.formats[1]))
        m.d.comb += [
            self.flags.nan.eq(pipeline.push & Cat(kind.nan for kind in kinds).any()),
            self.flags.overflow.eq(pipeline.push & Cat(kind.infinite for kind in kinds).any()),
        ]
