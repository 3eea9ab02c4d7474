"""Walker of a window: the element that is at its present position."""

from functools import reduce
from operator import or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import COUNTERS
from sw.accelerator.parameters import AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import wire

__all__ = ["SETS", "SLOT_BITS", "WALKER_LATENCY", "Walker", "pass_set"]

SLOT_BITS = 96
"""Of what a SET puts into a slot."""

SETS = {"set": In(1), "slot": In(4), "payload": In(SLOT_BITS)}
"""Members by which a window is set, see `Walker`."""

WALKER_LATENCY = 3
"""Cycles from a SET, or a restart, to the first element."""

_POSITION = data.StructLayout({"element": signed(32), "y": signed(16), "x": signed(16)})
_BASE = data.StructLayout({"address": signed(32), "above": 8, "bank": 4, "single": 1})
_BOUNDS = data.StructLayout({"y": signed(16), "x": signed(16), "height": 16, "width": 16})
# ``count`` is kept as 1 less: the steps to the last value.
_COUNTER = data.StructLayout(
    {"count": 16, "stride": signed(32), "ystep": signed(8), "xstep": signed(8)}
)


def pass_set(m: Module, part: Any, walker: "Walker") -> None:
    """Set the window of a part's walker by the members that the part has."""
    m.d.comb += [getattr(walker, name).eq(getattr(part, name)) for name in SETS]


class Walker(Circuit):
    """Nested counters of a window, whose position moves on by one with each step.

    A SET and ``restart`` take it to its first position, where it also comes after its last. Latency
    is `WALKER_LATENCY` cycles from that on, when ``ready`` tells that outputs are right; it takes
    no step before. Of a step latency and interval are one cycle. All outputs are registers.

    Members
    -------
    set : In(1)
        A SET comes: ``slot`` gets ``payload``. Slots of no counter, base or bounds do nothing.
    slot : In(4)
    payload : In(SLOT_BITS)
    restart : In(1)
        Go to the first position.
    step : In(1)
        Go to the next position.
    ready : Out(1)
        The following are right.
    element : Out(signed(32))
        Address of the element.
    inside : Out(1)
        It is in the plane, or there are no bounds.
    bank : Out(4)
        Also one that the scratchpad does not have.
    single : Out(1)
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = parameters
        super().__init__(
            {
                **SETS,
                **dict.fromkeys(("restart", "step"), In(1)),
                **dict.fromkeys(("ready", "inside", "single"), Out(1)),
                "element": Out(signed(32)),
                "bank": Out(4),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Keep the slots, the position ahead, and that on the outputs."""
        m = Module()
        first = Signal(_POSITION)
        extent = Signal(data.StructLayout({"height": 16, "width": 16}))
        bounded = Signal()
        counters = [Signal(_COUNTER, name=f"counter_{k}") for k in range(COUNTERS)]
        # Whether a counter has one value only.
        zeros = Signal(COUNTERS, init=-1)
        self._slots(m, first, extent, bounded, counters, zeros)

        fresh = Signal(init=1)
        primed = Signal()
        change = wire(m, "change", 1, self.set | self.restart)
        m.d.sync += [fresh.eq(change), primed.eq(fresh & ~change)]
        with m.If(change):
            m.d.sync += self.ready.eq(0)
        with m.Elif(primed):
            m.d.sync += self.ready.eq(1)
        move = wire(m, "move", 1, primed | self.step)
        ahead = self._counters(m, fresh, move, first, counters, zeros)
        within = [
            (at >= 0) & (at.as_unsigned() < size)
            for at, size in ((ahead.y, extent.height), (ahead.x, extent.width))
        ]
        with m.If(move):
            m.d.sync += [
                self.element.eq(ahead.element),
                self.inside.eq(~bounded | (within[0] & within[1])),
            ]
        return m

    def _slots(
        self,
        m: Module,
        first: Any,
        extent: Any,
        bounded: Signal,
        counters: list[Any],
        zeros: Signal,
    ) -> None:
        """Take a SET; that of the base takes back all others."""
        base, bounds = data.View(_BASE, self.payload[:45]), data.View(_BOUNDS, self.payload[:64])
        counter = data.View(_COUNTER, self.payload[:64])
        with m.If(self.set & (self.slot == 0)):
            m.d.sync += [
                Value.cast(first).eq(0),
                first.element.eq(base.address),
                self.bank.eq(base.bank),
                self.single.eq(base.single),
                bounded.eq(0),
                zeros.eq(-1),
            ]
        with m.If(self.set & (self.slot == 1)):
            m.d.sync += [
                first.y.eq(bounds.y),
                first.x.eq(bounds.x),
                extent.height.eq(bounds.height),
                extent.width.eq(bounds.width),
                bounded.eq(1),
            ]
        for k, each in enumerate(counters):
            with m.If(self.set & (self.slot == 2 + k)):
                m.d.sync += [
                    each.eq(counter),
                    each.count.eq(counter.count - 1),
                    zeros[k].eq(counter.count == 1),
                ]

    def _counters(
        self,
        m: Module,
        fresh: Signal,
        move: Signal,
        first: Any,
        counters: list[Any],
        zeros: Signal,
    ) -> Any:
        """Return the position ahead, which goes to the next one with ``move``.

        There is a position for each counter, at which those inside of it began. The innermost one
        that is not at its last value moves on: it and all inside of it begin at its next value.
        """
        levels = [Signal(_POSITION, name=f"level_{k}") for k in range(COUNTERS)]
        lefts = [Signal(16, name=f"left_{k}") for k in range(COUNTERS)]
        lasts = Signal(COUNTERS)
        # Whether this counter and all inside of it are at their last values.
        ends = Signal(COUNTERS)
        inner = Cat(ends[1:], 1)
        moves = [wire(m, f"moves_{k}", 1, ~lasts[k] & inner[k]) for k in range(COUNTERS)]
        begin = wire(m, "begin", 1, fresh | ends[0])

        def chosen(values: list[Value]) -> Value:
            """Return that of the counter that moves on."""
            value = reduce(or_, (Mux(one, v, 0) for one, v in zip(moves, values, strict=True)))
            return value.as_signed()

        following = Signal(_POSITION)
        steps = {"element": "stride", "y": "ystep", "x": "xstep"}
        for name, step in steps.items():
            at = chosen([each[name].as_unsigned() for each in levels])
            by = chosen([each[step].as_unsigned() for each in counters])
            m.d.comb += following[name].eq(at + by)
        later = []
        for k, counter in enumerate(counters):
            again = fresh | lasts[k]
            last = Mux(again, zeros[k], lefts[k] == 1)
            # It moves on itself or, being at its last value too, one outside of it does.
            with m.If(fresh | (move & inner[k])):
                m.d.sync += [
                    levels[k].eq(Mux(begin, first, following)),
                    lefts[k].eq(Mux(again, counter.count, lefts[k] - 1)),
                    lasts[k].eq(last),
                ]
            later.append(Mux(fresh | inner[k], last, lasts[k]))
        with m.If(fresh | move):
            m.d.sync += ends.eq(Cat(Cat(later[k:]).all() for k in range(COUNTERS)))
        return levels[-1]
