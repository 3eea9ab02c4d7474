"""The estimate of a quantile, what it decides, and how it moves."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32
from sw.sparse.quantile_estimator import QuantileParameters

from ..base.circuit import Circuit
from ..base.pipeline import wire

__all__ = ["MAGNITUDE_BITS", "QuantileTracker", "ones"]

MAGNITUDE_BITS = BINARY32.width - 1


def ones(bits: Value) -> Value:
    """Return how many bits are set."""
    return sum(bits[1:], bits[0])


class QuantileTracker(Circuit):
    """An estimate that decides the values of a beat and moves towards their quantile.

    The rules are those of `sw.sparse.quantile_estimator.estimate`. Between a beat's decisions and
    the estimate that they have moved lie ``delay`` registers, which move on with the beats: first
    one behind the decisions, then one behind the change that they make, one in front of the
    decisions, and one within the count.

    Parameters
    ----------
    lanes, step, guard, delay : int
        As in `QuantileParameters`.
    start : int
        The estimate after reset.

    Members
    -------
    en : In(1)
        A beat is there, and everything moves.
    load : In(1)
        The estimate becomes ``initial``, and what is under way is dropped.
    magnitude : In(31 * lanes)
        Patterns without their signs.
    present : In(lanes)
        Which of them count.
    down : In(23 + guard - step)
        What a value that is not kept takes off the estimate.
    initial : In(31)
        Pattern of the first estimate.
    keep : Out(lanes)
        Which values are kept; follows the inputs at once.
    bound : Out(31)
        Pattern of the estimate by which the next beat is decided, from a register.
    """

    en: Signal
    load: Signal
    magnitude: Signal
    present: Signal
    down: Signal
    initial: Signal
    keep: Signal
    bound: Signal

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
                "magnitude": In(MAGNITUDE_BITS * lanes),
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
        """Return what ``value`` was one beat ago; none is under way at first."""
        later = Signal(value.shape(), name=name)
        with m.If(self.load):
            m.d.sync += later.eq(0)
        with m.Elif(self.en):
            m.d.sync += later.eq(value)
        return later

    def _fall(self, m: Module) -> Value:
        """Return what to take off the estimate for a beat, with a sign."""
        groups = [self.keep[:8], self.keep[8:]] if self.lanes > 8 else [self.keep]
        present = ones(self.present)
        if self.delay >= 1:
            kept = [self._later(m, f"kept_{n}", group) for n, group in enumerate(groups)]
            counts = [ones(group) for group in kept]
        else:
            counts = [ones(group) for group in groups]
        if self.delay >= 4:
            counts = [self._later(m, f"count_{n}", count) for n, count in enumerate(counts)]
            present = self._later(m, "present_count", present)
        rows = (Mux(bit, self.down << place, 0) for place, bit in enumerate(present))
        down = sum(rows, Const(0))
        if self.delay >= 1:
            down = self._later(m, "down_sum", down)
        # A value that is kept takes off `down` as the others do, and adds a power of two.
        high = down[self._unit :] - sum(counts[1:], counts[0])
        fall = wire(m, "fall", len(high) + self._unit, Cat(down[: self._unit], high))
        return self._later(m, "fall_0", fall) if self.delay >= 2 else fall

    def elaborate(self, platform: Any) -> Module:
        """Compare, count, move the estimate and hold it within the normal numbers."""
        m = Module()
        point = BINARY32.fraction_bits + self.guard
        estimate = Signal(MAGNITUDE_BITS + self.guard, init=self.start)
        for lane in range(self.lanes):
            magnitude = self.magnitude.word_select(lane, MAGNITUDE_BITS)
            m.d.comb += self.keep[lane].eq(self.present[lane] & (magnitude > self.bound))

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

        bound = estimate[self.guard :]
        if self.delay >= 3:
            later = Signal(MAGNITUDE_BITS, name="bound_0", init=self.start >> self.guard)
            with m.If(self.load):
                m.d.sync += later.eq(self.initial)
            with m.Elif(self.en):
                m.d.sync += later.eq(bound)
            bound = later
        m.d.comb += self.bound.eq(bound)
        return m
