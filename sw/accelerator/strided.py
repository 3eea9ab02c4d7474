"""Matrices whose rows and words lie anywhere in a tensor."""

import dataclasses

from .operations import Matrix, Window
from .part import pieces

__all__ = ["Stack", "Strided"]

Counters = tuple[tuple[int, ...], ...]
"""Counts and strides, as those of `Window`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Strided(Matrix):
    """A matrix by the counters of its rows and of the words along them.

    ``first`` is the element at which it begins; ``plane`` is as in `Window`.
    """

    down: Counters
    beside: Counters
    first: int = 0
    plane: tuple[int, int, int, int] | None = None

    def split(self, most: int) -> list[tuple[range, Matrix]]:
        """Return at most so many parts of the words of all rows, and which words they are."""
        (count, stride, *steps), *others = self.beside
        each = self.words // count
        return [
            (
                range(part.start * each, part.stop * each),
                dataclasses.replace(
                    self,
                    words=len(part) * each,
                    beside=((len(part), stride, *steps), *others),
                    first=self.first + part.start * stride,
                ),
            )
            for part in pieces(count, most)
        ]

    @property
    def along(self) -> Window:
        """Word after word, row after row."""
        return self._window(self.down + self.beside)

    @property
    def across(self) -> Window:
        """Down the rows, word beside word."""
        return self._window(self.beside + self.down)

    def _window(self, counters: Counters) -> Window:
        first, plane = self.first, self.plane
        return Window(tensor=self.tensor, counters=counters, offset=first, plane=plane)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stack:
    """A matrix (tokens, features) of each sample and each head, in one tensor.

    Parameters
    ----------
    matrix : Matrix
        All of its words; a row of it is that of a token.
    tokens, features : int
        Of each sample and each head; zeros fill up the words of features.
    samples, heads : int
    strides : tuple of int
        Elements from a sample to the next, from a head, and from a token.
    first : int
        The element at which it begins.
    """

    matrix: Matrix
    tokens: int
    features: int
    samples: int
    heads: int
    strides: tuple[int, int, int]
    first: int = 0

    @property
    def name(self) -> str:
        """Of the tensor."""
        return self.matrix.tensor.name

    def of(self, samples: range) -> "Stack":
        """Return those of some samples."""
        return dataclasses.replace(
            self, samples=len(samples), first=samples.start * self.strides[0]
        )

    def by_tokens(self, whole: int) -> Strided:
        """Return a row each token, with rows of zeros up to a multiple of ``whole`` of them.

        The rows of a sample's head lie one behind the other, sample after sample.
        """
        x, tokens = self.matrix, -(-self.tokens // whole) * whole
        plane = (0, 0, self.tokens, 1) if tokens > self.tokens else None
        sample, head, token = self.strides
        rows = (self.samples, sample), (self.heads, head), (tokens, token, 1, 0)
        words = ((x.words, x.values),)
        count = self.samples * self.heads * tokens
        return Strided(
            x.tensor,
            count,
            x.words,
            x.values,
            down=rows,
            beside=words,
            first=self.first,
            plane=plane,
        )

    def by_features(self, pitch: int = 0, times: int = 1) -> Strided:
        """Return what across is a row each feature, in the same order, of all tokens.

        They come several ``times``, with zeros up to a ``pitch`` of tokens.
        """
        x, (sample, head, token) = self.matrix, self.strides
        words = (self.samples, sample), (self.heads, head), (x.words, x.values)
        count = self.samples * self.heads * x.words
        tokens = max(pitch, self.tokens)
        plane = (0, 0, self.tokens, 1) if tokens > self.tokens else None
        rows = (times, 0), (tokens, token, 1, 0)
        return Strided(
            x.tensor,
            times * tokens,
            count,
            x.values,
            down=rows,
            beside=words,
            first=self.first,
            plane=plane,
        )
