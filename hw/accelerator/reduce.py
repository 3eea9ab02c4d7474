"""The reductions of the vector engine: of words to one, and of its lanes."""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data, memory
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters
from sw.formats.binary32 import ADDER_LATENCY

from ..base.circuit import Circuit
from ..base.pipeline import delay, register, wire
from ..float.add import Adder
from .lane import cleaned, maximum

__all__ = ["PARTIALS", "ReduceLane", "Reducer"]

PARTIALS = 8
"""Sums of a group, to which its words are added in turn."""

_NUMBER = (PARTIALS - 1).bit_length()
_FLIGHT = 1 + ADDER_LATENCY

_STEP = data.StructLayout(
    {
        "pairing": 1,
        "folding": 1,
        "maximum": 1,
        "number": _NUMBER,
        "used": PARTIALS,
        "first": 1,
        "landed": 1,
        "landed_number": _NUMBER,
    }
)


class ReduceLane(Circuit):
    """A lane's operands of a step, its operation, and what comes of it.

    Latency is `ADDER_LATENCY` + 2 cycles for sums and 2 for maxima, interval one. ``o`` comes from
    registers.

    Members
    -------
    step : In(_STEP)
        ``pairing``: of two partial results, 2 * ``number`` and the one behind it; ``folding``: of
        two lanes; else of ``word`` and a partial result, or the one before if it is a maximum.
        ``used`` tells which partial results are not zero still, ``first`` that none is before it.
        ``landed``: ``o`` takes a result, that of the step ``landed_number``.
    word : In(32)
    lower, upper : In(32)
        Results of two lanes.
    o : Out(32)
    """

    def __init__(self) -> None:
        value = VALUE_BITS
        super().__init__(
            {
                "step": In(_STEP),
                "word": In(value),
                "lower": In(value),
                "upper": In(value),
                "o": Out(value),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep partial sums in a memory; operands of an operation are in registers."""
        m = Module()
        step = self.step
        m.submodules.partials = partials = memory.Memory(shape=VALUE_BITS, depth=PARTIALS, init=[])
        write = partials.write_port()
        m.d.comb += [write.en.eq(step.landed), write.addr.eq(step.landed_number)]
        found = []
        for n, pair in enumerate((Cat(0, step.number), Cat(1, step.number))):
            read = partials.read_port(domain="comb")
            m.d.comb += read.addr.eq(Mux(step.pairing, pair, step.number))
            used = Array(step.used)[read.addr]
            found.append(wire(m, f"partial_{n}", VALUE_BITS, Mux(used, read.data, 0)))
        fresh = Mux(step.pairing, found[1], cleaned(self.word))
        a = register(m, 1, "a", VALUE_BITS, Mux(step.folding, self.lower, found[0]))
        b = register(m, 1, "b", VALUE_BITS, Mux(step.folding, self.upper, fresh))
        folds = register(m, 1, "folds", 1, step.folding)
        first = register(m, 1, "first", 1, step.first)
        m.submodules.adder = adder = Adder()
        m.d.comb += [adder.en.eq(1), adder.a.eq(a), adder.b.eq(b)]
        most = Mux(first, b, maximum(Mux(folds, a, self.o), b))
        result = wire(m, "result", VALUE_BITS, Mux(step.maximum, most, adder.o))
        m.d.comb += write.data.eq(result)
        with m.If(step.landed):
            m.d.sync += self.o.eq(result)
        return m


class Reducer(Circuit):
    """Sum or maximum of the words of a group, lane by lane; then perhaps of the lanes.

    A sum goes to `PARTIALS` partial sums in turn, which are added in pairs at the end; a maximum is
    taken in order. Lanes are reduced in pairs of neighbours, then of neighbouring pairs and so on;
    the result is in all lanes. Interval is one cycle a word. Latency, from a group's last word to
    the result, is 2 cycles, for sums 32, and for each level of lanes 2 more, for sums 7; no word
    may come in them. ``o`` comes from registers.

    Members
    -------
    maximum : In(1)
        Of words, instead of their sum; it and ``fold`` stay for a group.
    fold : In(1)
        Reduce the lanes.
    valid : In(1), word : In(word_bits)
        A word, expected from registers.
    last : In(1)
        It is the last one of the group.
    done : Out(1)
        ``o`` is the result, in this cycle.
    o : Out(word_bits)
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        word = parameters.word_bits
        super().__init__(
            {
                "maximum": In(1),
                "fold": In(1),
                "valid": In(1),
                "word": In(word),
                "last": In(1),
                "done": Out(1),
                "o": Out(word),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Issue words, then pairs of partial sums, then of lanes, level by level."""
        m = Module()
        lane_levels = (self.parameters.values - 1).bit_length()
        flight = Signal(_FLIGHT)
        issue = Signal()
        idle = wire(m, "idle", 1, ~flight.any())
        step = Signal(_STEP)
        number = Signal(_NUMBER)
        level = Signal(range(max(lane_levels, _NUMBER)))
        used = Signal(PARTIALS)
        begun = Signal()
        self._lanes(m, step, level)
        m.d.comb += [
            step.maximum.eq(self.maximum),
            step.number.eq(number),
            step.used.eq(used),
            step.first.eq(~begun),
            step.landed.eq(Mux(self.maximum, flight[0], flight[-1])),
            step.landed_number.eq(delay(m, 1, number, _FLIGHT, name="number")),
        ]
        m.d.sync += flight.eq(Mux(self.maximum, issue, Cat(issue, flight)))
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += issue.eq(self.valid)
                with m.If(issue):
                    m.d.sync += [begun.eq(1), number.eq(number + 1)]
                    m.d.sync += used.bit_select(number, 1).eq(1)
                with m.If(issue & self.last):
                    m.d.sync += number.eq(0)
                    m.next = "FOLD"
                    with m.If(~self.maximum):
                        m.next = "PAIR"
            with m.State("PAIR"):
                last = number == Value.cast(PARTIALS // 2 - 1) >> level
                m.d.comb += [step.pairing.eq(1), issue.eq(idle | (number != 0))]
                with m.If(issue):
                    m.d.sync += number.eq(number + 1)
                with m.If(issue & last):
                    m.d.sync += [number.eq(0), level.eq(level + 1), used.eq(-1)]
                    with m.If(level == _NUMBER - 1):
                        m.d.sync += level.eq(0)
                        m.next = "FOLD"
            with m.State("FOLD"):
                m.d.comb += [step.folding.eq(1), issue.eq(idle & self.fold)]
                with m.If(issue):
                    m.d.sync += level.eq(level + 1)
                with m.If(~self.fold | issue & (level == lane_levels - 1)):
                    m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += self.done.eq(idle)
                m.d.sync += [level.eq(0), used.eq(0), begun.eq(0)]
                with m.If(idle):
                    m.next = "TAKE"
        return m

    def _lanes(self, m: Module, step: Any, level: Signal) -> None:
        """Give each lane, beside its own values, the results of two lanes that meet in it."""
        count = self.parameters.values
        values = data.View(data.ArrayLayout(VALUE_BITS, count), self.word)
        lanes = [ReduceLane() for _ in range(count)]
        for v, lane in enumerate(lanes):
            m.submodules[f"lane_{v}"] = lane
            m.d.comb += [lane.step.eq(step), lane.word.eq(values[v])]
            with m.Switch(level):
                for n in range((count - 1).bit_length()):
                    with m.Case(n):
                        m.d.comb += [
                            lane.lower.eq(lanes[v & ~(1 << n)].o),
                            lane.upper.eq(lanes[v | 1 << n].o),
                        ]
        m.d.comb += self.o.eq(Cat(lane.o for lane in lanes))
