"""The controller of precision by zero-setting error."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory

from sw.bfp.pairs import PAIRS
from sw.bfp.zse_controller import MOST_AGE, THRESHOLD_BITS, ZseParameters

from ..base.field import Field
from ..base.pipeline import count_events, wire
from ..engine.core import Core
from ..engine.registers import Register, counter, word
from ..stream.packet import Packet
from .control.decision import AGE_BITS, COUNT_BITS, ZseDecision
from .control.modes import LAYER_BITS, MODE_BITS, MODES, in_use, layers_register, mode_of
from .control.sequence import ZseSequence

__all__ = ["ZseController"]

COUNTS = Packet(
    Field(name="zeros", bits=COUNT_BITS, description="elements set to zero"),
    Field(name="elements", bits=COUNT_BITS, description="elements converted"),
    Field(name="layer", bits=LAYER_BITS, description="number of the layer"),
    Field(name="pair", bits=2, description="0 forward, 1 input gradient, 2 weight gradient"),
)
STATE = data.StructLayout({"zeros": COUNT_BITS, "elements": COUNT_BITS, "age": AGE_BITS})
LAYER_MODES = data.ArrayLayout(MODE_BITS, len(PAIRS))


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

    Latency is `latency` cycles from the beat that ends a step to the first beat given, without
    stalls, and as many from one beat given to the next; interval three cycles a beat of counts.
    ``o.valid`` and ``i.ready`` depend on registers only.

    Members
    -------
    i : In(COUNTS.signature)
        Counts.
    o : Out(MODES.signature)
        Modes. Other members are those of `Core`; ``clear`` does not clear ``steps``.
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
        self.sequence = ZseSequence(parameters=p)
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
            counter("steps", "control steps since reset or restart, at most 2**32 - 1"),
            counter("changes", "changes of the mode of a pair"),
            counter("beats", "beats of counts accepted"),
        )
        super().__init__(streams={"i": COUNTS, "o": MODES})

    def elaborate(self, platform: Any) -> Module:
        """Build what counts and what decides around the sequence of both."""
        m = Module()
        m.submodules.sequence = sequence = self.sequence
        m.submodules.decision = self.decision
        # An address is a layer's number above two bits for the pair.
        at_pair = wire(m, "at_pair", LAYER_BITS + 2, Cat(sequence.pair, sequence.layer))
        used = wire(m, "used", LAYER_BITS + 1, in_use(self.layers, self.parameters.layers))
        layers = self._begin_step(m, used)
        self._count(m, used, at_pair)
        self._choose(m, at_pair)
        m.d.comb += [
            sequence.restart.eq(self.restart),
            sequence.valid.eq(self.i.valid),
            sequence.last.eq(self.i.payload.last),
            sequence.layers.eq(layers),
            sequence.done.eq(self.decision.done),
            sequence.ready.eq(self.o.ready),
            self.i.ready.eq(sequence.adding),
            self.o.valid.eq(sequence.giving),
            self.o.payload.data.layer.eq(sequence.layer),
            self.o.payload.last.eq(sequence.layer == layers - 1),
            self.busy.eq(sequence.busy),
        ]
        changed = sequence.deciding & self.decision.changed
        count_events(m, self.clear, ((self.changes, changed), (self.beats, sequence.adding)))
        return m

    def _begin_step(self, m: Module, used: Value) -> Signal:
        """Keep the rule as it is when a step begins; return how many layers it is for."""
        sequence, decision = self.sequence, self.decision
        layers = Signal(LAYER_BITS + 1, name="step_layers", reset_less=True)
        with m.If(sequence.adding & self.i.payload.last):
            m.d.sync += [
                self.steps.eq(Mux(self.steps.all(), self.steps, self.steps + 1)),
                layers.eq(used),
                decision.warm.eq(self.steps < self.warmup),
                decision.lo.eq(self.lo),
                decision.hi.eq(self.hi),
                decision.scale.eq(self.scale),
                decision.least_age.eq(self.hold),
            ]
        with m.If(sequence.sweeping):
            m.d.sync += self.steps.eq(0)
        return layers

    def _count(self, m: Module, used: Value, at_pair: Value) -> None:
        """Build the memory of counts and ages, to which beats add and which a decision renews."""
        sequence, decision = self.sequence, self.decision
        adding, beat = sequence.adding, self.i.payload.data
        m.submodules.counts = counts = memory.Memory(
            shape=STATE, depth=4 * self.parameters.layers, init=[]
        )
        write, read = counts.write_port(), counts.read_port()
        state = Signal(STATE, reset_less=True)
        m.d.sync += state.eq(read.data)
        at_beat = wire(m, "at_beat", LAYER_BITS + 2, Cat(beat.pair, beat.layer))
        elements = wire(m, "elements", COUNT_BITS + 1, state.elements + beat.elements)
        known = (beat.layer < used) & (beat.pair != len(PAIRS))
        m.d.comb += [
            self.flags.layer.eq(adding & (beat.layer >= used)),
            self.flags.pair.eq(adding & (beat.pair == len(PAIRS))),
            self.flags.excess.eq(adding & (beat.zeros > beat.elements)),
            self.flags.overflow.eq(adding & known & elements[COUNT_BITS]),
        ]
        errors = (self.flags[name] for name in self.FLAGS if name != "framing")
        sound = ~Cat(errors).any()
        new_age = Mux(sequence.sweeping, MOST_AGE, decision.next_age)
        m.d.comb += [
            read.addr.eq(Mux(sequence.stepping, at_pair, at_beat)),
            write.addr.eq(Mux(adding, at_beat, at_pair)),
            write.en.eq(sequence.sweeping | (adding & sound) | sequence.deciding),
            write.data.zeros.eq(Mux(adding, state.zeros + beat.zeros, 0)),
            write.data.elements.eq(Mux(adding, elements, 0)),
            write.data.age.eq(Mux(adding, state.age, new_age)),
            decision.start.eq(sequence.fetched),
            decision.zeros.eq(state.zeros),
            decision.elements.eq(state.elements),
            decision.age.eq(state.age),
        ]

    def _choose(self, m: Module, at_pair: Value) -> None:
        """Build the memory of modes, which a step renews layer by layer."""
        sequence, decision = self.sequence, self.decision
        # A memory of one word would have an address of no bits.
        m.submodules.layer_modes = table = memory.Memory(
            shape=LAYER_MODES, depth=max(2, self.parameters.layers), init=[]
        )
        write, read, inspect = table.write_port(), table.read_port(), table.read_port()
        # The modes of a layer go round, so that the lowest is that of the pair.
        order = Signal(LAYER_MODES, reset_less=True)
        with m.If(sequence.fetched & (sequence.pair == 0)):
            m.d.sync += order.eq(read.data)
        with m.Elif(sequence.deciding):
            m.d.sync += order.eq(Cat(order[1:], decision.next_mode))
        # As they are when a sweep begins: layer 0 is written again in the next cycle.
        initial = Signal(LAYER_MODES, name="initial_modes", reset_less=True)
        with m.If(sequence.sweeping & (at_pair == 0)):
            m.d.sync += initial.eq(Cat(mode_of(self.initial[pair]) for pair in PAIRS))
        m.d.comb += [
            decision.mode.eq(order[0]),
            read.addr.eq(sequence.layer),
            inspect.addr.eq(self.inspect),
            self.modes.eq(inspect.data),
            write.addr.eq(sequence.layer),
            write.en.eq(sequence.sweeping | sequence.giving),
            write.data.eq(Mux(sequence.sweeping, initial, order)),
            self.o.payload.data.mode.eq(order),
        ]
