"""The base class of multipliers of fractions."""

from amaranth.lib.wiring import In, Out

from sw.approx.stages import LOGARITHM_LATENCY

from ..base.circuit import Circuit

__all__ = ["FractionMultiplier"]


class FractionMultiplier(Circuit):
    """Multiplier of two significands of 1..2, given by their fractions.

    What it computes is a function of `sw.approx.multipliers`. Latency is `latency` enabled cycles,
    interval one cycle.

    Parameters
    ----------
    bits : int
        Bits of a fraction.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    x, y : In(bits)
        Fractions; expected straight from registers.
    code : Out(bits + 1)
        ``carry << bits | fraction`` of the product, `latency` enabled cycles later.
    """

    def __init__(self, *, bits: int) -> None:
        self.bits = bits
        super().__init__({"en": In(1), "x": In(bits), "y": In(bits), "code": Out(bits + 1)})

    @property
    def latency(self) -> int:
        """Enabled cycles from fractions to code."""
        return LOGARITHM_LATENCY
