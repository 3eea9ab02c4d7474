"""Parameters and model of the float to block converter."""

import dataclasses
from typing import ClassVar

from ..errors import UserError
from ..formats import BLOCK_FORMATS, FLOAT_FORMATS, BlockFormat
from ..parameters import Parameters, choice, whole

__all__ = ["ConverterParameters"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConverterParameters(Parameters):
    """Parameters of ``bfp_converter``.

    Parameters
    ----------
    format : BlockFormat
        The format made; a square block is streamed row by row.
    lanes : int
        Elements taken in a cycle; divides the elements of a block.
    source : str
        Format of the elements taken: ``binary32``, ``bfloat16`` or ``binary16``.
    seed : int
        Seed of the stochastic rounding, 1..2**32 - 1.
    """

    PRESETS: ClassVar = {name: {"format": name} for name in BLOCK_FORMATS}

    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    lanes: int = 2
    source: str = "binary32"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", BlockFormat.read(self.format))
        whole("lanes", self.lanes, 1, 1024)
        if self.format.block_elements % self.lanes:
            raise UserError(
                f"lanes must divide the {self.format.block_elements} elements of a "
                f"{self.format.name} block, not {self.lanes}"
            )
        choice("source", self.source, FLOAT_FORMATS)
        whole("seed", self.seed, 1, 2**32 - 1)

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.format.block_elements // self.lanes
