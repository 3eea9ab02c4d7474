"""What approximate multipliers cost, in gates and in FPGAs, against exact ones."""

import dataclasses

from hw.approx.product import ApproxMultiplier
from hw.flow.emit import emit
from hw.flow.progress import Progress
from hw.flow.synth import Cost, synthesize
from sw.formats import FloatFormat

from .clocked import Clocked
from .density import logic_area

__all__ = ["MEGAHERTZ", "CostRow", "cost", "synthesized", "used"]

MEGAHERTZ = 200.0
"""What the router is asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class CostRow:
    """The cost of an `ApproxMultiplier` with all fraction bits of a format, without DSP blocks.

    Parameters
    ----------
    multiplier, format : str
    bits : int
    latency : int
        Cycles.
    gates : float
        NAND2 equivalents, the pipeline's registers and their clock enables among them.
    logic : float
        NAND2 equivalents without registers.
    registers : int
        Bits of the pipeline, in gates.
    ecp5 : float
        LUT4 equivalents.
    xilinx : float
        LUTs of the 7 series, shift registers and inverters among them.
    routed_luts, routed_registers, megahertz : float or None
        On ECP5, with its operands' registers: LUT4 equivalents, flip-flops and clock; None if not
        routed.
    """

    multiplier: str
    format: str
    bits: int
    latency: int
    gates: float
    logic: float
    registers: int
    ecp5: float
    xilinx: float
    routed_luts: float | None = None
    routed_registers: float | None = None
    megahertz: float | None = None


def used(cost: Cost) -> dict[str, float]:
    """Return a cost's totals by the titles of its columns."""
    return {column.title: cost.total(column) for column in cost.columns}


def synthesized(
    name: str,
    format: FloatFormat,
    target: str,
    *,
    inputs: bool = False,
    seeds: int = 0,
    progress: Progress | None = None,
) -> Cost:
    """Return what a multiplier takes on a target, of whose carry cells it is made if it has any.

    ``inputs``: its operands come from registers, which count; with ``seeds`` it is routed.
    """
    unit = _multiplier(name, format, target if target in ("ecp5", "xilinx") else "generic")
    top = Clocked(inner=unit, registered=inputs, name="multiplier")
    design = emit(top, f"{name}_{format.name}")
    told = progress or Progress()
    return synthesize(design, target, seeds=seeds, megahertz=MEGAHERTZ, progress=told)


def _multiplier(name: str, format: FloatFormat, target: str) -> ApproxMultiplier:
    """Return a multiplier with all fraction bits of a format."""
    bits = format.fraction_bits
    return ApproxMultiplier(multiplier=name, bits=bits, format=format, target=target)


def cost(
    name: str, format: FloatFormat, *, seeds: int = 0, progress: Progress | None = None
) -> CostRow:
    """Return the cost of a multiplier in a format, routed with ``seeds`` placements if any."""
    told = progress or Progress()
    generic = _multiplier(name, format, "generic")
    gates, ecp5, xilinx = (
        used(synthesized(name, format, target, progress=told))
        for target in ("gates", "ecp5", "xilinx")
    )
    row = CostRow(
        multiplier=name,
        format=format.name,
        bits=format.fraction_bits,
        latency=generic.latency,
        gates=gates["NAND2 equivalents"],
        logic=logic_area(generic, f"{name}_{format.name}", progress=told),
        registers=int(gates["FF"]),
        ecp5=ecp5["LUT4 equivalents"],
        xilinx=xilinx["LUT"] + xilinx.get("SRL", 0),
    )
    if not seeds:
        return row
    routed = synthesized(name, format, "ecp5", inputs=True, seeds=seeds, progress=told)
    assert routed.clock is not None
    totals = used(routed)
    return dataclasses.replace(
        row,
        routed_luts=totals["LUT4 equivalents"],
        routed_registers=totals["FF"],
        megahertz=routed.clock.median,
    )
