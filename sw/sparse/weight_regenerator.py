"""Weights from their number: initial values that are made anew at each use instead of stored.

In Procrustes (Yang et al., MICRO 2020, arXiv 2009.10976) and DropBack (Golub et al., arXiv
1806.06949) a weight that is not tracked is its initial value times a decay.
"""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, broadcast, instance, is_number, number, shown, whole
from ..cipher import encrypt, round_keys
from ..errors import UserError
from ..formats import binary32
from ..parameters import Parameters
from ..timing import Timing
from .stages import regenerated_weight

__all__ = [
    "MOST_SHIFT",
    "SHIFT_BITS",
    "RegeneratorParameters",
    "regenerate",
    "sums",
]

SHIFT_BITS = 6
MOST_SHIFT = (1 << SHIFT_BITS) - 1

WORD_BITS = {1: 24, 2: 16, 3: 10, 4: 8}
"""Bits of each of so many words of a weight."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class RegeneratorParameters(Parameters):
    """Parameters of ``weight_regenerator``.

    A weight's number, its index, is enciphered under the seed (`sw.cipher`). The result is cut
    into ``words`` signed words from bit 0 up. A word ``u`` represents the odd number ``2*u + 1``,
    so that the mean is zero; a weight is their sum, times a power of two of its layer, times the
    decay. A xorshift generator of the seed and the index would not do: it is linear, and the
    exclusive or of any four words whose indices cancel is zero.

    Parameters
    ----------
    lanes : int
        Weights of a request, of successive indices, 1..16.
    words : int
        Words of a weight, 1..4, of 24, 16, 10 or 8 bits: one is uniform, four are nearly normal.
    rounds : int
        Rounds of the cipher, 7..22: 7 are enough to hide every bit of the index, 10 of the seed.
    layers : int
        Layers, a power of two, 1..64.
    least : float
        A decay below it is zero, and the generator stands still; 0 or more.
    """

    PRESETS: ClassVar = {
        "serial": {"lanes": 1},
        "uniform": {"lanes": 1, "words": 1, "layers": 1},
        "parallel": {},
    }

    lanes: int = 4
    words: int = 4
    rounds: int = 8
    layers: int = 16
    least: float = 2.0**-24

    def __post_init__(self) -> None:
        """Check every field."""
        whole("lanes", self.lanes, 1, 16)
        whole("words", self.words, 1, 4)
        whole("rounds", self.rounds, 7, 22)
        whole("layers", self.layers, 1, 64)
        if self.layers & (self.layers - 1):
            raise UserError(f"layers must be a power of two from 1 to 64, not {self.layers}")
        number("least", self.least, 0, 1)

    @property
    def bits(self) -> int:
        """Bits of a word."""
        return WORD_BITS[self.words]

    @property
    def even(self) -> bool:
        """Whether all sums are even."""
        return self.words % 2 == 0

    @property
    def sum_bits(self) -> int:
        """Bits of a sum, with its sign."""
        return (self.words * ((1 << self.bits) - 1)).bit_length() + 1

    @property
    def significand_bits(self) -> int:
        """Bits of a sum without its sign, or of its half where all are even."""
        return self.sum_bits - self.even - 1

    @property
    def timing(self) -> Timing:
        """Cycles from a request to its weights."""
        return Timing(latency=regenerated_weight(self.rounds, self.significand_bits) + 2)

    @property
    def deviation(self) -> float:
        """Standard deviation of a sum."""
        return math.sqrt(self.words * (4**self.bits - 1) / 3)

    @property
    def least_pattern(self) -> int:
        """Pattern of the least decay that is not zero."""
        return max(int(np.float32(self.least).view(np.uint32)), 1 << 23)

    def shift_for(self, fan_in: int) -> int:
        """Return the shift whose weights are nearest to He's deviation, ``sqrt(2 / fan_in)``."""
        whole("fan_in", fan_in, 1, 2**31)
        return min(round(math.log2(self.deviation * math.sqrt(fan_in / 2))), MOST_SHIFT)

    def keys(self, seed: int) -> list[int]:
        """Return the key of each round."""
        return round_keys(whole("seed", seed, 0, 2**32 - 1), 32, self.rounds)


def sums(p: RegeneratorParameters, index: npt.ArrayLike, *, seed: int) -> npt.NDArray[np.int32]:
    """Return the sums of the words of weights."""
    words = encrypt(p.keys(seed), index)
    total = np.full(words.shape, p.words, np.int32)
    for word in range(p.words):
        top = words << np.uint32(32 - p.bits * (word + 1))
        total += 2 * (top.view(np.int32) >> np.int32(32 - p.bits))
    return total


def regenerate(
    parameters: RegeneratorParameters,
    index: npt.ArrayLike,
    *,
    seed: int,
    shift: npt.ArrayLike,
    decay: float = 1.0,
) -> npt.NDArray[np.float32]:
    """Return weights, of the shape of ``index``.

    Parameters
    ----------
    parameters : RegeneratorParameters
        Of the regenerator.
    index : array
        Numbers of the weights, modulo ``2**32``.
    seed : int
        Of all weights, 0..2**32 - 1.
    shift : int or array
        A sum is multiplied by ``2**-shift``, 0..63.
    decay : float
        Rounded to binary32, not negative. By an infinity or a NaN all are NaN; below
        ``parameters.least`` all are +0.
    """
    p = instance("parameters", parameters, RegeneratorParameters)
    index = array("index", index, "integer")
    shift = array("shift", shift, "integer", low=0, high=MOST_SHIFT)
    if broadcast(index=index, shift=shift) != index.shape:
        raise UserError(
            f"shift must have a shape that broadcasts to that of index, {index.shape}, "
            f"not {shift.shape}"
        )
    seed = whole("seed", seed, 0, 2**32 - 1)
    if not is_number(decay) or decay < 0:
        raise UserError(f"decay must be a number that is not negative, not {shown(decay)}")
    with np.errstate(over="ignore"):
        factor = np.float32(math.inf if decay > 2.0**200 else decay)
    if np.abs(factor).view(np.uint32) < p.least_pattern:
        return np.zeros(index.shape, np.float32)
    if not np.isfinite(factor):
        return np.full(index.shape, binary32.NAN)
    total = sums(p, index.astype(np.uint32), seed=seed).astype(np.float32)
    return binary32.multiply(np.ldexp(total, -shift.astype(np.int32)), factor)
