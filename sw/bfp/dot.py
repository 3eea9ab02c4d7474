"""Parameters and model of the BFP dot product."""

import dataclasses
from typing import ClassVar

from ..errors import UserError
from ..formats import BLOCK_FORMATS, BlockFormat
from ..parameters import Parameters, choice, whole

__all__ = ["MULTIPLIERS", "TARGETS", "DotParameters", "default_lanes"]

TARGETS = ("generic", "ecp5", "xilinx")
MULTIPLIERS = ("logic", "dsp")


def default_lanes(format: BlockFormat) -> int:
    """Return the largest number of lanes up to 8 that divides a block's reduction."""
    return max(n for n in range(1, 9) if format.reduction % n == 0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DotParameters(Parameters):
    """Parameters of ``bfp_dot``.

    Parameters
    ----------
    format : BlockFormat
        Format of both operands.
    lanes : int
        Products a cycle; divides the block's extent along the reduction.
    operands : str
        ``block``: mantissas and exponents; ``binary32``: converted on the way in, which takes
        ``lanes`` equal to the block.
    multiplier : str
        ``logic`` or ``dsp`` (two narrow products in one 18 x 18 multiplier where they fit).
    target : str
        Whose primitives the logic may instantiate: ``generic`` (none), ``ecp5`` or ``xilinx``.
    seed : int
        Seed of the stochastic rounding under ``operands="binary32"``.
    """

    PRESETS: ClassVar = {
        name: {"format": name, "lanes": default_lanes(f)} for name, f in BLOCK_FORMATS.items()
    }

    format: BlockFormat = BLOCK_FORMATS["hbfp8"]
    lanes: int = 8
    operands: str = "block"
    multiplier: str = "logic"
    target: str = "generic"
    seed: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        object.__setattr__(self, "format", BlockFormat.read(self.format))
        whole("lanes", self.lanes, 1, 1024)
        if self.format.reduction % self.lanes:
            raise UserError(
                f"lanes must divide the block of {self.format.reduction} of {self.format.name}, "
                f"not {self.lanes}"
            )
        choice("operands", self.operands, ("block", "binary32"))
        if self.operands == "binary32" and self.lanes != self.format.block_elements:
            raise UserError(
                f"lanes must be the whole block of {self.format.block_elements} when operands are "
                f"binary32, not {self.lanes}"
            )
        choice("multiplier", self.multiplier, MULTIPLIERS)
        choice("target", self.target, TARGETS)
        whole("seed", self.seed, 1, 2**32 - 1)

    @property
    def beats(self) -> int:
        """Beats of a block."""
        return self.format.reduction // self.lanes

    @property
    def product_sum_bits(self) -> int:
        """Width of the exact signed sum of one beat's products."""
        return _signed_bits(self.format, self.lanes)

    @property
    def sum_bits(self) -> int:
        """Width of the exact signed sum of a block's products."""
        return _signed_bits(self.format, self.format.reduction)


def _signed_bits(format: BlockFormat, terms: int) -> int:
    """Return the width that holds the sum of ``terms`` products, never guessed."""
    return (terms * format.most_negative**2).bit_length() + 1
