"""The reductions of the vector engine: of words to one, and of its lanes."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.accelerator.timing import fold_levels, sum_levels
from sw.accelerator.vector import PARTIALS
from sw.formats.binary32 import ADDER_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import advance, delay, register, wire
from .lane import cleaned, maximum

__all__ = ["ReduceLane", "Reducer"]

_FLIGHT = 1 + ADDER_LATENCY


def _places(p: AcceleratorParameters) -> range:
    """Return the places of a lane's partial results."""
    return range(PARTIALS * p.vector_beats)


def _step_layout(p: AcceleratorParameters) -> data.StructLayout:
    bits = (len(_places(p)) - 1).bit_length()
    return data.StructLayout(
        {"pairing": 1, "folding": 1, "maximum": 1, "place": bits, "used": 2}
        | {"landed": 1, "landed_place": bits}
    )


class ReduceLane(Circuit):
    """A lane's partial results and operands of a step, its operation, and what comes of it.

    Latency is `ADDER_LATENCY` + 2 cycles for sums and 2 for maxima, interval one. Sums are made
    outside. ``a`` and ``b`` come from registers, ``o`` from a memory without a register.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    step : In(struct)
        ``pairing``: of two partial results, that at ``place`` and the one behind it; ``folding``:
        of two lanes; else of ``word`` and the one at ``place``. ``used`` tells which of the two are
        there: before it is, a sum is 0, and the maximum that of ``word`` alone. ``landed``: a
        result is kept, at ``landed_place``.
    word : In(32)
    lower, upper : In(32)
        ``o`` of two lanes.
    o : Out(32)
        The partial result at ``place``.
    a, b : Out(32)
        Operands, a cycle after their step.
    total : In(32)
        Their sum, `ADDER_LATENCY` cycles later.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        value = VALUE_BITS
        super().__init__(
            {
                "step": In(_step_layout(parameters)),
                "word": In(value),
                "lower": In(value),
                "upper": In(value),
                "o": Out(value),
                "a": Out(value),
                "b": Out(value),
                "total": In(value),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep partial results in a memory; operands of an operation are in registers."""
        m = Module()
        step = self.step
        m.submodules.partials = partials = memory.Memory(
            shape=VALUE_BITS, depth=len(_places(self.parameters)), init=[]
        )
        write = partials.write_port()
        m.d.comb += [write.en.eq(step.landed), write.addr.eq(step.landed_place)]
        found = []
        for n, place in enumerate((step.place, Cat(1, step.place[1:]))):
            read = partials.read_port(domain="comb")
            m.d.comb += read.addr.eq(place)
            found.append(wire(m, f"partial_{n}", VALUE_BITS, Mux(step.used[n], read.data, 0)))
        fresh = Mux(step.pairing, found[1], cleaned(self.word))
        a = register(m, 1, "a", VALUE_BITS, Mux(step.folding, self.lower, found[0]))
        b = register(m, 1, "b", VALUE_BITS, Mux(step.folding, self.upper, fresh))
        first = register(m, 1, "first", 1, ~step.used[0])
        m.d.comb += [self.a.eq(a), self.b.eq(b), self.o.eq(found[0])]
        result = Signal(VALUE_BITS)
        before: Value = a
        if self.parameters.vector_beats == 1:
            # The word before is still on its way to the memory.
            before = register(m, step.landed, "before", VALUE_BITS, result)
            before = Mux(register(m, 1, "folds", 1, step.folding), a, before)
        most = Mux(first, b, maximum(before, b))
        m.d.comb += [
            result.eq(Mux(step.maximum, most, self.total)),
            write.data.eq(result),
        ]
        return m


