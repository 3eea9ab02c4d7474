"""The interface of circuits that sum the products of two vectors of elements."""

from typing import Any

from amaranth.hdl import signed
from amaranth.lib.wiring import In, Out

from sw.bfp.dot import DotParameters

from ..base.circuit import Circuit

__all__ = ["VectorProduct"]


class VectorProduct(Circuit):
    """Integer sum of ``lanes`` products of two vectors.

    Latency is `latency` enabled cycles, interval one.

    Parameters
    ----------
    parameters : DotParameters
        Format, lanes, target, and what else decides on the circuit.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    a, b : In(lanes * element_bits)
        Elements in the format's wire code, lane 0 lowest; expected straight from registers.
    sum : Out(signed(product_sum_bits))
        The sum, from registers.
    """

    stages: Any
    """Where the registers are."""

    def __init__(self, *, parameters: DotParameters) -> None:
        self.parameters = parameters
        width = parameters.lanes * parameters.format.element_bits
        super().__init__(
            {
                "en": In(1),
                **dict.fromkeys("ab", In(width)),
                "sum": Out(signed(parameters.product_sum_bits)),
            }
        )

    @property
    def latency(self) -> int:
        """Enabled cycles from operands to sum."""
        return self.stages.latency
