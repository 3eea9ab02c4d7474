"""The decision on the mode of a pair of operands."""

from typing import Any

from amaranth.hdl import Module, Mux
from amaranth.lib.wiring import In, Out

from sw.bfp.pairs import WIDEST
from sw.bfp.zse_controller import MOST_AGE, THRESHOLD_BITS

from ...base.circuit import Circuit
from ...base.pipeline import wire
from .modes import MODE_BITS
from .threshold import ThresholdCompare

__all__ = ["AGE_BITS", "COUNT_BITS", "ZseDecision"]

COUNT_BITS = 32
AGE_BITS = MOST_AGE.bit_length()


class ZseDecision(Circuit):
    """Next mode of a pair from its counts, as `ZseRule` says.

    Latency and interval are `latency` cycles from ``start`` to the result; until then the inputs
    must stay.

    Members
    -------
    start : In(1)
        Begins with the comparison of the counts.
    zeros, elements : In(COUNT_BITS)
        Counts since the step before.
    mode : In(MODE_BITS), age : In(AGE_BITS)
        Mode, and steps between its last change and the step before, at most 255.
    lo, hi, scale : In(THRESHOLD_BITS)
        A ZSE below ``lo / scale`` narrows, above ``hi / scale`` widens.
    least_age : In(AGE_BITS), warm : In(1)
        Age from which on it may change; no change.
    done : Out(1)
        The result is valid.
    changed : Out(1), next_mode : Out(MODE_BITS), next_age : Out(AGE_BITS)
        The result.
    """

    def __init__(self) -> None:
        self.compare = ThresholdCompare(bits=COUNT_BITS, threshold_bits=THRESHOLD_BITS)
        members: dict[str, Any] = dict.fromkeys(("zeros", "elements"), In(COUNT_BITS))
        members |= dict.fromkeys(("lo", "hi", "scale"), In(THRESHOLD_BITS))
        members |= dict.fromkeys(("start", "warm"), In(1))
        members |= dict.fromkeys(("age", "least_age"), In(AGE_BITS))
        members |= {"mode": In(MODE_BITS), "done": Out(1), "changed": Out(1)}
        members |= {"next_mode": Out(MODE_BITS), "next_age": Out(AGE_BITS)}
        super().__init__(members)

    @property
    def latency(self) -> int:
        """Cycles from ``start`` to the result."""
        return self.compare.latency

    def elaborate(self, platform: Any) -> Module:
        """Compare the counts, and see whether the mode may change."""
        m = Module()
        m.submodules.compare = compare = self.compare
        age = wire(m, "steps", AGE_BITS, Mux(self.age == MOST_AGE, MOST_AGE, self.age + 1))
        may = wire(m, "may", 1, ~self.warm & (self.elements != 0) & (age >= self.least_age))
        narrower = wire(m, "narrower", 1, may & compare.below & (self.mode != 0))
        above = compare.above & ~compare.below
        wider = wire(m, "wider", 1, may & above & (self.mode != WIDEST))
        m.d.comb += [
            compare.start.eq(self.start),
            compare.part.eq(self.zeros),
            compare.whole.eq(self.elements),
            *(getattr(compare, name).eq(getattr(self, name)) for name in ("lo", "hi", "scale")),
            self.done.eq(compare.done),
            self.changed.eq(narrower | wider),
            self.next_mode.eq(self.mode + wider - narrower),
            self.next_age.eq(Mux(self.changed, 0, age)),
        ]
        return m
