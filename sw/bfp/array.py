"""Parameters and model of the BFP matrix-multiply array."""

import dataclasses
from typing import ClassVar

from ..formats import BLOCK_FORMATS, BlockFormat
from ..parameters import Parameters, whole
from .dot import DotParameters, default_lanes

__all__ = ["ADDER_LATENCY", "ArrayParameters"]

ADDER_LATENCY = 5
"""Cycles of the binary32 adder; with the beats of a block it fixes the order of accumulation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArrayParameters(Parameters):
    """Parameters of ``bfp_array``, an output-stationary array of dot products.

    Parameters
    ----------
    rows, columns : int
        Shape of a tile of results; each has its own dot product, 1..64.
    lanes : int
        Products a cycle of each; divides the block's extent along the reduction.
    format : BlockFormat
        Format of both operands.
    multiplier, target : str
        As in `DotParameters`.
    """

    PRESETS: ClassVar = {
        name: {"format": name, "lanes": default_lanes(f)} for name, f in BLOCK_FORMATS.items()
    }

    rows: int = 4
    columns: int = 4
    lanes: int = 8
    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    multiplier: str = "logic"
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", BlockFormat.read(self.format))
        whole("rows", self.rows, 1, 64)
        whole("columns", self.columns, 1, 64)
        assert self.dot

    @property
    def dot(self) -> DotParameters:
        """Parameters of one element's dot product."""
        return DotParameters(
            format=self.format, lanes=self.lanes, multiplier=self.multiplier, target=self.target
        )

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.dot.beats

    @property
    def ways(self) -> int:
        """Partial sums of a result: blocks ``k`` with equal ``k % ways`` are added in order.

        A block's sum comes every `beats` cycles and an addition takes `ADDER_LATENCY`, so as many
        partial sums take turns as are needed to wait for none; a power of two. At the end of a
        tile they are added pairwise.
        """
        return 1 << max(0, -(-ADDER_LATENCY // self.beats) - 1).bit_length()