class Reducer(Circuit):
    """Sum or maximum of the words of a group, lane by lane; then perhaps of the values of a word.

    Words come beat by beat. A sum goes to `PARTIALS` partial sums in turn, which are added in pairs
    at the end; a maximum is taken in order. Values are reduced in pairs of neighbours, then of
    neighbouring pairs and so on; the result is in all of them. Interval is one cycle a beat.
    Latency, from a group's last beat to that of the result, is
    `sw.accelerator.timing.reduction_latency`; no word may come in it. ``o`` comes from a memory
    without a register.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    maximum : In(1)
        Of words, instead of their sum; it and ``fold`` stay for a group.
    fold : In(1)
        Reduce the values of the word.
    valid : In(1), beat : In(32 x lanes)
        A beat, expected from registers.
    last : In(1)
        It is the last one of the group.
    done : Out(1), end : Out(1)
        ``o`` is a beat of the result, in this cycle; and the last one.
    o : Out(32 x lanes)
    adds : Out(1)
        Adders take ``a`` and ``b`` in this cycle.
    a, b : Out(32 x lanes)
        Operands of each lane's sum, from registers.
    total : In(32 x lanes)
        The sums, `ADDER_LATENCY` cycles later.
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        beat = parameters.vector_width * VALUE_BITS
        super().__init__(
            {
                "maximum": In(1),
                "fold": In(1),
                "valid": In(1),
                "beat": In(beat),
                "last": In(1),
                "done": Out(1),
                "end": Out(1),
                "o": Out(beat),
                "adds": Out(1),
                "a": Out(beat),
                "b": Out(beat),
                "total": In(beat),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Issue beats, then pairs of partial sums, then of lanes and beats, level by level."""
        m = Module()
        p = self.parameters
        sums, (lanes, beats) = sum_levels(p), fold_levels(p)
        levels = sums + lanes + beats
        paired = [True] * len(sums) + [False] * len(lanes) + [True] * len(beats) + [False]
        turn = Signal(range(p.vector_beats))
        number = Signal(range(PARTIALS))
        level = Signal(range(len(levels) + 1))
        operation = Signal(range(levels[0]))
        used = Signal(PARTIALS)
        issue = Signal()
        result = Signal(range(len(_places(p))))
        step, idle = self._lanes(m, issue, result)
        ends = wire(m, "ends", 1, level == Mux(self.fold, len(levels), len(sums)))
        pairs = wire(m, "pairs", 1, Array(paired)[level])
        last = wire(m, "last_", 1, operation == Array(n - 1 for n in (*levels, 0))[level])
        with m.FSM():
            with m.State("TAKE"):
                whole = advance(m, self.valid, turn, p.vector_beats) & self.valid
                m.d.comb += [
                    issue.eq(self.valid),
                    step.place.eq(Mux(self.maximum, turn, Cat(number, turn))),
                    step.used.eq(Array(used)[number]),
                    result.eq(step.place),
                ]
                with m.If(whole):
                    m.d.sync += used.bit_select(number, 1).eq(1)
                    m.d.sync += number.eq(number + ~self.maximum)
                with m.If(self.valid & self.last):
                    m.d.sync += [number.eq(0), level.eq(Mux(self.maximum, len(sums), 0))]
                    m.next = "COMBINE"
            with m.State("COMBINE"):
                two = used.word_select(operation[: (PARTIALS // 2 - 1).bit_length()], 2)
                m.d.comb += [
                    issue.eq(~ends & (idle | (operation != 0))),
                    step.pairing.eq(pairs),
                    step.folding.eq(~pairs),
                    step.place.eq(Mux(pairs, operation << 1, operation)),
                    step.used.eq(Mux(level == 0, two, 3)),
                    result.eq(operation),
                ]
                with m.If(issue):
                    m.d.sync += [operation.eq(Mux(last, 0, operation + 1)), level.eq(level + last)]
                with m.If(ends):
                    m.next = "GIVE"
            with m.State("GIVE"):
                final = operation == p.vector_beats - 1
                m.d.comb += [
                    step.place.eq(Mux(self.fold, 0, operation)),
                    step.used.eq(3),
                    self.done.eq(idle),
                    self.end.eq(idle & final),
                ]
                with m.If(idle):
                    m.d.sync += [operation.eq(Mux(final, 0, operation + 1)), used.eq(0)]
                with m.If(self.end):
                    m.next = "TAKE"
        return m

    def _lanes(self, m: Module, issue: Value, result: Value) -> tuple[Any, Value]:
        """Build the lanes, neighbours of which meet in others.

        Return the step that they take, whose result goes to place ``result``, and whether none is
        under way. Partial results lie so that in every level neighbours are paired: the numbers of
        partial sums within beats.
        """
        p = self.parameters
        step = Signal(_step_layout(p))
        flight = Signal(_FLIGHT)
        m.d.sync += flight.eq(Mux(self.maximum, issue, Cat(issue, flight)))
        soon = delay(m, 1, result, 1, name="place_soon")
        late = delay(m, 1, soon, _FLIGHT - 1, name="place_late")
        m.d.comb += [
            step.maximum.eq(self.maximum),
            self.adds.eq(flight[0] & ~self.maximum),
            step.landed.eq(Mux(self.maximum, flight[0], flight[-1])),
            step.landed_place.eq(Mux(self.maximum, soon, late)),
        ]
        lanes = [ReduceLane(parameters=p) for _ in range(p.vector_width)]
        for v, lane in enumerate(lanes):
            m.submodules[f"lane_{v}"] = lane
            m.d.comb += [
                lane.step.eq(step),
                lane.word.eq(self.beat.word_select(v, VALUE_BITS)),
                lane.total.eq(self.total.word_select(v, VALUE_BITS)),
                self.a.word_select(v, VALUE_BITS).eq(lane.a),
                self.b.word_select(v, VALUE_BITS).eq(lane.b),
            ]
        for lane, lower, upper in zip(lanes, lanes[::2], lanes[1::2], strict=False):
            m.d.comb += [lane.lower.eq(lower.o), lane.upper.eq(upper.o)]
        whole = lanes[0].o.replicate(len(lanes))
        m.d.comb += self.o.eq(Mux(self.fold, whole, Cat(lane.o for lane in lanes)))
        return step, wire(m, "idle", 1, ~flight.any())
