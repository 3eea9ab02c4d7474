"""Parameters of the encoder and of the decoder of compressed sparse blocks."""

import dataclasses
from typing import ClassVar

from ..checks import choice, divides, flag, whole
from ..parameters import Parameters
from ..timing import Timing
from .stages import BLOCK_MEMORY_LATENCY

__all__ = [
    "NUMBER_BITS",
    "VALUE_BITS",
    "CsbDecoderParameters",
    "CsbEncoderParameters",
    "CsbParameters",
]

FORMS = ("walk", "dense")
LARGEST_SIDE = 16
VALUE_BITS = 32
NUMBER_BITS = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class CsbParameters(Parameters):
    """Compressed blocks, as both units have them: masks, pointers, and fp32 values of set bits.

    Source: Procrustes (MICRO 2020), whose format is compressed sparse blocks.

    Parameters
    ----------
    rows, columns : int
        Sides of a block, 1..16.
    pointer_bits : int
        Bits of a pointer to a block's first value, 1..32; values that are compressed together are
        fewer than ``2**pointer_bits``.
    lanes : int
        Elements of a dense block in a beat; divides those of a block.
    """

    rows: int = 3
    columns: int = 3
    pointer_bits: int = 20
    lanes: int = 3

    def __post_init__(self) -> None:
        """Check every field."""
        whole("rows", self.rows, 1, LARGEST_SIDE)
        whole("columns", self.columns, 1, LARGEST_SIDE)
        whole("pointer_bits", self.pointer_bits, 1, 32)
        whole("lanes", self.lanes, 1, LARGEST_SIDE**2)
        divides("lanes", self.lanes, self.elements, f"the {self.elements} elements of a block")

    @property
    def elements(self) -> int:
        """Elements of a block."""
        return self.rows * self.columns

    @property
    def beats(self) -> int:
        """Beats of a dense block."""
        return self.elements // self.lanes

    @property
    def most_values(self) -> int:
        """Values that may be compressed together: pointers tell where each block ends, too."""
        return (1 << self.pointer_bits) - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class CsbEncoderParameters(CsbParameters):
    """Parameters of ``csb_encoder``.

    Parameters
    ----------
    keep : bool
        Whether a bit beside each element tells if it is to be kept; one that is not counts as zero.
        The others are those of `CsbParameters`.
    """

    PRESETS: ClassVar = {
        "3x3": {},
        "3x3_kept": {"keep": True, "lanes": 1},
        "5x5": {"rows": 5, "columns": 5, "lanes": 5},
    }

    keep: bool = False

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        flag("keep", self.keep)

    @property
    def timing(self) -> Timing:
        """Cycles from a beat to its first value; a beat takes one a nonzero, and at least one."""
        return Timing(latency=2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CsbDecoderParameters(CsbParameters):
    """Parameters of ``csb_decoder``.

    Parameters
    ----------
    blocks : int
        Blocks that it holds, 1..4096. The others are those of `CsbParameters`.
    values : int
        Values that it holds, 1..65536, fewer than ``2**pointer_bits``.
    form : str
        What it gives: ``walk``, a beat for each value, or ``dense``, ``lanes`` elements a beat.
    """

    PRESETS: ClassVar = {
        "walk": {},
        "dense": {"form": "dense"},
        "dense_serial": {"form": "dense", "lanes": 1, "blocks": 16, "values": 100},
    }

    blocks: int = 64
    values: int = 256
    form: str = "walk"

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        whole("blocks", self.blocks, 1, 4096)
        whole("values", self.values, 1, min(1 << 16, self.most_values))
        choice("form", self.form, FORMS)

    @property
    def part(self) -> int:
        """Elements that are worked at together: those of a beat, or of a block that is walked."""
        return self.lanes if self.form == "dense" else self.elements

    @property
    def timing(self) -> Timing:
        """Cycles from a request to its first beat, and of its parts, which take one or more."""
        parts = self.elements // self.part
        latency = BLOCK_MEMORY_LATENCY + (3 if self.form == "dense" else 2)
        return Timing(latency=latency, interval=parts, drain=parts - 1)
