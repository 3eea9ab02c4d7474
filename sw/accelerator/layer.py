"""What a layer of a network is to the compiler."""

import abc
import dataclasses
from collections.abc import Iterator, Sequence

from .operations import Matrix, Operation, Tensor, Window, vector

__all__ = ["Layer"]


class Layer(abc.ABC):
    """A layer as operations; samples are innermost.

    Parameters
    ----------
    below : sequence of Layer or None
        Whose outputs it reads; None is the input of the network.
    y : Matrix
        The output.
    relu : bool
        Whether a rectifier follows.

    Members
    -------
    y, dy : Matrix
        The output, and its gradient, which is zero where the output is not positive if a rectifier
        follows. The gradient takes the place of the output, unless a layer gives it another place.
    arrays : list of Matrix
        What is kept from step to step.
    padded : list of Matrix
        What must hold zeros at the start, where nothing else writes.
    first : list of Operation
        What is done before the first step, when zeros are there.
    readers : int
        Layers that read the output.
    groups : list of range
        Rows of the output that are made one after the other.
    """

    def __init__(self, below: Sequence["Layer | None"], y: Matrix, relu: bool) -> None:
        self.below = tuple(below)
        self.y = self.dy = y
        self.relu = relu
        self.arrays: list[Matrix] = []
        self.padded: list[Matrix] = []
        self.first: list[Operation] = []
        self.readers = 0
        self.groups = [range(y.rows)]
        for layer in below:
            if layer:
                layer.readers += 1
        self._given = 0
        self._sum: Matrix | None = None
        room = Tensor(f"sum_{y.tensor.name}", y.rows * y.words)
        self._room = dataclasses.replace(y, tensor=room)

    @abc.abstractmethod
    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""

    @abc.abstractmethod
    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradients of the layers below, and perhaps changes the arrays.

        ``panel`` is that of the input along samples, if it has been made.
        """

    def update(self) -> Iterator[Operation]:
        """Give what changes the arrays behind `backward`, if that leaves something to do.

        What other layers do may come in between, but nothing of one with arrays of a product.
        """
        yield from ()

    def take(self, name: str, gradient: Window, kept: Matrix | None = None) -> Iterator[Operation]:
        """Give what adds a reader's gradient of the output to those that others gave before.

        The last one ends with the gradient of what a rectifier had. A reader gives it when it
        needs the output no longer.

        Parameters
        ----------
        name : str
            Of the gradient.
        gradient : Window
            Its words, in the order of the output's.
        kept : Matrix, optional
            The gradient, if nothing changes it from then on.
        """
        last = self._given + 1 == self.readers
        self._given += 1
        y, before, shape = self.y, self._sum, (self.y.rows, self.y.words)
        # What a rectifier gave is needed until the end.
        to = self.dy if last and not (before and self.relu) else self._room
        if before:
            name = f"{before.tensor.name} + {name}"
            comment = f"{to.tensor.name} = {name}"
            if before.tensor is gradient.tensor:
                # A bank is read by one operand: twice a number is its sum with itself.
                yield vector(comment, "scale", to.along, gradient, scalar=2.0, shape=shape)
            else:
                yield vector(comment, "add", to.along, before.along, gradient, shape=shape)
            name, gradient = to.tensor.name, to.along
        elif kept:
            to = kept
        elif not (last and self.relu):
            comment = f"{to.tensor.name} = {name}"
            yield vector(comment, "copy", to.along, gradient, shape=shape)
        self._sum = to
        if last and self.relu:
            comment = f"{self.dy.tensor.name} = {name} where {y.tensor.name} is positive"
            yield vector(comment, "mask", self.dy.along, gradient, y.along, shape=shape)
        elif last:
            self.dy = to
