"""Largest values of 2 x 2 pixels as operations."""

import itertools
from collections.abc import Iterator

from .layer import Layer
from .operations import Operation, Tensor, Window, vector
from .part import Part
from .planes import Planes

__all__ = ["Pool"]


class Pool(Layer):
    """The largest of each 2 x 2 pixels of what a rectifier gave.

    The first of equal ones takes the gradient. An odd last line or column is left out.

    Parameters
    ----------
    below : Layer
        That ends with a rectifier, and whose output nothing else reads.
    x : Planes
        That output, which its gradient takes the place of.
    equal : Tensor
        Room for which pixels are the largest.
    """

    def __init__(self, below: Layer, x: Planes, equal: Tensor) -> None:
        self._x = x
        words = x.channels * (x.side // 2) ** 2 * x.words
        name = f"pool{below.y.tensor.name.removeprefix('y')}"
        output, gradient, self._equal = (
            Planes(tensor, x.channels, x.side // 2, x.words, x.values)
            for tensor in (Tensor(name, words), Tensor(f"d{name}", words), equal)
        )
        equal.words = max(equal.words, words)
        # Where the largest is not positive the gradient is of no use: the rectifier lets none pass.
        super().__init__([below], output.matrix, True)
        self._side, self.dy = output.side, gradient.matrix
        self.groups = below.groups

    def _corners(self, rows: range) -> list[Window]:
        """Return the pixels of each corner, of a word each, in some channels."""
        x, half = self._x, self._side
        words = x.plane // x.values
        counters = (
            (len(rows), x.plane),
            (half, 2 * x.line),
            (half, 2 * x.pixel),
            (x.words, x.values),
        )
        return [
            Window(
                tensor=x.tensor,
                counters=counters,
                offset=rows.start * x.plane + down * x.line + across * x.pixel,
                part=Part(words, rows, range(words)),
            )
            for down, across in itertools.product(range(2), repeat=2)
        ]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        name = self.y.tensor.name
        for rows in self.groups:
            y, shape = self.y.cut(rows).along, (len(rows), self.y.words)
            first, *others = self._corners(rows)
            yield vector(f"{name} = first of {self._x.tensor.name}", "copy", y, first, shape=shape)
            for corner in others:
                yield vector(f"{name} = the larger", "max", y, corner, y, shape=shape)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below: corner after corner takes what is left.

        Where the largest is not positive ``dy`` is zero, so the rectifier needs no further look.
        """
        [below] = self.below
        assert below and below.relu and below.readers == 1
        name, shape = below.dy.tensor.name, (self.y.rows, self.y.words)
        y, rest, equal = self.y.along, self.dy.along, self._equal.matrix.along
        corners = self._corners(range(self.y.rows))
        for corner in corners:
            yield vector(f"where {name} is the largest", "equal", equal, corner, y, shape=shape)
            yield vector(f"d{name} there", "mask", corner, rest, equal, shape=shape)
            if corner is not corners[-1]:
                yield vector(f"what is left for {name}", "sub", rest, rest, corner, shape=shape)
        x = self._x
        if x.side % 2:
            last = x.side - 1
            line = (x.channels, x.plane), (x.side * x.words, x.values)
            column = (x.channels, x.plane), (x.side, x.line), (x.words, x.values)
            for counters, offset in ((line, last * x.line), (column, last * x.pixel)):
                edge = Window(tensor=x.tensor, counters=counters, offset=offset)
                shape = x.channels, x.side * x.words
                yield vector(f"none at the edge of d{name}", "fill", edge, shape=shape)
