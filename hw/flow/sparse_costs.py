"""What the circuits beside a sparse array cost, against its elements."""

import dataclasses

from sw.parameters import Parameters
from sw.sparse.balance import BalancerParameters
from sw.sparse.quantile import QuantileParameters
from sw.sparse.regenerate import RegeneratorParameters

from ..sparse.element import Element
from .emit import Design, emit, generate
from .multiplier_costs import used
from .progress import Progress
from .synth import synthesize

__all__ = ["BESIDE", "Area", "areas"]

SIDE = 16
"""Lines of the array, and elements of a line."""

BESIDE: dict[str, tuple[str, Parameters]] = {
    "load balancer, halves": ("load_balancer", BalancerParameters(lines=SIDE)),
    "load balancer, quarters": ("load_balancer", BalancerParameters(lines=SIDE, pieces=4)),
    "load balancer, halves, 32 lines": ("load_balancer", BalancerParameters(lines=32)),
    "quantile estimator": ("quantile_estimator", QuantileParameters(lanes=SIDE)),
    "weight regenerator": ("weight_regenerator", RegeneratorParameters(lanes=2)),
}
"""An estimator for a row of columns a cycle, a regenerator for the weights fetched in a cycle."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Area:
    """The area of a circuit; of a unit with its AXI ports and registers.

    Parameters
    ----------
    gates : float
        NAND2 equivalents, those of small memories among them.
    xilinx : float or None
        LUTs of the 7 series.
    share : float
        Of the gates of the array's elements, which are but a part of it.
    """

    gates: float
    xilinx: float | None
    share: float


def areas(progress: Progress | None = None) -> dict[str, Area]:
    """Return the areas of the circuits in `BESIDE`, and of all elements as ``elements``."""
    told = progress or Progress()
    element = _used(emit(Element(target="generic"), "element"), "gates", told)["NAND2 equivalents"]
    whole = SIDE * SIDE * element
    found = {"elements": Area(gates=whole, xilinx=None, share=1.0)}
    for name, (unit, parameters) in BESIDE.items():
        design = generate(unit, parameters)
        gates = _used(design, "gates", told)["NAND2 equivalents"]
        xilinx = _used(design, "xilinx", told)
        luts = xilinx["LUT"] + xilinx.get("SRL", 0)
        found[name] = Area(gates=gates, xilinx=luts, share=gates / whole)
    return found


def _used(design: Design, target: str, progress: Progress) -> dict[str, float]:
    """Return what a design takes on a target."""
    return used(synthesize(design, target, progress=progress))
