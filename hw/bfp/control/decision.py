"""The decision on the mode of a pair of operands."""

from typing import Any

from amaranth.hdl import Module, Mux
from amaranth.lib.wiring import In, Out

from sw.bfp.control.pairs import WIDEST
from sw.bfp.control.zse import FRACTION_BITS, MOST_AGE

from ...circuit import Circuit
from ...pipeline import wire
from .fields import MODE_BITS
from .ratio import SerialRatio

__all__ = ["AGE_BITS", "COUNT_BITS", "ZseDecision"]

COUNT_BITS = 32
AGE_BITS = MOST_AGE.bit_length()


class ZseDecision(Circuit):
    """Next mode of a pair from its counts, as `ZseRule` says.

    The result is there `latency` cycles after ``start``; until then the inputs must stay.

    Members
    -------
    start : In(1)
        Begins with the ratio of the counts.
    zeros, elements : In(COUNT_BITS)
        Counts since the step before.
    mode : In(MODE_BITS), age : In(AGE_BITS)
        Mode, and steps between its last change and the step before, at most 255.
    threshold_lo, threshold_hi : In(FRACTION_BITS + 1)
        A ZSE below the one narrows, above the other widens.
    least_age : In(AGE_BITS), warm : In(1)
        Age from which on it may change; no change.
    done : Out(1)
        The result is there.
    changed : Out(1), next_mode : Out(MODE_BITS), next_age : Out(AGE_BITS)
        The result.
    """

    def __init__(self) -> None:
        self.ratio = SerialRatio(bits=COUNT_BITS, fraction_bits=FRACTION_BITS)
        members: dict[str, Any] = dict.fromkeys(("zeros", "elements"), In(COUNT_BITS))
        members |= dict.fromkeys(("threshold_lo", "threshold_hi"), In(FRACTION_BITS + 1))
        members |= dict.fromkeys(("start", "warm"), In(1))
        members |= dict.fromkeys(("age", "least_age"), In(AGE_BITS))
        members |= {"mode": In(MODE_BITS), "done": Out(1), "changed": Out(1)}
        members |= {"next_mode": Out(MODE_BITS), "next_age": Out(AGE_BITS)}
        super().__init__(members)

    @property
    def latency(self) -> int:
        """Cycles from ``start`` to the result."""
        return self.ratio.latency

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.submodules.ratio = ratio = self.ratio
        age = wire(m, "steps", AGE_BITS, Mux(self.age == MOST_AGE, MOST_AGE, self.age + 1))
        may = wire(m, "may", 1, ~self.warm & (self.elements != 0) & (age >= self.least_age))
        below = wire(m, "below", 1, ratio.ratio < self.threshold_lo)
        meets = (ratio.ratio == self.threshold_hi) & ~ratio.exact
        above = wire(m, "above", 1, (ratio.ratio > self.threshold_hi) | meets)
        narrower = wire(m, "narrower", 1, may & below & (self.mode != 0))
        wider = wire(m, "wider", 1, may & ~below & above & (self.mode != WIDEST))
        m.d.comb += [
            ratio.start.eq(self.start),
            ratio.part.eq(self.zeros),
            ratio.whole.eq(self.elements),
            self.done.eq(ratio.done),
            self.changed.eq(narrower | wider),
            self.next_mode.eq(self.mode + wider - narrower),
            self.next_age.eq(Mux(self.changed, 0, age)),
        ]
        return m
