"""The sum of two layers as an operation."""

import dataclasses
from collections.abc import Iterator

from .layer import Layer
from .operations import Operation, Tensor, vector

__all__ = ["Sum"]


class Sum(Layer):
    """The sum of the outputs of two layers, which both take its gradient.

    It takes the place of the first one's output, unless a rectifier there needs that.

    Parameters
    ----------
    body, around : Layer
        The branches.
    relu : bool
        Whether a rectifier follows.
    """

    def __init__(self, body: Layer, around: Layer, relu: bool) -> None:
        y = body.y
        if body.relu or body.readers:
            room = Tensor(f"sum_{y.tensor.name}_{around.y.tensor.name}", y.rows * y.words)
            y = dataclasses.replace(y, tensor=room)
        super().__init__([body, around], y, relu)
        self.groups = body.groups

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        matrices = self.y, *(layer.y for layer in self.below if layer)
        first, second = (matrix.tensor.name for matrix in matrices[1:])
        name = f"{first} + {second}{', rectified' * self.relu}"
        for rows in self.groups:
            windows = (matrix.cut(rows).along for matrix in matrices)
            shape = len(rows), self.y.words
            yield vector(name, "add", *windows, shape=shape, relu=self.relu)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what the layers below do with the gradient."""
        for layer in self.below:
            assert layer
            yield from layer.take(self.dy.tensor.name, self.dy.along, self.dy)
