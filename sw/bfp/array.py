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
    def groups(self) -> list[range]:
        """Rows that share a binary32 adder: consecutive ones, as many as a block has beats."""
        step = min(self.beats, self.rows)
        return [range(r, min(r + step, self.rows)) for r in range(0, self.rows, step)]

    def tiles(self, m: int, n: int) -> int:
        """Tiles of an ``m`` x ``n`` result."""
        return -(-m // self.rows) * -(-n // self.columns)

    def blocks(self, k: int) -> int:
        """Blocks along a reduction of ``k``."""
        return -(-k // self.format.reduction)

    def cycles(self, m: int, n: int, k: int, *, latency: int) -> int:
        """Cycles of an ``m`` x ``n`` x ``k`` product without stalls.

        From the first beat accepted to the last result row given, both counted; ``latency`` is
        that of the circuit, from a tile's last beat to its first row. A tile takes a cycle a beat,
        but no fewer than the array has rows, and the next follows at once.
        """
        beats = self.blocks(k) * self.beats
        return (self.tiles(m, n) - 1) * max(beats, self.rows) + beats + self.rows - 1 + latency

    @property
    def ways(self) -> int:
        """Partial sums of a result: blocks ``k`` with equal ``k % ways`` are added in order.

        A block's sum comes every `beats` cycles and an addition takes `ADDER_LATENCY`, so as many
        partial sums take turns as are needed to wait for none; a power of two. At the end of a
        tile they are added pairwise.
        """
        return 1 << max(0, -(-ADDER_LATENCY // self.beats) - 1).bit_length()
