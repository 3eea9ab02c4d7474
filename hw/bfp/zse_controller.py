"""The controller of precision by zero-setting error."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, memory

from sw.bfp.pairs import PAIRS
from sw.bfp.zse_controller import MOST_AGE, ZseParameters

from ..base.field import Field
from ..base.pipeline import count_events, wire
from ..engine.core import Core
from ..engine.registers import Register, word
from .control.decision import AGE_BITS, COUNT_BITS, THRESHOLD_BITS, ZseDecision
from .control.fields import LAYER_BITS, MODE_BITS, MODE_FIELDS, in_use, layers_register, mode_of
from .control.sequence import ZseSequence

__all__ = ["ZseController"]

COUNT_FIELDS = (
    Field(name="zeros", bits=COUNT_BITS, description="elements set to zero"),
    Field(name="elements", bits=COUNT_BITS, description="elements converted"),
    Field(name="layer", bits=LAYER_BITS, description="number of the layer"),
    Field(name="pair", bits=2, description="0 forward, 1 input gradient, 2 weight gradient"),
)
COUNTS = data.StructLayout({field.name: field.bits for field in COUNT_FIELDS})
STATE = data.StructLayout({"zeros": COUNT_BITS, "elements": COUNT_BITS, "age": AGE_BITS})
MODES_BITS = MODE_BITS * len(PAIRS)


class ZseController(Core):
    """Controller of the modes of each layer's operands by counts of zero-set elements.

    Beats of counts add up; a beat of no elements changes nothing. One with ``last`` ends a control
    step: the unit decides on all pairs as `ZseRule` says, gives a packet of a beat for each layer,
    and counts anew. The registers of the rule and ``layers`` count as they are at that beat;
    changed during the step they serve the next one; ``lo``, ``hi`` and ``scale`` belong together,
    and are to be written while no beat may come. A beat with an error is not counted, but still
    ends the step.

    After reset, and by ``restart``, which waits for the end of a step, all pairs take the modes
    ``initial`` and all counts begin; that takes four cycles for each of ``parameters.layers``.
    Layers not in use keep modes and counts.

    A beat takes three cycles. Latency is `latency` cycles from the beat that ends a step to the
    first beat given, without stalls, and as many from one beat given to the next. ``o.valid`` and
    ``i.ready`` depend on registers only.

    Members
    -------
    i : In(stream.Signature(...))
        Counts, fields as in `streams`.
    o : Out(stream.Signature(...))
        Modes, fields as in `streams`.
    clear : In(1)
        Clears the counters ``changes`` and ``beats``.
    flags : Out(struct)
        Events, see ``FLAGS``.
    """

    ABORT = "counts, steps, and the modes, for the initial one"
    FLAGS = {
        "layer": "a beat for a layer not in use was left out",
        "pair": "a beat for pair 3 was left out",
        "excess": "a beat with more zero-set elements than elements was left out",
        "overflow": "a beat with which the elements of a pair would be 2**32 or more was left out",
        "framing": "padding bits were not zero",
    }

    def __init__(self, *, parameters: ZseParameters) -> None:
        self.parameters = p = parameters
        self.decision = ZseDecision()
        lo, hi, scale = p.thresholds
        width = THRESHOLD_BITS
        modes = tuple(Field(name=name, bits=MODE_BITS, description="mode") for name in PAIRS)
        first = sum(mode << i * MODE_BITS for i, mode in enumerate(p.modes))
        self.registers = (
            word("lo", "rw", width, "ZSE times scale below which a pair narrows", reset=lo),
            word("hi", "rw", width, "ZSE times scale above which a pair widens", reset=hi),
            word("scale", "rw", width, "common denominator of lo and hi", reset=scale),
            word("warmup", "rw", 16, "control steps at the start without changes", reset=p.warmup),
            word("hold", "rw", 8, "steps between changes of a pair, at least", reset=p.hold),
            layers_register(p.layers),
            Register(
                name="initial",
                access="rw",
                fields=modes,
                description="Modes of each layer at a restart; 3 is taken as the widest.",
                reset=first,
            ),
            word(
                "restart",
                "wo",
                1,
                "starts a training: step 0, all pairs in the initial modes",
                locked="aborting",
            ),
            word("inspect", "rw", LAYER_BITS, "the layer whose modes are read"),
            Register(
                name="modes",
                access="ro",
                fields=modes,
                description="Of that layer.",
                reset=first,
            ),
            word("busy", "ro", 1, "a step or a restart is worked off"),
            word("steps", "ro", 32, "control steps since reset or restart, at most 2**32 - 1"),
            word("changes", "ro", 32, "changes of the mode of a pair"),
            word("beats", "ro", 32, "beats of counts taken"),
        )
        super().__init__(streams={"i": COUNT_FIELDS, "o": MODE_FIELDS})

    @property
    def latency(self) -> int:
        """Cycles from a step's last beat to its first modes, without stalls."""
        return len(PAIRS) * (self.decision.latency + 3) + 1

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        layers = self.parameters.layers
        m.submodules.sequence = sequence = ZseSequence(parameters=self.parameters)
        m.submodules.decision = decision = self.decision
        # An address is a layer's number above two bits for the pair. A memory of one word would
        # have an address of no bits.
        m.submodules.counts = counts = memory.Memory(shape=STATE, depth=4 * layers, init=[])
        m.submodules.kept = kept = memory.Memory(shape=MODES_BITS, depth=max(2, layers), init=[])
        write, read = counts.write_port(), counts.read_port()
        keep, recall, look = kept.write_port(), kept.read_port(), kept.read_port()
        adding = sequence.adding
        state = Signal(STATE, reset_less=True)
        m.d.sync += state.eq(read.data)

        taken = data.View(COUNTS, self.i.payload.data)
        at_beat = wire(m, "at_beat", LAYER_BITS + 2, Cat(taken.pair, taken.layer))
        at_pair = wire(m, "at_pair", LAYER_BITS + 2, Cat(sequence.pair, sequence.layer))
        used = wire(m, "used", LAYER_BITS + 1, in_use(self.layers, layers))
        elements = wire(m, "elements", COUNT_BITS + 1, state.elements + taken.elements)
        known = (taken.layer < used) & (taken.pair != len(PAIRS))
        m.d.comb += [
            self.flags.layer.eq(adding & (taken.layer >= used)),
            self.flags.pair.eq(adding & (taken.pair == len(PAIRS))),
            self.flags.excess.eq(adding & (taken.zeros > taken.elements)),
            self.flags.overflow.eq(adding & known & elements[COUNT_BITS]),
        ]

        # The rule as it is when a step begins.
        most = Signal(LAYER_BITS + 1, reset_less=True)
        with m.If(adding & self.i.payload.last):
            m.d.sync += [
                self.steps.eq(Mux(self.steps.all(), self.steps, self.steps + 1)),
                most.eq(used),
                decision.warm.eq(self.steps < self.warmup),
                decision.lo.eq(self.lo),
                decision.hi.eq(self.hi),
                decision.scale.eq(self.scale),
                decision.least_age.eq(self.hold),
            ]
        with m.If(sequence.sweeping):
            m.d.sync += self.steps.eq(0)

        # The modes of a layer go round, so that the lowest is that of the pair.
        order = Signal(MODES_BITS, reset_less=True)
        with m.If(sequence.fetched & (sequence.pair == 0)):
            m.d.sync += order.eq(recall.data)
        with m.Elif(sequence.deciding):
            m.d.sync += order.eq(Cat(order[MODE_BITS:], decision.next_mode))

        # As they are when a sweep begins: layer 0 is written again in the next cycle.
        initial = Signal(MODES_BITS, reset_less=True)
        with m.If(sequence.sweeping & (at_pair == 0)):
            m.d.sync += initial.eq(Cat(mode_of(self.initial[pair]) for pair in PAIRS))
        sound = ~self.flags.as_value()[:4].any()
        new_age = Mux(sequence.sweeping, MOST_AGE, decision.next_age)
        m.d.comb += [
            sequence.restart.eq(self.restart),
            sequence.valid.eq(self.i.valid),
            sequence.last.eq(self.i.payload.last),
            sequence.layers.eq(most),
            sequence.done.eq(decision.done),
            sequence.ready.eq(self.o.ready),
            decision.start.eq(sequence.fetched),
            decision.zeros.eq(state.zeros),
            decision.elements.eq(state.elements),
            decision.age.eq(state.age),
            decision.mode.eq(order[:MODE_BITS]),
            read.addr.eq(Mux(sequence.stepping, at_pair, at_beat)),
            write.addr.eq(Mux(adding, at_beat, at_pair)),
            write.en.eq(sequence.sweeping | (adding & sound) | sequence.deciding),
            write.data.zeros.eq(Mux(adding, state.zeros + taken.zeros, 0)),
            write.data.elements.eq(Mux(adding, elements, 0)),
            write.data.age.eq(Mux(adding, state.age, new_age)),
            recall.addr.eq(sequence.layer),
            look.addr.eq(self.inspect),
            self.modes.eq(look.data),
            keep.addr.eq(sequence.layer),
            keep.en.eq(sequence.sweeping | sequence.giving),
            keep.data.eq(Mux(sequence.sweeping, initial, order)),
            self.i.ready.eq(adding),
            self.o.valid.eq(sequence.giving),
            self.o.payload.data.eq(Cat(sequence.layer, order)),
            self.o.payload.last.eq(sequence.layer == most - 1),
            self.busy.eq(sequence.busy),
        ]
        changed = sequence.deciding & decision.changed
        count_events(m, self.clear, ((self.changes, changed), (self.beats, adding)))
        return m
