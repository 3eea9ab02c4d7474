"""The dense layers around an attention."""

import abc
import dataclasses
from collections.abc import Iterator, Sequence

from .dense import Dense
from .heads import Heads
from .layer import Layer
from .operands import COLUMNS, ROWS
from .operations import Matrix, Operation, Tensor, Window, grouped, multiply, vector
from .shared import Shared, descent
from .stages import Gathered, Projected, Stage
from .strided import Stack

__all__ = ["Gather", "Projection"]


class _Weights(Dense):
    """A dense layer beside an attention: on one side words are of features instead of samples."""

    def __init__(self, stage: Stage, below: Layer, x: Matrix, heads: Heads, shared: Shared) -> None:
        assert isinstance(stage.part, Gathered | Projected)
        super().__init__(dataclasses.replace(stage, part=stage.part.dense), below, x, shared)
        self._heads = heads

    def _quantize(
        self, panel: Tensor, x: Matrix, side: int, which: str, place: int, *, turned: bool
    ) -> Operation:
        """Return what quantizes an operand along its rows, or with ``turned`` along columns."""
        panels = self._shared.panels
        # Rows are of whole words.
        reduction = x.rows if turned else x.stride
        key = panels.key(self.product, which, place)
        return panels.quantize(panel, x, side, reduction=reduction, transposed=turned, key=key)

    def _product(
        self, comment: str, to: Matrix, pair: tuple[Tensor, Tensor], reduction: int
    ) -> Operation:
        """Return a product to all of a matrix."""
        blocks = self._shared.panels.blocks(reduction)
        left, right = (Window(tensor=panel) for panel in pair)
        work = to.rows * to.stride * reduction
        return multiply(comment, to, left, right, m=to.rows, n=to.stride, blocks=blocks, work=work)

    def _taken(self) -> tuple[Tensor, Tensor]:
        panels = self._shared.panels
        return panels.take(ROWS), panels.take(COLUMNS)

    def _operands(self, panel: Tensor | None) -> Iterator[Operation]:
        """Give what quantizes the operands of the gradient of the weights."""
        self._pair = self._taken()
        for side, (operand, turned) in enumerate(self._sides):
            yield self._quantize(self._pair[side], operand, side, "weight", side, turned=turned)

    @property
    @abc.abstractmethod
    def _sides(self) -> Sequence[tuple[Matrix, bool]]:
        """The operands of the gradient of the weights, and which one's columns are its rows."""

    def _weight_gradient(self) -> Iterator[Operation]:
        """Give what makes the gradients of weights and biases."""
        yield self._bias_gradient()
        (_, _), (x, _) = self._sides
        name = f"gradient of {self.weight.tensor.name} = dy{self.number} {x.tensor.name}"
        rows = self._heads.tokens * self._heads.samples
        yield self._product(name, self._dw, self._pair, rows)

    def update(self) -> Iterator[Operation]:
        """Give what changes the arrays."""
        for arrays in (
            (self.weight, self.momentum, self._dw),
            (self.bias, self.bias_momentum, self._db),
        ):
            yield from descent(self._shared, *arrays)


