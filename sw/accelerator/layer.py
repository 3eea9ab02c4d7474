"""What a layer of a network is to the compiler."""

import abc
from collections.abc import Iterator

from .operations import Matrix, Operation, Tensor

__all__ = ["Layer"]


class Layer(abc.ABC):
    """A layer as operations; samples are innermost.

    Members
    -------
    y, dy : Matrix
        The output, and its gradient, which is zero where the output is not positive if the layer
        ends with a rectifier, or takes the largest of one.
    arrays : list of Matrix
        What is kept from step to step.
    padded : list of Matrix
        What must hold zeros at the start, where nothing else writes.
    """

    y: Matrix
    dy: Matrix

    def __init__(self) -> None:
        self.arrays: list[Matrix] = []
        self.padded: list[Matrix] = []

    @abc.abstractmethod
    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""

    @abc.abstractmethod
    def backward(self, below: "Layer | None", panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below, if any, and what changes the arrays.

        ``panel`` is that of the input along samples, if it has been made.
        """
