"""Parameters and model of the unit that finds the largest magnitude of a tensor."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, choice, instance, whole
from ..parameters import Parameters
from ..timing import Timing
from . import FLOAT_FORMATS, binary32, float_name
from .stages import maximum_latency
from .tensor_scale import amax_of

__all__ = ["TensorAmaxParameters", "tensor_amax"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TensorAmaxParameters(Parameters):
    """Parameters of ``tensor_amax``.

    A tensor may have any number of elements: its last beat is filled up with zeros.

    Parameters
    ----------
    lanes : int
        Elements accepted in a cycle, 1..256.
    source : str
        Format of the accepted elements: ``binary32`` (or ``fp32``), ``bfloat16`` or ``binary16``.
    """

    PRESETS: ClassVar = {name: {"source": name} for name in FLOAT_FORMATS}

    lanes: int = 2
    source: str = "binary32"

    def __post_init__(self) -> None:
        """Check every field."""
        whole("lanes", self.lanes, 1, 256)
        object.__setattr__(self, "source", float_name(self.source))
        choice("source", self.source, FLOAT_FORMATS)

    @property
    def timing(self) -> Timing:
        """Cycles from a tensor's last beat to its result; a beat takes one."""
        return Timing(latency=maximum_latency(self.lanes) + 3)


def tensor_amax(parameters: TensorAmaxParameters, x: npt.ArrayLike) -> np.float32:
    """Return the largest finite magnitude of a tensor, as `amax_of`.

    Elements that are subnormal in ``parameters.source`` are zeros; of nothing finite it is 0, and
    the circuit tells by a flag of what is not.

    Parameters
    ----------
    parameters : TensorAmaxParameters
        Of the unit.
    x : array of float32
        Values of ``parameters.source``, of any shape.
    """
    p = instance("parameters", parameters, TensorAmaxParameters)
    source = FLOAT_FORMATS[p.source]
    x = array("x", x, "float32")
    binary32.to_bits(x, source)
    return amax_of(binary32.flush(x, source))
