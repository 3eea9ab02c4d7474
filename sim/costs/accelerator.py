"""What the blocks of the accelerator cost in gates, and its memories in bits."""

import dataclasses
from functools import cache

from hw.flow.emit import generate
from hw.flow.families import MEMORY_BITS
from hw.flow.hierarchy import Hierarchy
from hw.flow.progress import Progress
from hw.flow.synth import Cost, synthesize
from sw.accelerator.parameters import AcceleratorParameters

__all__ = ["ARRAY", "BLOCKS", "BlockCost", "beside", "blocks", "costs"]

ARRAY = "matrix engine"
BLOCKS = {
    ARRAY: "mac_array",
    "product engine beside it": "product_engine",
    "quantizer": "quantize_engine",
    "vector engine": "vector_engine",
    "DMA engine": "dma_engine",
    "scratchpad": "scratchpad",
    "sequencer": "program_sequencer",
}
"""The modules of blocks. All else, such as queues, tokens and registers, is ``rest``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockCost:
    """The cost of a block.

    Parameters
    ----------
    gates : float
        NAND2 equivalents, those of memories that did not stay whole among them.
    memory : int
        Bits of memories that stayed whole.
    """

    gates: float
    memory: int


def costs(
    parameters: AcceleratorParameters, progress: Progress | None = None
) -> dict[str, BlockCost]:
    """Synthesize the unit with its AXI ports and registers; return the costs of its `blocks`."""
    return blocks(synthesize(generate("accelerator", parameters), "gates", progress=progress))


def blocks(cost: Cost) -> dict[str, BlockCost]:
    """Return the costs of the blocks of a unit, each without those that are listed before it."""
    design = cost.design
    own = {part.module: part.cells for part in cost.components}
    hierarchy = Hierarchy(design.verilog)
    kept = {module for module in hierarchy.modules if design.component(module) in own}
    below = hierarchy.instances(kept)
    gates, *_ = cost.columns

    @cache
    def total(module: str) -> tuple[float, int]:
        cells = own[design.component(module)]
        found = [(1, (gates.count(cells), int(MEMORY_BITS.count(cells))))]
        found += [(number, total(child)) for child, number in below[module].items()]
        return sum(n * each for n, (each, _) in found), sum(n * bits for n, (_, bits) in found)

    prefix = design.manifest["prefix"]
    found = {name: total(prefix + module) for name, module in BLOCKS.items()}
    found["rest"] = total(design.name)
    for name, others in (("product engine beside it", [ARRAY]), ("rest", list(BLOCKS))):
        apart = [found[other] for other in others]
        found[name] = (
            found[name][0] - sum(area for area, _ in apart),
            found[name][1] - sum(bits for _, bits in apart),
        )
    return {name: BlockCost(gates=area, memory=bits) for name, (area, bits) in found.items()}


def beside(found: dict[str, BlockCost]) -> float:
    """Return the share of all gates that are not of the matrix engine."""
    return 1 - found[ARRAY].gates / sum(block.gates for block in found.values())
