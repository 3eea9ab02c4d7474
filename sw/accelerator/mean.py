"""The mean of each plane, or of all tokens, as operations."""

from collections.abc import Iterator

from .layer import Layer
from .operations import Matrix, Operation, Tensor, Window, vector

__all__ = ["Mean"]


class Mean(Layer):
    """The mean of each plane, or of all tokens of a sample, (channels, samples).

    Parameters
    ----------
    below : Layer
        Whose output, (channels, places, samples), it reads.
    words : int
        Of the samples of a place.
    """

    def __init__(self, below: Layer, words: int) -> None:
        self._x = x = below.y
        self._places = x.words // words
        self._share = 1 / self._places
        name = f"mean_{x.tensor.name}"
        super().__init__([below], Matrix.make(name, x.rows, words * x.values, x.values), False)
        self.groups = below.groups

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        y, places = self.y, self._places
        for rows in self.groups:
            x = self._x.cut(rows)
            counters = (len(rows), x.stride), (y.words, y.values), (places, y.stride)
            yield vector(
                f"means of {x.tensor.name}",
                "scale",
                y.cut(rows).along,
                x.window(counters),
                shape=(len(rows) * y.words, places),
                scalar=self._share,
                reduce="sum",
            )

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below: all places share it equally."""
        [below] = self.below
        assert below
        y, dy = self.y, self.dy
        name = f"share of {dy.tensor.name}"
        shape = y.rows, y.words
        yield vector(name, "scale", y.along, dy.along, shape=shape, scalar=self._share)
        counters = (y.rows, y.stride), (self._places, 0), (y.words, y.values)
        yield from below.take(name, Window(tensor=y.tensor, counters=counters))
