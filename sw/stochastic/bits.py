"""Random bits: what is compared with what, and which elements share a random word."""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..checks import array, broadcast, choice, instance, whole
from ..errors import UserError
from ..parameters import Checked
from .lfsr import Lfsr

__all__ = ["MOST_FIRST", "SHARES", "BitSource", "sources"]

MOST_FIRST = 1 << 48
"""Most pairs or vectors before the first."""

MOST_COUNT = 1 << 31
"""Words at a time."""

SHARES = ("shared", "rotated", "independent")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BitSource(Checked):
    """Source of the random bits of some elements.

    An element's bit is whether its random word lies below its magnitude ``q``, of ``bits`` bits.
    The word is the top ``bits`` bits of the state of a shift register, which takes `Lfsr.leap`
    steps from one word to the next: of one for all elements (``shared``); of one for all, rotated
    by the element's number (``rotated``); or of one of its own (``independent``).

    A state is never zero. Where words are whole states, a word that is equal to ``q`` lies below it
    too, so that the bit is set with the chance ``q / (2**bits - 1)``. Otherwise the chance is
    ``q / 2**bits``, but for at most ``2**-width``.

    Parameters
    ----------
    lfsr : Lfsr
        The shift register.
    bits : int
        Bits of a word, no more than those of the register.
    share : str
        Of `SHARES`.
    elements : int
        Elements.
    starts : tuple of int
        First state of each register: one, or, if ``independent``, one an element.
    """

    lfsr: Lfsr
    bits: int
    share: str
    elements: int
    starts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check every field."""
        instance("lfsr", self.lfsr, Lfsr)
        whole("bits", self.bits, 1, self.lfsr.width)
        choice("share", self.share, SHARES)
        whole("elements", self.elements, 1, 1 << 16)
        needed = self.elements if self.share == "independent" else 1
        instance("starts", self.starts, tuple)
        if len(self.starts) != needed:
            raise UserError(f"starts must be {needed} states, not {len(self.starts)}")

    @property
    def inclusive(self) -> bool:
        """Whether a word that is equal to the magnitude counts as below it."""
        return self.bits == self.lfsr.width

    def states(self, first: int, count: int, start: int = 0) -> npt.NDArray[np.uint32]:
        """Return ``count`` states of a register, ``first`` words after its start."""
        lfsr = self.lfsr
        first = whole("first", first, 0, MOST_FIRST << 32)
        count = whole("count", count, 0, MOST_COUNT)
        whole("start", start, 0, len(self.starts) - 1)
        state = lfsr.jump(self.starts[start], first * lfsr.leap)
        return lfsr.linear.orbit(state, lfsr.leap, count)

    def words(self, first: int, count: int) -> npt.NDArray[np.uint32]:
        """Return ``count`` words of each element from word ``first`` on, (count, elements)."""
        width = self.lfsr.width
        if self.share == "independent":
            columns = [self.states(first, count, e) for e in range(self.elements)]
            states = np.stack(columns, axis=1)
        else:
            states = np.repeat(self.states(first, count)[:, None], self.elements, axis=1)
        if self.share == "rotated":
            turns = np.arange(self.elements, dtype=np.uint64) % np.uint64(width)
            twice = states.astype(np.uint64) << turns
            states = (twice | twice >> np.uint64(width)).astype(np.uint32)
            states &= np.uint32(self.lfsr.period)
        return states >> np.uint32(width - self.bits)

    def compare(self, words: npt.ArrayLike, magnitude: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return the bits of magnitudes for words, arrays of integers."""
        words = array("words", words, "integer")
        magnitude = array("magnitude", magnitude, "integer")
        broadcast(words=words, magnitude=magnitude)
        return np.less_equal(words, magnitude) if self.inclusive else np.less(words, magnitude)


def sources(
    lfsr: Lfsr, *, bits: int, share: str, seed: int, elements: Sequence[int]
) -> list[BitSource]:
    """Return a source for each number of elements, none of whose registers are near each other.

    The registers lie at equal distances on the cycle of states, the first of them half a distance
    after ``seed``, whose bits may be few.
    """
    instance("lfsr", lfsr, Lfsr)
    whole("seed", seed, 1, lfsr.period)
    instance("elements", elements, list, tuple)
    for each in elements:
        whole("elements", each, 1, 1 << 16)
    counts = [each if share == "independent" else 1 for each in elements]
    total = sum(counts)
    if total > lfsr.period:
        raise UserError(
            f"width must be at least {(total + 1).bit_length()} for {total} shift registers that "
            f"start in different states, not {lfsr.width}"
        )
    starts = _starts(lfsr, seed, total)
    found = []
    for each, count in zip(elements, counts, strict=True):
        mine, starts = starts[:count], starts[count:]
        found.append(BitSource(lfsr=lfsr, bits=bits, share=share, elements=each, starts=mine))
    return found


@functools.lru_cache(64)
def _starts(lfsr: Lfsr, seed: int, count: int) -> tuple[int, ...]:
    """Return states at equal distances, the first half a distance after ``seed``."""
    places = [(2 * i + 1) * lfsr.period // (2 * count) for i in range(count)]
    return tuple(lfsr.jump(seed, place) for place in places)
