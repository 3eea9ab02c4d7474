"""Approximate floating-point multipliers side by side: parameters and model of the unit."""

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
from .stages import product_latency

__all__ = ["ApproxParameters", "fit", "multiply"]

PRESET_MULTIPLIERS = ("exact", "exact_nearest", "mitchell", "mbm", "realm8", "drum6")


def fit(parameters: Any, most: int) -> None:
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
        fit(self, BINARY32.fraction_bits)
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


def multiply(
    parameters: ApproxParameters, a: npt.ArrayLike, b: npt.ArrayLike
) -> npt.NDArray[np.uint32]:
    """Return what ``approx_multiplier`` makes of patterns of its format."""
    instance("parameters", parameters, ApproxParameters)
    return multiply_bits(parameters.fractions, a, b, parameters.format)
