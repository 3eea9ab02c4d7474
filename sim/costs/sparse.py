"""What the circuits beside a sparse array cost, against its elements."""

import dataclasses

from hw.flow.emit import emit, generate
from hw.flow.progress import Progress
from hw.flow.synth import synthesize
from hw.sparse.pe import ProcessingElement
from sw.parameters import Parameters
from sw.sparse.load_balancer import BalancerParameters
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.weight_regenerator import RegeneratorParameters

from .multipliers import used

__all__ = ["BESIDE", "Area", "areas", "gates", "luts"]

SIDE = 16
"""PE rows of the array, and elements of a PE row."""

BESIDE: dict[str, tuple[str, Parameters]] = {
    "load balancer, halves": ("load_balancer", BalancerParameters(pe_rows=SIDE)),
    "load balancer, quarters": ("load_balancer", BalancerParameters(pe_rows=SIDE, subtiles=4)),
    "load balancer, halves, 32 PE rows": ("load_balancer", BalancerParameters(pe_rows=32)),
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
    whole = gates("elements", progress)
    found = {"elements": Area(gates=whole, xilinx=None, share=1.0)}
    for name in BESIDE:
        own = gates(name, progress)
        found[name] = Area(gates=own, xilinx=luts(name, progress), share=own / whole)
    return found


def gates(name: str, progress: Progress | None = None) -> float:
    """Return the NAND2 equivalents of a circuit in `BESIDE`, or of all ``elements``."""
    if name == "elements":
        design, count = emit(ProcessingElement(target="generic"), "element"), SIDE * SIDE
    else:
        design, count = generate(*BESIDE[name]), 1
    return count * used(synthesize(design, "gates", progress=progress))["NAND2 equivalents"]


def luts(name: str, progress: Progress | None = None) -> float:
    """Return the LUTs of the 7 series that a circuit in `BESIDE` takes."""
    found = used(synthesize(generate(*BESIDE[name]), "xilinx", progress=progress))
    return found["LUT"] + found.get("SRL", 0)
