"""Generators that are linear over GF(2).

Any number of steps at once is a matrix of bits, here an array of the images of the single bits.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

__all__ = ["Linear"]

States = npt.NDArray[np.uint32]


def _tables(matrix: States) -> States:
    """Return the products of a matrix and the values of each byte of a word, (4, 256)."""
    tables = np.zeros((4, 256), np.uint32)
    for bit, image in enumerate(matrix):
        table, have = tables[bit // 8], 1 << bit % 8
        table[have : 2 * have] = table[:have] ^ image
    return tables


def _apply(matrix: States, words: States) -> States:
    """Multiply words by a matrix, a byte at a time."""
    result = np.zeros_like(words)
    for byte, table in enumerate(_tables(matrix)):
        result ^= table[(words >> np.uint32(8 * byte)) & np.uint32(255)]
    return result


@functools.cache
def _power(images: tuple[int, ...], steps: int) -> States:
    """Return the images of ``steps`` steps, given those of one."""
    if steps == 0:
        return np.uint32(1) << np.arange(len(images), dtype=np.uint32)
    if steps % 2:
        return _apply(np.array(images, np.uint32), _power(images, steps - 1))
    half = _power(images, steps // 2)
    return _apply(half, half)


@dataclasses.dataclass(frozen=True)
class Linear:
    """A generator of at most 32 bits whose step is linear over GF(2).

    ``images`` are the states that follow those of a single bit, the lowest bit's first.
    """

    images: tuple[int, ...]

    def power(self, steps: int) -> States:
        """Return the images of ``steps`` steps."""
        return _power(self.images, steps)

    def tables(self, steps: int) -> States:
        """Return what ``steps`` steps make of the values of each byte of a state, (4, 256).

        The state that follows is the sum of its bytes' entries.
        """
        return _tables(self.power(steps))

    def orbit(self, start: npt.ArrayLike, stride: int, count: int) -> States:
        """Return ``count`` states along a new first axis, ``stride`` steps from one to the next."""
        start = np.asarray(start, np.uint32)
        orbit = np.empty((count, *start.shape), np.uint32)
        orbit[:1] = start
        have = 1
        while have < count:
            more = min(have, count - have)
            orbit[have : have + more] = _apply(self.power(stride * have), orbit[:more])
            have += more
        return orbit

    def jump(self, state: int, steps: int) -> int:
        """Return the state ``steps`` steps after ``state``."""
        for bit in range(steps.bit_length()):
            if steps >> bit & 1:
                images = self.power(1 << bit)
                chosen = [place for place in range(len(images)) if state >> place & 1]
                state = int(np.bitwise_xor.reduce(images[chosen]))
        return state
