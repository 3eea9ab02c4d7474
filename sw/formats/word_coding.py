"""What words of several elements mean, of a machine that switches between formats."""

import dataclasses
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from . import BlockFormat
from .block_coding import ElementCoding
from .coding import Coding, Rows, hexadecimal

__all__ = ["WordCoding"]


@dataclasses.dataclass(frozen=True)
class WordCoding(Coding):
    """A word of one, two or four elements side by side, each of a line of its own.

    Parameters
    ----------
    formats : tuple of BlockFormat
        Of the modes, in which an element has ``places[mode]`` times 4 bits.
    signs : bool
        Whether signs stand beside the elements, above their 16 bits.
    coded : bool
        Whether elements are in their formats' codes; else they are signs and magnitudes.
    places : tuple of int
        See above.
    """

    formats: tuple[BlockFormat, ...]
    signs: bool
    coded: bool
    places: tuple[int, ...]

    @property
    def title(self) -> str:
        """What it is called."""
        return "word of elements"

    @property
    def formula(self) -> str:
        """The value of an element q under its code c, by modes."""
        parts = [
            f"mode {n}: q x 2^(c - {-int(f.last_place(0))})" for n, f in enumerate(self.formats)
        ]
        return "value: " + "; ".join(parts)

    def rows(self) -> Rows:
        """Return where the elements of each mode are."""
        rows = []
        for mode, (format, places) in enumerate(zip(self.formats, self.places, strict=True)):
            size, count = 4 * places, 4 // places
            where = f"element i in bits {size}i+{size - 1}..{size}i, i = 0..{count - 1}"
            if count == 1:
                where = "one element in bits 15..0"
            rows.append((f"mode {mode}: {format.name}", f"{where}; {self._element(format)}"))
        if self.signs:
            rows.append(("bits 19..16", "the sign of element i is bit 16 + i; 1 is negative"))
        return rows

    def _element(self, format: BlockFormat) -> str:
        if self.coded:
            return f"its code of {format.element_bits} bits is lowest, the bits above are ignored"
        if self.signs:
            return f"its magnitude |q|, of {format.magnitude_bits} bits"
        return (
            f"its sign in the top bit, its magnitude |q|, of {format.magnitude_bits} bits, lowest"
        )

    def samples(self) -> Rows:
        """Return a word in each mode."""
        rows = []
        for mode in range(len(self.formats)):
            word = self.words(mode, self.elements(mode, 4 // self.places[mode]))
            q = ", ".join(str(n) for n in self.numbers(mode, word))
            rows.append(
                (hexadecimal(word, 16 + 4 * self.signs), f"mode {mode}: q = {q}, element 0 first")
            )
        return rows

    def elements(self, mode: int, count: int) -> list[int]:
        """Return integers q for an example."""
        coding = ElementCoding(self.formats[mode])
        return [int(coding.number(c) or 0) for c in coding.some(count + mode)[mode:]]

    def words(self, mode: int, elements: Sequence[int]) -> int:
        """Return the word of the elements of a mode, integers."""
        size, word = 4 * self.places[mode], 0
        for i, q in enumerate(elements):
            code = abs(q)
            if self.coded:
                code = int(self.formats[mode].element.encode(np.array([q]))[0])
            elif q < 0:
                code |= 1 << (size - 1 if not self.signs else 16 + i - size * i)
            word |= code << size * i
        return word

    def numbers(self, mode: int, word: int) -> list[int]:
        """Return the integers of a word."""
        size, found = 4 * self.places[mode], []
        for i in range(4 // self.places[mode]):
            code = word >> size * i & (1 << size) - 1
            if self.coded:
                code &= (1 << self.formats[mode].element_bits) - 1
                found.append(int(self.formats[mode].element.decode(np.array([code]))[0]))
                continue
            sign = word >> 16 + i & 1 if self.signs else code >> size - 1
            size_of = code if self.signs else code & (1 << size - 1) - 1
            found.append(-size_of if sign else size_of)
        return found

    def some(self, count: int) -> list[int]:
        """Return words of mode 1."""
        elements = self.elements(1, 2 * count)
        return [self.words(1, elements[2 * n : 2 * n + 2]) for n in range(count)]

    def number(self, code: int) -> Fraction | None:
        """Return nothing: a word is several numbers."""
        return None
