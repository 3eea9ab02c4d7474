"""Random words that depend on where they are used alone: computed from a counter, never repeated.

A run has ``2**64`` streams, and a stream ``2**32`` blocks of 32 bits. A stream's number is made of
the step of training, the layer, the use in it and the part of that (`stream_key`), so that whatever
is computed in another order, or not at all, changes no other word. Its key is that output of
SplitMix64 (G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom Number Generators",
OOPSLA 2014) whose number it is: for one seed, different streams have different keys. A block is its
number enciphered under the key (`sw.cipher`, eight rounds): for one key, different blocks are
different. So no pair of key and block occurs twice in a run, which is what "never repeated" means
here; the few bits of single words are alike as often as those of any random ones.

A block is cut into fields of equal width, a power of two of them, from bit 0 up; a word is the low
bits of a field. Word ``i`` is field ``i % fields`` of block ``i // fields``, for any number of
lanes that a circuit has.
"""

import dataclasses
import math

import numpy as np
import numpy.typing as npt

from .checks import shown, whole
from .cipher import encrypt, round_keys
from .errors import UserError

__all__ = ["KEY_BITS", "ROUNDS", "Words", "fields_of", "splitmix64", "stream_key"]

KEY_BITS = 64

ROUNDS = 8
"""Of the cipher. Seven are enough to hide every bit of a block's number."""

GAMMA = 0x9E3779B97F4A7C15
"""SplitMix64's increment."""


def splitmix64(state: int, number: int = 0) -> int:
    """Return an output of SplitMix64 started with ``state``: the first one, or a later one.

    Both are integers from 0 to ``2**64 - 1``.
    """
    state = whole("state", state, 0, 2**KEY_BITS - 1)
    number = whole("number", number, 0, 2**KEY_BITS - 1)
    z = state + (number + 1) * GAMMA & 2**64 - 1
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & 2**64 - 1
    z = (z ^ z >> 27) * 0x94D049BB133111EB & 2**64 - 1
    return z ^ z >> 31


def stream_key(seed: int, *, step: int = 0, layer: int = 0, use: int = 0, part: int = 0) -> int:
    """Return the key of a stream: output ``number`` of SplitMix64, started with its first of seed.

    ``number`` has, from bit 0 up, 8 bits of ``part``, 8 of ``use``, 16 of ``layer`` and 32 of
    ``step``.

    Parameters
    ----------
    seed : int
        Of a run, 0..2**32 - 1.
    step, layer : int
        Step of a training and number of a layer, 0..2**32 - 1 and 0..65535.
    use : int
        What the words are for in the layer, 0..255.
    part : int
        Which of several alike, 0..255.
    """
    number = 0
    fields = (("step", step, 32), ("layer", layer, 16), ("use", use, 8), ("part", part, 8))
    for name, value, bits in fields:
        number = number << bits | whole(name, value, 0, 2**bits - 1)
    return splitmix64(splitmix64(whole("seed", seed, 0, 2**32 - 1)), number)


def fields_of(bits: int) -> int:
    """Return how many words of ``bits`` bits a block has."""
    return 1 << (32 // whole("bits", bits, 1, 32)).bit_length() - 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """The words of a stream from one on.

    Parameters
    ----------
    key : int
        Of the stream, see `stream_key`.
    first : int
        Index of the first word.
    """

    key: int
    first: int = 0

    def __post_init__(self) -> None:
        """Check every field."""
        whole("key", self.key, 0, 2**KEY_BITS - 1)
        whole("first", self.first, 0, 2**37)

    @property
    def keys(self) -> list[int]:
        """The keys of the rounds."""
        return round_keys(self.key, KEY_BITS, ROUNDS)

    def blocks(self, count: int, bits: int) -> range:
        """Return the numbers of the blocks of ``count`` words; `UserError` beyond the last one."""
        fields = fields_of(bits)
        end = self.first + whole("count", count, 0, 2**63 - 1)
        if end > fields << 32:
            raise UserError(
                f"a stream has {fields << 32} random words of {bits} bits, not {end}: start another"
            )
        return range(self.first // fields, -(-end // fields))

    def draw(self, shape: tuple[int, ...], bits: int) -> npt.NDArray[np.uint32]:
        """Return words of ``bits`` bits, 1..32, the last axis counting fastest."""
        if not isinstance(shape, tuple):
            raise UserError(f"shape must be a tuple of extents, not {shown(shape)}")
        shape = tuple(whole("extent of shape", extent, 0, 2**37) for extent in shape)
        bits = whole("bits", bits, 1, 32)
        count, fields = math.prod(shape), fields_of(bits)
        numbers = self.blocks(count, bits)
        blocks = encrypt(self.keys, np.arange(numbers.start, numbers.stop).astype(np.uint32))
        places = np.arange(fields, dtype=np.uint32) * np.uint32(32 // fields)
        words = blocks[:, None] >> places & np.uint32((1 << bits) - 1)
        start = self.first % fields
        return words.reshape(-1)[start : start + count].reshape(shape)
