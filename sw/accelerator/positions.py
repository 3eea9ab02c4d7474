"""What a transformer adds to tokens, as operations."""

import dataclasses
from collections.abc import Iterator

from ..train import attention
from .layer import Layer
from .operations import Matrix, Operation, Tensor, Window, vector
from .shared import Shared, descent
from .stages import Stage

__all__ = ["Positions"]


class Positions(Layer):
    """A learned vector of each place, added to the tokens there.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : Layer
        Whose output, which nothing else reads, (features, tokens, samples), it takes the place of.
    shared : Shared
        What layers have in common.

    Members
    -------
    position, momentum : Matrix
        Its array, (tokens, features).
    """

    def __init__(self, stage: Stage, below: Layer, shared: Shared) -> None:
        assert isinstance(stage.part, attention.Positions)
        super().__init__([below], below.y, stage.relu)
        tokens, width = stage.part.parameters["position"].shape
        values, name = below.y.values, f"position{stage.number}"
        self.position, self.momentum, self._gradient = (
            Matrix.make(f"{prefix}{name}", tokens, width, values)
            for prefix in ("", "momentum_", "gradient_")
        )
        self._width, self._words = width, below.y.words // tokens
        # A word of sums each token of each feature.
        self._sums = Matrix.make(f"sums_{name}", width * tokens, values, values)
        self._shared = shared
        self.arrays = [self.position, self.momentum]
        if self._gradient.stride > width:
            self.padded = [self._gradient]

    def _elements(self, x: Matrix, times: int) -> Window:
        """Return elements in the order of outputs, each several times."""
        counters = (self._width, 1), (x.rows, x.stride), (times, 0)
        return Window(tensor=x.tensor, counters=counters, single=True)

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        [below] = self.below
        assert below and below.readers == 1 and not below.relu
        y, each = self.y, self._elements(self.position, self._words)
        comment = f"{y.tensor.name} + {self.position.tensor.name}"
        yield vector(
            comment, "add", y.along, y.along, each, shape=(y.rows, y.words), relu=self.relu
        )

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below, and what changes the array."""
        [below] = self.below
        assert below
        yield from self._add_samples()
        yield from below.take(self.dy.tensor.name, self.dy.along, kept=self.dy)
        yield from descent(self._shared, self.position, self.momentum, self._gradient)

    def _add_samples(self) -> Iterator[Operation]:
        """Give what adds the words of each sum, one after the other, then the values of these.

        An operation is for all sums: a reduction would wait for each of them.
        """
        dy, sums, gradient = self.dy, self._sums, self._elements(self._gradient, 1)
        name, values = dy.tensor.name, dy.values
        words = [
            (f"word {n} of {name}", dy.window(((sums.rows, self._words * values),)), n * values)
            for n in range(self._words)
        ]
        single = dataclasses.replace(sums.along, single=True)
        lanes = [(f"value {n} of {sums.tensor.name}", single, n) for n in range(values)]
        for total, terms in ((sums.along, words), (gradient, lanes)):
            for number, (comment, source, first) in enumerate(terms):
                each = dataclasses.replace(source, offset=source.offset + first)
                shape = (sums.rows, 1)
                if number:
                    yield vector(f"add {comment}", "add", total, total, each, shape=shape)
                else:
                    yield vector(comment, "copy", total, each, shape=shape)
