"""What the stochastic outer product costs an element, against a floating-point multiplier."""

import dataclasses

from hw.base.circuit import Circuit
from hw.float.multiplier import FloatMultiplier
from hw.flow.emit import emit
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from hw.formats.quantizer import Quantizer
from hw.stochastic.crossbar import Crossbar
from sw.formats import BINARY16
from sw.stochastic.outer_parameters import OuterProductParameters

from .multipliers import used

__all__ = ["ElementCost", "element_cost", "multiplier_cost"]

HEADLINES = {"gates": "NAND2 equivalents", "ecp5": "LUT4 equivalents"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ElementCost:
    """The cost of an element.

    Parameters
    ----------
    converters, crossbar : float
        Shares of an element in NAND2 equivalents: of both conversions to magnitudes, and of the
        shift registers, comparators, counters and their control; of a multiplier all of it is the
        latter.
    luts : float
        LUT4 equivalents on ECP5.
    registers : float
        Flip-flops.
    period : int
        Cycles for a product.
    """

    converters: float
    crossbar: float
    luts: float
    registers: float
    period: int

    @property
    def gates(self) -> float:
        """NAND2 equivalents."""
        return self.converters + self.crossbar


def multiplier_cost(progress: Progress | None = None) -> ElementCost:
    """Return the cost of a pipelined binary16 multiplier, its registers included."""
    gates, luts, registers = _cost(
        FloatMultiplier(format=BINARY16, target="generic"),
        FloatMultiplier(format=BINARY16, target="ecp5"),
        progress,
    )
    return ElementCost(converters=0, crossbar=gates, luts=luts, registers=registers, period=1)


def element_cost(p: OuterProductParameters, progress: Progress | None = None) -> ElementCost:
    """Return the cost of an element, with its share of what rows and columns have in common."""
    converters = [Quantizer(parameters=c) for c in (p.x_converter, p.d_converter)]
    convert = [_cost(each, each, progress) for each in converters]
    count = _cost(Crossbar(parameters=p), Crossbar(parameters=p), progress)
    elements = p.rows * p.columns
    gates, luts, registers = (sum(each) for each in zip(*convert, strict=True))
    return ElementCost(
        converters=gates / elements,
        crossbar=count[0] / elements,
        luts=(luts + count[1]) / elements,
        registers=(registers + count[2]) / elements,
        period=p.period,
    )


def _cost(generic: Circuit, ecp5: Circuit, progress: Progress | None) -> tuple[float, float, float]:
    """Return NAND2 equivalents, LUT4 equivalents and flip-flops of a circuit."""
    found = {
        target: used(synthesize(emit(circuit, "circuit"), target, progress=progress or Progress()))
        for target, circuit in (("gates", generic), ("ecp5", ecp5))
    }
    gates, luts = (found[target][title] for target, title in HEADLINES.items())
    return gates, luts, found["gates"]["FF"]
