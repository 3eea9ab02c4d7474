"""The mean of each plane as operations."""

from collections.abc import Iterator

from .layer import Layer
from .operations import Matrix, Operation, Tensor, Window, vector
from .planes import Planes

__all__ = ["Mean"]


class Mean(Layer):
    """The mean of each plane, (channels, samples).

    Parameters
    ----------
    below : Layer
        Whose output it reads.
    x : Planes
        That output.
    """

    def __init__(self, below: Layer, x: Planes) -> None:
        self._x = x
        self._share = 1 / x.side**2
        name = f"mean_{x.tensor.name}"
        super().__init__([below], Matrix.make(name, x.channels, x.pixel, x.values), False)

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        x, y, pixels = self._x, self.y, self._x.side**2
        counters = (x.channels, x.plane), (x.words, x.values), (pixels, x.pixel)
        yield vector(
            f"means of {x.tensor.name}",
            "scale",
            y.along,
            Window(tensor=x.tensor, counters=counters),
            shape=(y.rows * y.words, pixels),
            scalar=self._share,
            reduce="sum",
        )

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below: all pixels share it equally."""
        [below] = self.below
        assert below
        x, y, dy = self._x, self.y, self.dy
        name = f"share of {dy.tensor.name}"
        shape = y.rows, y.words
        yield vector(name, "scale", y.along, dy.along, shape=shape, scalar=self._share)
        counters = (x.channels, y.stride), (x.side**2, 0), (x.words, x.values)
        yield from below.take(name, Window(tensor=y.tensor, counters=counters))
