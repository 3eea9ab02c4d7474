"""Planes of pixels in the scratchpad, and the matrices of convolutions in them."""

import dataclasses
import math

from .operations import Matrix, Tensor, Window
from .part import pieces

__all__ = ["Patches", "Planes"]


@dataclasses.dataclass(frozen=True)
class Planes:
    """A tensor (channels, side, side, samples); ``words`` hold the samples of a pixel."""

    tensor: Tensor
    channels: int
    side: int
    words: int
    values: int

    @property
    def pixel(self) -> int:
        """Elements from a pixel to the next."""
        return self.words * self.values

    @property
    def line(self) -> int:
        """Elements from a line to the next."""
        return self.side * self.pixel

    @property
    def plane(self) -> int:
        """Elements from a channel to the next."""
        return self.side * self.line

    @classmethod
    def of(cls, matrix: Matrix, words: int) -> "Planes":
        """Return the planes that are the rows of a matrix."""
        side = math.isqrt(matrix.words // words)
        return cls(matrix.tensor, matrix.rows, side, words, matrix.values)

    @property
    def matrix(self) -> Matrix:
        """A row a channel."""
        return Matrix(self.tensor, self.channels, self.side**2 * self.words, self.values)

    def patches(self, kernel: int, padding: int, *, stride: int = 1) -> "Patches":
        """Return what the taps of kernels see, with a border of zeros."""
        outputs = (self.side + 2 * padding - kernel) // stride + 1
        rows, words = self.channels * kernel**2, outputs**2 * self.words
        return Patches(
            self.tensor,
            rows,
            words,
            self.values,
            planes=self,
            kernel=kernel,
            padding=padding,
            distance=stride,
            outputs=outputs,
            lines=range(outputs),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patches(Matrix):
    """Pixels under taps, which are not copied.

    Rows are (channels, down, across), the taps of a kernel; along them lie (y, x, samples) of the
    results of a convolution, for its ``lines``.
    """

    planes: Planes
    kernel: int
    padding: int
    distance: int
    outputs: int
    lines: range

    def split(self, most: int) -> list[tuple[range, Matrix]]:
        """Return at most so many parts of whole lines, and which words of the results they are."""
        line = self.outputs * self.planes.words
        return [
            (
                range(lines.start * line, lines.stop * line),
                dataclasses.replace(self, words=len(lines) * line, lines=lines),
            )
            for lines in pieces(self.outputs, most)
        ]

    @property
    def along(self) -> Window:
        """Word after word, row after row."""
        return self._window((*self._taps, *self._pixels))

    @property
    def across(self) -> Window:
        """Down the rows, word beside word."""
        return self._window((*self._pixels, *self._taps))

    @property
    def _taps(self) -> tuple[tuple[int, ...], ...]:
        p = self.planes
        return (p.channels, p.plane), (self.kernel, p.line, 1, 0), (self.kernel, p.pixel, 0, 1)

    @property
    def _pixels(self) -> tuple[tuple[int, ...], ...]:
        p, far, count = self.planes, self.distance, self.outputs
        return (
            (len(self.lines), far * p.line, far, 0),
            (count, far * p.pixel, 0, far),
            (p.words, p.values),
        )

    def _window(self, counters: tuple[tuple[int, ...], ...]) -> Window:
        p, left = self.planes, -self.padding
        top = left + self.lines.start * self.distance
        return Window(
            tensor=self.tensor,
            counters=counters,
            offset=top * p.line + left * p.pixel,
            plane=(top, left, p.side, p.side),
        )