class Projection(_Weights):
    """A dense layer whose outputs are the features of heads.

    Parameters
    ----------
    stage, below, heads, shared
        As those of `Attention`, with a single layer below.

    Members
    -------
    split : Stack
        The output.
    joined : Matrix
        Its gradient, a row each token. Others are those of `Dense`.
    """

    def __init__(self, stage: Stage, below: Layer, heads: Heads, shared: Shared) -> None:
        super().__init__(stage, below, below.y, heads, shared)
        self.split = heads.split(f"y{self.number}")
        self.joined = heads.joined(f"dy{self.number}")
        self.y, self.dy = self.split.matrix, self.joined
        # A product makes all of it.
        self.groups = [range(self.y.rows)]
        values = heads.values
        self._biases = Matrix.make(f"biases{self.number}", heads.heads, heads.depth, values)
        if heads.depth % values:
            self.padded += [self.y, self._biases]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        pair, x, weight = self._taken(), self.x, self.weight
        yield self._quantize(pair[ROWS], x, ROWS, "forward", 0, turned=True)
        yield self._quantize(pair[COLUMNS], weight, COLUMNS, "forward", 1, turned=False)
        comment = f"{self.split.name} = {x.tensor.name}^T {weight.tensor.name}^T of heads"
        panels = self._shared.panels
        yield self._heads.multiply(comment, self.split, panels, pair, self.inputs)
        yield from self._add_biases_of_heads()

    def _add_biases_of_heads(self) -> Iterator[Operation]:
        """Give what adds biases to outputs, by words of each head's."""
        heads, depth, biases = self._heads.heads, self._heads.depth, self._biases
        counters = (heads, biases.stride), (depth, 1)
        room = Window(tensor=biases.tensor, counters=counters, single=True)
        source, shape = self.bias.elements(self.outputs), (heads, depth)
        comment = f"{biases.tensor.name} = {self.bias.tensor.name} of heads"
        yield vector(comment, "copy", room, source, shape=shape)
        y, rows = self.y, self.y.rows // heads
        counters = (heads, biases.stride), (rows, 0), (biases.words, biases.values)
        each = Window(tensor=biases.tensor, counters=counters)
        comment = f"{y.tensor.name} + {biases.tensor.name}"
        yield vector(comment, "add", y.along, y.along, each, shape=(y.rows, y.words))

    @property
    def _sides(self) -> Sequence[tuple[Matrix, bool]]:
        """The operands of the gradient of the weights."""
        return (self.joined, True), (self.x, False)

    def _bias_gradient(self) -> Operation:
        """Return what makes the gradient of the biases."""
        dy = self.joined
        return vector(
            f"gradient of {self.bias.tensor.name} = sums of {dy.tensor.name}",
            "copy",
            self._db.along,
            dy.across,
            shape=(dy.words, dy.rows),
            reduce="sum",
        )

    def _input_gradient(
        self, operands: Iterator[Operation], products: Iterator[Operation]
    ) -> Iterator[Operation]:
        """Give what makes the gradient of the input, and the weights' ``operands``."""
        pair, dx, dy = self._taken(), self.dx, self.joined
        yield self._quantize(pair[ROWS], self.weight, ROWS, "input", 1, turned=True)
        yield self._quantize(pair[COLUMNS], dy, COLUMNS, "input", 0, turned=False)
        dx.tensor.words = max(dx.tensor.words, dx.rows * dx.words)
        comment = f"{dx.tensor.name} = {self.weight.tensor.name}^T {dy.tensor.name}^T"
        yield self._product(comment, dx, pair, self.outputs)
        yield from operands


class Gather(_Weights):
    """A dense layer of tokens whose features are those of all heads.

    Parameters
    ----------
    slopes : Stack
        Takes the gradient of what it reads, which is `Heads.joined`.
    stage, below, heads, shared
        As those of `Attention`, with a single layer below.

    Members
    -------
    Those of `Dense`.
    """

    def __init__(
        self, stage: Stage, below: Layer, slopes: Stack, heads: Heads, shared: Shared
    ) -> None:
        width, rows, values = below.y.stride, below.y.rows, heads.values
        # Its shape; what it reads is the transpose.
        x = Matrix(below.y.tensor, width, rows // values, values)
        super().__init__(stage, below, x, heads, shared)
        self._joined, self._slopes_below = below.y, slopes
        self.groups = [range(self.y.rows)]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        pair, y = self._taken(), self.y
        yield self._quantize(pair[ROWS], self.weight, ROWS, "forward", 1, turned=False)
        yield self._quantize(pair[COLUMNS], self._joined, COLUMNS, "forward", 0, turned=False)
        name = y.tensor.name
        comment = f"{name} = {self.weight.tensor.name} {self._joined.tensor.name}^T"
        yield self._product(comment, y, pair, self.inputs)
        yield self._add_biases(y, y)

    @property
    def _sides(self) -> Sequence[tuple[Matrix, bool]]:
        """The operands of the gradient of the weights."""
        return (self.dy, False), (self._joined, True)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradients of the layer below, and of the weights."""
        operands = grouped("weight gradient", self._operands(panel))
        products = grouped("weight gradient", self._weight_gradient())
        yield from grouped("input gradient", self._input_gradient(operands, products))
        yield from products

    def _input_gradient(
        self, operands: Iterator[Operation], products: Iterator[Operation]
    ) -> Iterator[Operation]:
        """Give what makes the gradient of the input, and the weights' ``operands``."""
        pair, dy, slopes = self._taken(), self.dy, self._slopes_below
        yield self._quantize(pair[ROWS], dy, ROWS, "input", 0, turned=True)
        yield self._quantize(pair[COLUMNS], self.weight, COLUMNS, "input", 1, turned=True)
        comment = f"{slopes.name} = {dy.tensor.name}^T {self.weight.tensor.name} of heads"
        yield self._heads.multiply(comment, slopes, self._shared.panels, pair, self.outputs)
        yield from operands
