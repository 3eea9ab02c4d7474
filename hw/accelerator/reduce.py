"""The reductions of the vector engine: of words to one, and of its lanes."""

from functools import partial
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.accelerator.timing import fold_levels, sum_levels
from sw.accelerator.vector import PARTIALS
from sw.formats.binary32 import ADDER_LATENCY

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
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
    outside. ``o``, ``a`` and ``b`` are chosen among registers, and what memories read.

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
        The partial result that was at ``place`` in the cycle before; if a word is of one beat, the
        last result.
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
        """Keep partial results in two memories, so that a pair is read at once."""
        m = Module()
        step = self.step
        result = Signal(VALUE_BITS)
        stored, found = [], []
        for n in range(2):
            m.submodules[f"partials_{n}"] = half = uninitialized_memory(
                shape=VALUE_BITS, depth=len(_places(self.parameters)) // 2, no_collision=True
            )
            write, read = half.write_port(), half.read_port()
            m.d.comb += [
                write.en.eq(step.landed & (step.landed_place[0] == n)),
                write.addr.eq(step.landed_place[1:]),
                write.data.eq(result),
                read.en.eq(1),
                read.addr.eq(step.place[1:]),
            ]
            stored.append(read.data)
            used = register(m, 1, f"used_{n}", 1, step.used[n])
            found.append(wire(m, f"partial_{n}", VALUE_BITS, Mux(used, read.data, 0)))
        names = "odd", "pairs", "folds", "first"
        facts = step.place[0], step.pairing, step.folding, ~step.used[0]
        odd, pairs, folds, first = map(partial(register, m, 1), names, (1,) * 4, facts)
        word = register(m, 1, "word_1", VALUE_BITS, cleaned(self.word))
        # Only a sum asks for a partial result that is not there.
        before = wire(m, "stored", VALUE_BITS, Mux(odd, stored[1], stored[0]))
        mine = wire(m, "mine", VALUE_BITS, Mux(odd, found[1], found[0]))
        if self.parameters.vector_beats == 1:
            # The result before is not read from the memory in time.
            before = register(m, step.landed, "before", VALUE_BITS, result)
        m.d.comb += [
            self.o.eq(before),
            self.a.eq(Mux(folds, self.lower, mine)),
            self.b.eq(Mux(folds, self.upper, Mux(pairs, found[1], word))),
        ]
        other = Mux(folds, self.upper, Mux(pairs, stored[1], word))
        highest = maximum(Mux(folds, self.lower, before), other, alone=first)
        m.d.comb += result.eq(Mux(step.maximum, highest, self.total))
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
        issue, given = Signal(), Signal(2)
        result = Signal(range(len(_places(p))))
        step, idle = self._lanes(m, issue, result, given)
        ends = wire(m, "ends", 1, level == Mux(self.fold, len(levels), len(sums)))
        pairs = wire(m, "pairs", 1, Array(paired)[level])
        last = wire(m, "last_", 1, operation == Array(n - 1 for n in (*levels, 0))[level])
        with m.FSM():
            with m.State("TAKE"):
                whole = advance(m, self.valid, turn, p.vector_beats) & self.valid
                m.d.comb += [
                    issue.eq(self.valid),
                    step.place.eq(Mux(self.maximum, turn, Cat(number, turn))),
                    step.used.eq(Array(used)[number].replicate(2)),
                    result.eq(step.place),
                ]
                with m.If(whole):
                    m.d.sync += used.bit_select(number, 1).eq(1)
                    m.d.sync += number.eq(number + ~self.maximum)
                with m.If(self.valid & self.last):
                    m.d.sync += [number.eq(0), level.eq(Mux(self.maximum, len(sums), 0))]
                    m.next = "COMBINE"
            with m.State("COMBINE"):
                pairs_used = Array(used.word_select(n, 2) for n in range(PARTIALS // 2))
                two = pairs_used[operation[: (PARTIALS // 2 - 1).bit_length()]]
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
                    given.eq(Cat(idle, idle & final)),
                ]
                with m.If(idle):
                    m.d.sync += [operation.eq(Mux(final, 0, operation + 1)), used.eq(0)]
                with m.If(idle & final):
                    m.next = "TAKE"
        return m

    def _lanes(self, m: Module, issue: Value, result: Value, given: Value) -> tuple[Any, Value]:
        """Build the lanes, neighbours of which meet in others.

        Return the step that they take, whose result goes to place ``result``, and whether none is
        under way; ``given`` tells that ``o`` is asked for, and for the last time. Partial results
        lie so that in every level neighbours are paired: the numbers of partial sums within beats.
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
        # Unless it is in a register, it is read in a cycle.
        done = delay(m, 1, given, int(p.vector_beats > 1), name="given", reset=True)
        m.d.comb += [
            self.o.eq(Mux(self.fold, whole, Cat(lane.o for lane in lanes))),
            Cat(self.done, self.end).eq(done),
        ]
        return step, wire(m, "idle", 1, ~flight.any())
