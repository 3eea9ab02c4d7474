"""The Hadamard transform of tiles of a stream, which spreads outliers before a quantization.

Of the elements ``x`` of a tile of ``n``, with signs ``s`` of 1 and -1 and Sylvester's matrix
``H[i, j] = (-1)**popcount(i & j)``:

    y = x * diag(s) * H * scale

``scale`` is 1 / sqrt(n) where that is a power of two, as 1 / 4 of 16 elements, and 1 / sqrt(n) in
binary32 elsewhere, as 0x3E3504F3 of 32. The sum of the scaled elements is exact, and rounded once:
training recipes (TransformerEngine, Quartet, TetraJet) name neither the order of the additions nor
the constant's precision, so both are choices of ours.
"""

import dataclasses
import functools
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, choice, divides, instance, one_of, whole
from ..parameters import Parameters
from ..timing import Timing
from . import FLOAT_FORMATS, FloatFormat, binary32, float_name
from .transform_stages import hadamard_latency

__all__ = ["DIGIT", "HadamardParameters", "hadamard"]

DIGIT = 64
"""Places of a digit, of the numbers whose sums are exact."""

SIGNS = 0xD7E8
"""Those of TransformerEngine, for 16 elements."""

ROOT = 0xB504F3
"""The significand of 1 / sqrt(2) in binary32, and of all odd powers of it."""

BINARY64_BITS = 53

