"""The weight regenerator: indices of weights in, the weights out."""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring

from sw.formats import BINARY32
from sw.formats.coding import FloatCoding
from sw.sparse.weight_regenerator import SHIFT_BITS, RegeneratorParameters

from ..base.field import Field
from ..base.pipeline import count_events, delay, register, wire
from ..engine.core import Core
from ..engine.registers import Register, counter, word
from ..stream.packet import Packet
from ..stream.pipeline import StreamPipeline
from .weight_generator import EXPONENT_BITS, WeightGenerator

__all__ = ["WeightRegenerator"]

ONE = BINARY32.bias << BINARY32.fraction_bits


class WeightRegenerator(Core):
    """Generator of ``lanes`` successive weights a request: `sw.sparse.weight_regenerator`.

    A request gives a beat of weights, with its ``last``; indices wrap from ``2**32 - 1`` to 0. A
    layer's shift is written to ``scale``. ``seed``, ``decay`` and ``scale`` are locked while a
    request is offered or in flight. With a decay below ``parameters.least`` weights are +0 and the
    lanes, which are clocked for other requests only, stand still.

    Latency is `latency` cycles, without stalls; interval one cycle. ``o`` comes from an output
    FIFO; ``i.ready`` comes from a register.

    Members
    -------
    i : In(stream.Signature(...))
        Requests, fields as in `streams`.
    o : Out(stream.Signature(...))
        Weights.
    seed : In(32)
        Of all weights.
    decay : In(31)
        Decay, a binary32 without its sign.
    scale : In(struct)
        Sets the shift of a layer.
    weights : Out(32)
        Weights given.
    """

    BUSY = "a request is there, or its weights are"
    ABORT = "the shifts of layers"
    FLAGS = {
        "nan": "a weight was a NaN or an infinity",
        "framing": "padding bits that were not zero",
    }

    def __init__(self, *, parameters: RegeneratorParameters) -> None:
        self.parameters = p = parameters
        self.lane = WeightGenerator(parameters=p)
        layer = (p.layers - 1).bit_length()
        request = [Field(name="index", bits=32, description="first number")]
        fields = [
            Field(name="set", bits=1, description="1"),
            Field(name="shift", bits=SHIFT_BITS, description="sums are multiplied by 2**-shift"),
        ]
        if layer:
            request.append(Field(name="layer", bits=layer, description="layer"))
            fields.append(Field(name="layer", bits=layer, description="of the layer"))
        self.registers = (
            word("seed", "rw", 32, "seed of all weights", locked="busy"),
            word("decay", "rw", 31, "decay, a binary32, not negative", reset=ONE, locked="busy"),
            Register(
                name="scale",
                access="wo",
                fields=tuple(fields),
                description="Sets a layer's shift.",
                locked="busy",
            ),
            counter("weights", "weights given"),
        )
        given = Field(
            name="weight",
            bits=32,
            count=p.lanes,
            description="weights of successive numbers",
            coding=FloatCoding(BINARY32),
        )
        super().__init__(streams={"i": Packet(*request), "o": Packet(given)})

    def _shift(self, m: Module, layer: Value) -> Value:
        """Return the shift of a layer, from the table that `scale` writes."""
        shifts = Array(Signal(SHIFT_BITS, name=f"shift_{n}") for n in range(self.parameters.layers))
        for n, shift in enumerate(shifts):
            mine = self.scale.layer == n if len(shifts) > 1 else 1
            with m.If(self.scale.set & mine):
                m.d.sync += shift.eq(self.scale.shift)
        return Value.cast(shifts[layer])

    def elaborate(self, platform: Any) -> Module:
        """Clock the lanes for requests whose weights are not zero, the rest for all."""
        m = Module()
        p = self.parameters
        m.submodules.pipeline = pipeline = StreamPipeline(
            packet=self.streams["o"], stages=self.lane.latency + 1
        )
        accept = Signal()
        nonzero = Signal(init=1)
        m.d.sync += nonzero.eq(self.decay >= p.least_pattern)
        m.d.comb += [
            accept.eq(self.i.valid & pipeline.en),
            self.i.ready.eq(pipeline.en),
            pipeline.accept.eq(self.i.valid),
            pipeline.last.eq(self.i.payload.last),
            self.busy.eq(self.i.valid | pipeline.valid.any() | pipeline.o.valid),
        ]
        # Which stages hold a request whose weights are not zero.
        live = Signal(self.lane.latency + 1)
        enters = wire(m, "enters", 1, self.i.valid & nonzero)
        with m.If(pipeline.en):
            m.d.sync += live.eq(Cat(enters, live))
        work = Signal()
        m.d.sync += work.eq(pipeline.credit & Cat(enters, live[:-1]).any())

        weights = self._weights(m, accept & nonzero, work, nonzero)
        for n, weight in enumerate(weights):
            given = wire(m, f"weight_{n}", 32, weight & live[-1].replicate(BINARY32.width))
            m.d.comb += pipeline.result.weight[n].eq(given)
        special = Cat(
            pipeline.result.weight[n][BINARY32.fraction_bits : -1].all() for n in range(p.lanes)
        )
        m.d.comb += self.flags.nan.eq(pipeline.push & special.any())
        count_events(m, self.clear, ((self.weights, Mux(pipeline.push, p.lanes, 0)),))
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        return m

    def _weights(self, m: Module, accept: Value, work: Value, nonzero: Value) -> list[Value]:
        """Return the weights of the lanes, all of which have the decay and a layer's shift."""
        p, lane = self.parameters, self.lane
        point = BINARY32.fraction_bits
        request = self.i.payload.data
        significand = Signal(point + 1, reset_less=True)
        m.d.sync += significand.eq(Mux(nonzero, Cat(self.decay[:point], 1), 0))
        layer: Value = Const(0, 0)
        if p.layers > 1:
            layer = register(m, accept, "layer", len(request.layer), request.layer)
            layer = delay(m, work, layer, lane.late - 2, name="layers")
        shift = register(m, work, "shift", SHIFT_BITS, self._shift(m, layer))
        exponent = self.decay[point:] - shift + (p.sum_bits - 2)
        exponent = register(m, work, "exponent", signed(EXPONENT_BITS), exponent)
        weights = []
        for n in range(p.lanes):
            m.submodules[f"lane_{n}"] = lane = WeightGenerator(parameters=p)
            m.d.comb += [
                lane.en.eq(work),
                lane.index.eq(register(m, accept, f"index_{n}", 32, request.index + n)),
                lane.seed.eq(self.seed),
                lane.significand.eq(significand),
                lane.exponent.eq(exponent),
                lane.nan.eq(self.decay[point:].all()),
            ]
            weights.append(lane.o)
        return weights
