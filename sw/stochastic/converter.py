"""Parameters and model of the stochastic converter: vectors to bits, their signs and scale."""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, instance, whole
from ..errors import UserError
from ..formats.converter import ConverterParameters
from ..formats.converter import convert as to_blocks
from ..timing import Timing
from .bits import MOST_FIRST, BitSource
from .parameters import StochasticParameters

__all__ = ["StochasticConverterParameters", "Streams", "convert", "magnitudes"]

Integers = npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class StochasticConverterParameters(StochasticParameters):
    """Parameters of ``stochastic_converter``.

    Parameters
    ----------
    elements : int
        Elements of a vector, 1..1024; ``lanes`` divides them. The others are those of
        `StochasticParameters`.
    """

    PRESETS: ClassVar = {
        "serial": {},
        "parallel": {"parallel": 8, "lanes": 4},
        "independent": {"share": "independent", "elements": 4},
    }

    elements: int = 16

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        whole("elements", self.elements, 1, 1024)
        self._check_lanes(elements=self.elements)
        self._sources([self.elements])

    @property
    def converter(self) -> ConverterParameters:
        """Parameters of the conversion to magnitudes."""
        return self._converter(self.elements)

    @property
    def bit_source(self) -> BitSource:
        """Source of the bits."""
        return self._sources([self.elements])[0]

    @property
    def period(self) -> int:
        """Cycles from one vector to the next."""
        return max(self.stream_cycles, self.elements // self.lanes)

    @property
    def timing(self) -> Timing:
        """Cycles from a vector's last beat to its first bits, and of a vector."""
        latency = self.converter.timing.latency + self.converter.beats + 2
        return Timing(latency=latency, interval=self.period, drain=self.stream_cycles - 1)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Streams:
    """Streams of random bits.

    Parameters
    ----------
    bits : array of bool, (vectors, length, elements)
    negative : array of bool, (vectors, elements)
    code : array of int32, (vectors,)
        Exponent codes: a bit's chance times ``2**(code - 126)`` is the magnitude; 255 marks a
        vector that holds a NaN or an infinity, none of whose bits are set.
    """

    bits: npt.NDArray[np.bool_]
    negative: npt.NDArray[np.bool_]
    code: Integers


def magnitudes(
    converter: ConverterParameters, x: npt.ArrayLike
) -> tuple[Integers, npt.NDArray[np.bool_], Integers]:
    """Return magnitudes, signs and exponent codes of vectors, (vectors, elements).

    Where vectors share a scale each has its code. A zero is positive.
    """
    instance("converter", converter, ConverterParameters)
    x = np.ascontiguousarray(array("vectors", x, "float32", shape=("vectors", "elements")))
    block = converter.format.block_elements
    if x.size % block or block % max(1, x.shape[1]):
        raise UserError(f"vectors must be in blocks of {block}, not of shape {x.shape}")
    element, code, _ = to_blocks(converter, x.reshape(-1, block))
    mantissa = converter.format.element.decode(element).reshape(x.shape)
    codes = np.repeat(code, len(x) // max(len(code), 1))
    return np.abs(mantissa), mantissa < 0, codes


def convert(
    parameters: StochasticConverterParameters, x: npt.ArrayLike, *, first: int = 0
) -> Streams:
    """Return the streams of vectors.

    Bit ``t`` of vector ``v`` uses word ``v * length + t`` of the source.

    Parameters
    ----------
    parameters : StochasticConverterParameters
        Of the converter.
    x : array of float32, (vectors, elements)
        Values of ``parameters.source``.
    first : int
        Vectors that were converted before.
    """
    p = instance("parameters", parameters, StochasticConverterParameters)
    x = array("x", x, "float32", shape=("vectors", p.elements))
    first = whole("first", first, 0, MOST_FIRST)
    magnitude, negative, code = magnitudes(p.converter, x)
    source = p.bit_source
    words = source.words(first * p.length, len(magnitude) * p.length)
    words = words.reshape(-1, p.length, p.elements)
    bits = source.compare(words, magnitude[:, None])
    return Streams(bits=bits, negative=negative, code=code)
