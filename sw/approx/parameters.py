"""Parameters of the units with approximate multipliers, and the models of these units."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import choice, instance, whole
from ..formats import BFLOAT16, BINARY32, FLOAT_FORMATS, FloatFormat
from ..parameters import TARGETS, Parameters
from ..timing import Timing
from .multipliers import multiplier
from .product import Datapath, multiply_bits
from .stages import SCALE_LATENCY, TABLE_LATENCY, product_latency
from .table import LARGEST_TABLE_BITS, Table

__all__ = ["AmsimParameters", "ApproxParameters", "look_up", "multiply"]

PRESET_MULTIPLIERS = ("exact", "exact_nearest", "mitchell", "mbm", "realm8", "drum6")


def _fit(parameters: Any, most: int) -> None:
    """Read the format; take all its fraction bits, ``most`` at most, where none are said."""
    format = FloatFormat.read(parameters.format)
    object.__setattr__(parameters, "format", format)
    most = min(most, format.fraction_bits)
    if parameters.bits is None:
        object.__setattr__(parameters, "bits", most)
    whole("bits", parameters.bits, 1, most)
    whole("lanes", parameters.lanes, 1, 64)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApproxParameters(Parameters):
    """Parameters of ``approx_multiplier``, multipliers side by side.

    Parameters
    ----------
    multiplier : str
        Of `sw.approx.multipliers.NAMES`.
    format : FloatFormat
        Format of operands and products.
    bits : int or None
        Fraction bits that count, as in `sw.approx.product.multiply_bits`; None for all.
    lanes : int
        Products a cycle, 1..64.
    target : str
        Whose carry cells to use: ``generic`` (none), ``ecp5`` or ``xilinx``.
    """

    PRESETS: ClassVar = {
        f"{name}_{form}": {"multiplier": name, "format": form}
        for form in FLOAT_FORMATS
        for name in PRESET_MULTIPLIERS
    }

    multiplier: str = "mbm"
    format: FloatFormat = BFLOAT16
    bits: int | None = None
    lanes: int = 1
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        _fit(self, BINARY32.fraction_bits)
        choice("target", self.target, TARGETS)
        multiplier(self.multiplier).check(self.bits or 0)

    @property
    def timing(self) -> Timing:
        """From a pair to its product: a register, the multiplier, the FIFO."""
        assert self.bits is not None
        return Timing(latency=1 + product_latency(self.multiplier, self.bits, self.target) + 1)

    @property
    def fractions(self) -> Datapath:
        """What multiplies the fractions."""
        assert self.bits is not None
        return Datapath(name=multiplier(self.multiplier).name, bits=self.bits)


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
        _fit(self, LARGEST_TABLE_BITS)

    @property
    def timing(self) -> Timing:
        """From a pair to its product: the table, the scale, the FIFO."""
        return Timing(latency=TABLE_LATENCY + SCALE_LATENCY + 1)


def multiply(
    parameters: ApproxParameters, a: npt.ArrayLike, b: npt.ArrayLike
) -> npt.NDArray[np.uint32]:
    """Return what ``approx_multiplier`` makes of patterns of its format."""
    instance("parameters", parameters, ApproxParameters)
    return multiply_bits(parameters.fractions, a, b, parameters.format)


def look_up(
    parameters: AmsimParameters, table: Table, a: npt.ArrayLike, b: npt.ArrayLike
) -> npt.NDArray[np.uint32]:
    """Return what ``amsim_multiplier`` makes of patterns of its format once it has the table."""
    instance("parameters", parameters, AmsimParameters)
    instance("table", table, Table)
    whole("bits of the table", table.bits, parameters.bits or 1, parameters.bits or 1)
    return multiply_bits(table, a, b, parameters.format)
