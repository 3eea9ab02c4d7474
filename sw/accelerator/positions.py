"""What a transformer adds to tokens, as operations."""

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
        dy, position = self.dy, self.position
        name = dy.tensor.name
        yield vector(
            f"gradient of {position.tensor.name} = sums of {name}",
            "copy",
            self._elements(self._gradient, 1),
            dy.along,
            shape=(dy.rows * position.rows, self._words),
            reduce="sum",
            fold=True,
        )
        yield from below.take(name, dy.along, kept=dy)
        yield from descent(self._shared, position, self.momentum, self._gradient)
