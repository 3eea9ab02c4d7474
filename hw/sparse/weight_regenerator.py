"""The weight regenerator as a unit: numbers of weights in, the weights out."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value, signed

from sw.formats import BINARY32
from sw.sparse.weight_regenerator import SHIFT_BITS, RegeneratorParameters

from ..base.field import Field
from ..base.pipeline import count_events, delay, register, wire
from ..engine.core import Core
from ..engine.registers import Register, word
from ..stream.fifo import OutputFifo
from .weight_generator import EXPONENT_BITS, WeightLane

__all__ = ["WeightRegenerator"]

ONE = BINARY32.bias << BINARY32.fraction_bits


class WeightRegenerator(Core):
    """Weights of ``lanes`` successive numbers a request: `sw.sparse.weight_regenerator`.

    A request gives a beat of weights, with its ``last``; the numbers go on after ``2**32 - 1`` with
    0. A layer's shift is written to ``scale``. ``seed``, ``decay`` and ``scale`` are locked while a
    request is there. With a decay below ``parameters.least`` weights are +0 and the lanes,
    which are clocked for requests only, stand still.

    Latency is `latency` cycles, without stalls; throughput is a request a cycle. ``o`` comes from a
    queue; ``i.ready`` comes from a register.

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
    clear : In(1)
        Clears the counters.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    BUSY = "a request is there, or its weights are"
    ABORT = "the shifts of layers"
    FLAGS = {
        "nan": "a weight was a NaN or an infinity",
        "framing": "padding bits that were not zero",
    }

    def __init__(self, *, parameters: RegeneratorParameters) -> None:
        self.parameters = p = parameters
        self.lane = WeightLane(parameters=p)
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
            word("weights", "ro", 32, "weights given"),
        )
        given = Field(
            name="weight", bits=32, count=p.lanes, description="weights of successive numbers"
        )
        super().__init__(streams={"i": tuple(request), "o": (given,)})

    @property
    def latency(self) -> int:
        """Cycles from a request to its weights, without stalls."""
        return self.lane.latency + 2

    def _shift(self, m: Module, layer: Value) -> Value:
        """Return the shift of a layer, from the table that `scale` writes."""
        shifts = Array(Signal(SHIFT_BITS, name=f"shift_{n}") for n in range(self.parameters.layers))
        for n, shift in enumerate(shifts):
            mine = self.scale.layer == n if len(shifts) > 1 else 1
            with m.If(self.scale.set & mine):
                m.d.sync += shift.eq(self.scale.shift)
        return Value.cast(shifts[layer])

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p, lane = self.parameters, self.lane
        point = BINARY32.fraction_bits
        m.submodules.queue = queue = OutputFifo(shape=p.lanes * BINARY32.width + 1)
        # Everything moves by these two registers, far from whatever decides it.
        en = Signal(init=1)
        work = Signal()
        on = Signal(init=1)
        take = Signal()
        significand = Signal(point + 1, reset_less=True)
        m.d.sync += [
            en.eq(queue.credit),
            on.eq(self.decay >= p.least_pattern),
            significand.eq(Mux(on, Cat(self.decay[:point], 1), 0)),
        ]
        m.d.comb += [
            self.i.ready.eq(en),
            take.eq(self.i.valid & en),
        ]
        index, layer = self.i.payload.data[:32], self.i.payload.data[32:]

        # What goes with a request; the lanes move while one that is not zero is in them.
        tags = Cat(self.i.valid, self.i.valid & on, self.i.payload.last)
        stages = []
        for n in range(lane.latency + 1):
            tags = delay(m, en, tags, 1, name=f"tags_{n}", reset=True)
            stages.append(tags)
        there = Cat(*(stage[1] for stage in stages[:-1]), self.i.valid & on)
        m.d.sync += work.eq(queue.credit & there.any())
        done, live, last = stages[-1]

        # A layer's power of two and the decay's.
        layer = register(m, take & on, "layer", len(layer), layer)
        layer = delay(m, work, layer, lane.late - 2, name="layers")
        shift = register(m, work, "shift", SHIFT_BITS, self._shift(m, layer))
        exponent = self.decay[point:] - shift + (p.sum_bits - 2)
        exponent = register(m, work, "exponent", signed(EXPONENT_BITS), exponent)
        weights = []
        for n in range(p.lanes):
            m.submodules[f"lane_{n}"] = lane = WeightLane(parameters=p)
            m.d.comb += [
                lane.en.eq(work),
                lane.index.eq(register(m, take & on, f"index_{n}", 32, index + n)),
                lane.seed.eq(self.seed),
                lane.significand.eq(significand),
                lane.exponent.eq(exponent),
                lane.nan.eq(self.decay[point:].all()),
            ]
            weights.append(wire(m, f"weight_{n}", 32, lane.o & live.replicate(BINARY32.width)))

        push = Signal()
        m.d.comb += [
            push.eq(en & done),
            queue.push.eq(push),
            queue.word.eq(Cat(*weights, last)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
            self.busy.eq(self.i.valid | Cat(stage[0] for stage in stages).any() | queue.o.valid),
            self.flags.nan.eq(push & Cat(w[point:-1].all() for w in weights).any()),
        ]
        count_events(m, self.clear, ((self.weights, Mux(push, p.lanes, 0)),))
        return m
