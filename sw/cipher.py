"""The rounds of Speck32, which make a random word of a number (Beaulieu et al., 2013).

A round is an addition of 16 bits, rotations and exclusive ors. Its key is one of the 16-bit parts
of a key, in turn, with the round's constant. That is not the published schedule of keys, and no
secret is kept by it: what is asked for is that every bit of the number reach every bit of the word.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["constants", "encrypt", "round_keys"]

ROUND_STEP = 0x9E37
"""By which the constants of successive rounds differ: the golden ratio's first 16 bits."""


def constants(rounds: int) -> list[int]:
    """Return what distinguishes the keys of so many rounds."""
    return [ROUND_STEP * (n + 1) & 0xFFFF for n in range(rounds)]


def round_keys(key: int, bits: int, rounds: int) -> list[int]:
    """Return the key of each round, for a key of ``bits`` bits, a multiple of 16."""
    parts = [key >> place & 0xFFFF for place in range(0, bits, 16)]
    return [parts[n % len(parts)] ^ each for n, each in enumerate(constants(rounds))]


def encrypt(keys: list[int], words: npt.ArrayLike) -> npt.NDArray[np.uint32]:
    """Return words enciphered by the rounds of Speck32, one for each key of 16 bits."""
    words = np.asarray(words, np.uint32)
    x, y = (words >> np.uint32(16)).astype(np.uint16), words.astype(np.uint16)
    with np.errstate(over="ignore"):
        for key in keys:
            x = ((x >> np.uint16(7) | x << np.uint16(9)) + y) ^ np.uint16(key)
            y = (y << np.uint16(2) | y >> np.uint16(14)) ^ x
    return x.astype(np.uint32) << np.uint32(16) | y
