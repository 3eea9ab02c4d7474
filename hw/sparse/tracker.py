"""Tracker of a quantile: the estimate, what it decides, and its update."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32
from sw.sparse.quantile_estimator import QuantileParameters

from ..base.circuit import Circuit
from ..base.pipeline import wire

__all__ = ["MAGNITUDE_BITS", "QuantileTracker", "popcount"]

MAGNITUDE_BITS = BINARY32.width - 1


def popcount(bits: Value) -> Value:
    """Return how many bits are set."""
    return sum(bits[1:], bits[0])


class QuantileTracker(Circuit):
    """Estimate of a quantile, which decides the values of a beat and is moved by them.

    The rules are those of `sw.sparse.quantile_estimator.estimate`. Latency is 0 to ``keep``, and
    1 + ``delay`` enabled cycles from a beat's decisions to the estimate that they moved: the
    registers are added first behind the decisions, then behind the update, before the decisions,
    and inside the count. Interval is one cycle.

    Parameters
    ----------
    lanes, step, guard, delay : int
        As in `QuantileParameters`.
    start : int
        Estimate after reset.

    Members
    -------
    en : In(1)
        Clock enable: a beat is accepted.
    load : In(1)
        The estimate becomes ``initial``, and updates in flight are dropped.
    magnitude : In(ArrayLayout(31, lanes))
        Patterns without their signs.
    present : In(lanes)
        Which of them are valid.
    down : In(23 + guard - step)
        Decrement of the estimate for a value below it.
    initial : In(31)
        Pattern of the first estimate.
    keep : Out(lanes)
        Which values are kept.
    bound : Out(31)
        Pattern of the estimate that decides the next beat, from a register.
    """

    def __init__(self, *, lanes: int, step: int, guard: int, delay: int, start: int) -> None:
        self.lanes = lanes
        self.step = step
        self.guard = guard
        self.delay = delay
        self.start = start
        self._unit = BINARY32.fraction_bits + guard - step
        super().__init__(
            {
                "en": In(1),
                "load": In(1),
                "magnitude": In(data.ArrayLayout(MAGNITUDE_BITS, lanes)),
                "present": In(lanes),
                "down": In(self._unit),
                "initial": In(MAGNITUDE_BITS),
                "keep": Out(lanes),
                "bound": Out(MAGNITUDE_BITS),
            }
        )

    @classmethod
    def of(cls, p: QuantileParameters) -> "QuantileTracker":
        """Return the tracker of a `quantile_estimator`."""
        return cls(lanes=p.lanes, step=p.step, guard=p.guard, delay=p.delay, start=p.start)

    def _later(self, m: Module, name: str, value: Value) -> Value:
        """Return ``value`` a beat later; 0 after a load."""
        later = Signal(value.shape(), name=name)
        with m.If(self.load):
            m.d.sync += later.eq(0)
        with m.Elif(self.en):
            m.d.sync += later.eq(value)
        return later

    def _fall(self, m: Module) -> Value:
        """Return the signed decrement of the estimate for a beat."""
        groups = [self.keep[:8], self.keep[8:]] if self.lanes > 8 else [self.keep]
        present = popcount(self.present)
        if self.delay >= 1:
            kept = [self._later(m, f"kept_{n}", group) for n, group in enumerate(groups)]
            counts = [popcount(group) for group in kept]
        else:
            counts = [popcount(group) for group in groups]
        if self.delay >= 4:
            counts = [self._later(m, f"count_{n}", count) for n, count in enumerate(counts)]
            present = self._later(m, "present_count", present)
        rows = (Mux(bit, self.down << place, 0) for place, bit in enumerate(present))
        down = sum(rows, Const(0))
        if self.delay >= 1:
            down = self._later(m, "down_sum", down)
        # A kept value subtracts `down` as the others do, and adds a power of two.
        high = down[self._unit :] - sum(counts[1:], counts[0])
        fall = wire(m, "fall", len(high) + self._unit, Cat(down[: self._unit], high))
        return self._later(m, "fall_0", fall) if self.delay >= 2 else fall

    def elaborate(self, platform: Any) -> Module:
        """Compare, count, move the estimate and hold it within the normal numbers."""
        m = Module()
        point = BINARY32.fraction_bits + self.guard
        estimate = Signal(MAGNITUDE_BITS + self.guard, init=self.start)
        for lane in range(self.lanes):
            above = self.magnitude[lane] > self.bound
            m.d.comb += self.keep[lane].eq(self.present[lane] & above)

        fall = self._fall(m)
        # A beat moves the exponent by one at most, so that it ends on all zeros or all ones if it
        # has left the normal numbers; the nearest of these differs from it in the last bit.
        moved = wire(m, "moved", len(estimate), estimate - fall.as_signed())
        under = wire(m, "under", 1, ~moved[point:].any())
        over = wire(m, "over", 1, moved[point:].all())
        fraction = (moved[:point] | over.replicate(point)) & ~under.replicate(point)
        held = Cat(fraction, moved[point] ^ (under | over), moved[point + 1 :])
        with m.If(self.load):
            m.d.sync += estimate.eq(self.initial << self.guard)
        with m.Elif(self.en):
            m.d.sync += estimate.eq(held)

        m.d.comb += self.bound.eq(self._bound(m, estimate))
        return m

    def _bound(self, m: Module, estimate: Signal) -> Value:
        """Return the estimate's pattern, with a register behind it if there is a delay for it."""
        bound = estimate[self.guard :]
        if self.delay < 3:
            return bound
        later = Signal(MAGNITUDE_BITS, name="bound_0", init=self.start >> self.guard)
        with m.If(self.load):
            m.d.sync += later.eq(self.initial)
        with m.Elif(self.en):
            m.d.sync += later.eq(bound)
        return later
