"""Multipliers that look fractions up in a loaded table: parameters and model of the unit."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import instance, whole
from ..formats import BFLOAT16, FloatFormat
from ..parameters import Parameters
from ..timing import Timing
from .multiplier import fit
from .product import multiply_bits
from .stages import SCALE_LATENCY, TABLE_LATENCY
from .table import LARGEST_TABLE_BITS, Table

__all__ = ["AmsimParameters", "look_up"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AmsimParameters(Parameters):
    """Parameters of ``amsim_multiplier``, multipliers that look fractions up in a loaded table.

    Parameters
    ----------
    bits : int or None
        Fraction bits that count, 1..11; the table has ``4**bits`` entries. None for as many as the
        format has, 11 at most.
    format : FloatFormat
        Format of operands and products.
    lanes : int
        Products a cycle, 1..64; two share a table in a memory of two ports.
    """

    PRESETS: ClassVar = {
        f"{form}_{bits}": {"format": form, "bits": bits}
        for form, bits in (("bfloat16", 7), ("bfloat16", 5), ("binary32", 7), ("binary16", 10))
    }

    bits: int | None = 7
    format: FloatFormat = BFLOAT16
    lanes: int = 2

    def __post_init__(self) -> None:
        """Check every field."""
        fit(self, LARGEST_TABLE_BITS)

    @property
    def timing(self) -> Timing:
        """From a pair to its product: the table, the scale, the FIFO."""
        return Timing(latency=TABLE_LATENCY + SCALE_LATENCY + 1)


def look_up(
    parameters: AmsimParameters, table: Table, a: npt.ArrayLike, b: npt.ArrayLike
) -> npt.NDArray[np.uint32]:
    """Return what ``amsim_multiplier`` makes of patterns of its format once it has the table."""
    instance("parameters", parameters, AmsimParameters)
    instance("table", table, Table)
    whole("bits of the table", table.bits, parameters.bits or 1, parameters.bits or 1)
    return multiply_bits(table, a, b, parameters.format)