SPAN = 5000
"""Of the exponents of a tile whose sums are infinite or NaN, or all zeros: none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class HadamardParameters(Parameters):
    """Parameters of ``hadamard``.

    Parameters
    ----------
    tile : int
        Elements that are transformed together: 2, 4, 8, 16 or 32.
    lanes : int
        Elements accepted in a cycle; divides the tile, and is a power of two with it.
    source : str
        Format of the accepted elements: ``bfloat16``, ``binary16`` or ``binary32`` (or ``fp32``).
    result : str
        Format of the results: ``bfloat16`` or ``binary32``.
    signs : int or None
        The elements that change their sign, bit 0 the first, after reset and until register
        ``signs`` is written. None is 0xD7E8, those of TransformerEngine, as far as the tile goes.
    """

    PRESETS: ClassVar = {
        "transformer_engine": {},
        "quartet": {"tile": 32, "signs": 0},
    }

    tile: int = 16
    lanes: int = 2
    source: str = "bfloat16"
    result: str = "bfloat16"
    signs: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        one_of("tile", self.tile, (2, 4, 8, 16, 32))
        whole("lanes", self.lanes, 1, 32)
        divides("lanes", self.lanes, self.tile, f"the {self.tile} elements of a tile")
        for name, allowed in (("source", FLOAT_FORMATS), ("result", ("bfloat16", "binary32"))):
            object.__setattr__(self, name, float_name(getattr(self, name)))
            choice(name, getattr(self, name), allowed)
        every = (1 << self.tile) - 1
        if self.signs is None:
            object.__setattr__(self, "signs", SIGNS & every)
        whole("signs", self.signs, 0, every)

    @property
    def beats(self) -> int:
        """Beats of a tile."""
        return self.tile // self.lanes

    @property
    def formats(self) -> tuple[FloatFormat, FloatFormat]:
        """Those of elements and of results."""
        return FLOAT_FORMATS[self.source], FLOAT_FORMATS[self.result]

    @property
    def levels(self) -> int:
        """Levels of additions, the base-2 logarithm of the tile."""
        return self.tile.bit_length() - 1

    @property
    def scale(self) -> tuple[int, int]:
        """The scale's significand, an integer, and the power of two that it is multiplied by."""
        half, odd = divmod(self.levels, 2)
        return (ROOT, -24 - half) if odd else (1, -half)

    @property
    def digits(self) -> int:
        """Digits, of `DIGIT` places, one for each exponent field, of an exact sum."""
        return -(-self.formats[0].exponent_ones // DIGIT)

    @property
    def timing(self) -> Timing:
        """Cycles from a tile's last beat to its first one transformed, and a tile's beats."""
        latency = hadamard_latency(self.scale[0], self.levels, self.digits)
        return Timing(latency=latency, interval=self.beats, drain=self.beats - 1)


def hadamard(
    parameters: HadamardParameters, x: npt.ArrayLike, *, signs: int | None = None
) -> npt.NDArray[np.float32]:
    """Return the transforms of tiles, in values of ``parameters.result``.

    Elements that are subnormal in ``parameters.source`` are zeros. A sum is exact and rounded once,
    to nearest even, as if exponents were unbounded; then a result below the normal numbers becomes
    a zero of the same sign and one beyond them an infinity. A sum of 0 is +0. Infinities of one
    sign give an infinity; of unequal sign, or a NaN, `binary32.NAN`.

    Parameters
    ----------
    parameters : HadamardParameters
        Of the transform.
    x : array of float32, (..., tile)
        Values of ``parameters.source``.
    signs : int or None
        As the register of that name; None is ``parameters.signs``.
    """
    p = instance("parameters", parameters, HadamardParameters)
    source, result = p.formats
    x = array("x", x, "float32", shape=(..., p.tile))
    binary32.to_bits(x, source)
    mask = whole("signs", p.signs if signs is None else signs, 0, (1 << p.tile) - 1)
    negative = mask >> np.arange(p.tile) & 1
    flushed = binary32.flush(x, source).reshape(-1, p.tile)
    with np.errstate(invalid="ignore"):
        values = np.where(negative, -flushed, flushed).astype(np.float64)
        sums = values @ _matrix(p.tile)
    significand, exponent = p.scale
    if significand == 1:
        scaled = np.ldexp(sums, exponent)
    else:
        scaled = np.ldexp(_times(sums, significand), exponent)
    wide = _span(values) + source.fraction_bits + 1 + p.levels > BINARY64_BITS
    if wide.any():
        scaled[wide] = _exactly(values[wide], significand, exponent)
    return binary32.narrowed(scaled + 0.0, result).reshape(x.shape)


@functools.cache
def _matrix(n: int) -> npt.NDArray[np.float64]:
    """Return Sylvester's matrix."""
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix


def _span(values: npt.NDArray[np.float64]) -> Integers:
    """Return how far the exponents of a tile's elements lie apart, 0 if one is not finite."""
    exponent = np.frexp(values)[1].astype(np.int64)
    none = (values == 0) | ~np.isfinite(values).all(axis=1, keepdims=True)
    most = np.where(none, -SPAN, exponent).max(axis=1)
    return np.maximum(most - np.where(none, SPAN, exponent).min(axis=1), 0)


def _times(x: npt.NDArray[np.float64], factor: int) -> npt.NDArray[np.float64]:
    """Return the products with an integer of 24 bits, rounded to odd in 52 bits.

    Where such a product is inexact its last bit is 1, so that rounding it to fewer bits gives what
    rounding the exact product does.
    """
    finite = np.isfinite(x)
    fraction, exponent = np.frexp(np.where(finite, np.abs(x), 0.0))
    integer = np.ldexp(fraction, BINARY64_BITS).astype(np.int64)
    low = (integer & (1 << 27) - 1) * factor
    high = (integer >> 27) * factor + (low >> 27)
    odd = 2 * high + (low & (1 << 27) - 1 != 0)
    product = np.ldexp(odd.astype(np.float64), exponent - BINARY64_BITS + 26)
    return np.where(finite, np.copysign(product, x), x)


def _exactly(
    values: npt.NDArray[np.float64], significand: int, exponent: int
) -> npt.NDArray[np.float64]:
    """Return the scaled transforms of finite tiles of any exponents, rounded to odd in 53 bits."""
    unit = 149
    integers = np.array([int(v) for v in np.ldexp(values, unit).flat], object)
    sums = integers.reshape(values.shape) @ _matrix(values.shape[1]).astype(int).astype(object)
    return np.array([_odd(each * significand, exponent - unit) for each in sums.flat]).reshape(
        values.shape
    )


def _odd(integer: int, exponent: int) -> float:
    """Return ``integer * 2**exponent``, rounded to odd in 53 bits."""
    magnitude = abs(integer)
    drop = max(magnitude.bit_length() - BINARY64_BITS, 0)
    kept = magnitude >> drop
    kept |= kept << drop != magnitude
    return float(np.ldexp(float(-kept if integer < 0 else kept), exponent + drop))
