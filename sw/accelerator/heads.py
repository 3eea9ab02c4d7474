"""The tensors of attention, and the dense layers around it."""

import dataclasses
from collections.abc import Iterator

from ..errors import UserError
from ..train.attention import SelfAttention
from .dense import Dense, Shared, descent
from .layer import Layer
from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, Window, multiply, repeated, vector
from .stages import Gathered, Projected, Stage
from .strided import Stack

__all__ = ["Gather", "Heads", "Projection"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heads:
    """Extents of an attention.

    Parameters
    ----------
    tokens, heads, depth, samples : int
        Tokens of a sample, heads, features of a head, and samples of a batch.
    values : int
        Of a word.
    """

    tokens: int
    heads: int
    depth: int
    samples: int
    values: int

    @classmethod
    def of(cls, attention: SelfAttention, samples: int, values: int) -> "Heads":
        """Return the extents of an attention for a batch."""
        _, tokens, width = attention.shape
        heads = attention.heads
        return cls(tokens=tokens, heads=heads, depth=width // heads, samples=samples, values=values)

    def check(self, panels: Panels) -> None:
        """Raise `UserError` unless results of products lie where whole tiles of them do."""
        width = self.heads * self.depth
        for what, count in (("columns", panels.slices(COLUMNS)), ("values of a word", self.values)):
            extent, name = (self.depth, "of a head") if what == "columns" else (width, "of a token")
            if extent % count:
                raise UserError(f"{what} must divide the {extent} features {name}, not {count}")

    @property
    def pairs(self) -> int:
        """Samples and heads."""
        return self.samples * self.heads

    def split(self, name: str) -> Stack:
        """Return a tensor (heads, tokens, samples, features)."""
        rows = self.tokens * self.samples
        x = Matrix.make(name, self.heads * rows, self.depth, self.values)
        return self._stack(x, self.depth, (x.stride, rows * x.stride, self.samples * x.stride))

    def scores(self, name: str) -> Stack:
        """Return a tensor (samples, heads, tokens, tokens)."""
        x = Matrix.make(name, self.pairs * self.tokens, self.tokens, self.values)
        head = self.tokens * x.stride
        return self._stack(x, self.tokens, (self.heads * head, head, x.stride))

    def _stack(self, x: Matrix, features: int, strides: tuple[int, int, int]) -> Stack:
        return Stack(
            matrix=x,
            tokens=self.tokens,
            features=features,
            samples=self.samples,
            heads=self.heads,
            strides=strides,
        )

    def joined(self, name: str) -> Matrix:
        """Return a matrix of the features of all heads, a row each token of each sample."""
        width = self.heads * self.depth
        return Matrix.make(name, self.tokens * self.samples, width, self.values)

    def multiply(
        self, comment: str, to: Stack, panels: Panels, pair: tuple[Tensor, Tensor], reduction: int
    ) -> Operation:
        """Return products of a row each token and a column each feature, head after head."""
        left, right = (Window(tensor=panel) for panel in pair)
        rows, x = self.tokens * self.samples, to.matrix
        product = multiply(
            comment, x, left, right, m=rows, n=self.depth, blocks=panels.blocks(reduction)
        )
        steps = rows * x.stride, 0, panels.distance(COLUMNS, self.depth, reduction)
        return repeated(product, self.heads, steps)


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

    def _multiply(
        self, comment: str, to: Matrix, pair: tuple[Tensor, Tensor], reduction: int
    ) -> Operation:
        """Return a product to all of a matrix."""
        blocks = self._shared.panels.blocks(reduction)
        left, right = (Window(tensor=panel) for panel in pair)
        return multiply(comment, to, left, right, m=to.rows, n=to.stride, blocks=blocks)

    def _pair(self) -> tuple[Tensor, Tensor]:
        panels = self._shared.panels
        return panels.take(ROWS), panels.take(COLUMNS)

    def _change(
        self, dy: Matrix, x: Matrix, turned: tuple[bool, bool], biases: Operation
    ) -> Iterator[Operation]:
        """Give what makes the gradients of the arrays, and changes these."""
        pair = self._pair()
        for side, operand in enumerate((dy, x)):
            yield self._quantize(pair[side], operand, side, "weight", side, turned=turned[side])
        name = f"gradient of {self.weight.tensor.name}"
        rows = self._heads.tokens * self._heads.samples
        yield self._multiply(f"{name} = dy{self.number} {x.tensor.name}", self._dw, pair, rows)
        yield biases
        yield from descent(self._shared, self.weight, self.momentum, self._dw)
        yield from descent(self._shared, self.bias, self.bias_momentum, self._db)


class Projection(_Weights):
    """A dense layer whose outputs are the features of heads.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : Layer
        Whose output it reads.
    heads : Heads
        Extents.
    shared : Shared
        What layers have in common.

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
        values = heads.values
        self._biases = Matrix.make(f"biases{self.number}", heads.heads, heads.depth, values)
        if heads.depth % values:
            self.padded += [self.y, self._biases]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        pair, x, weight = self._pair(), self.x, self.weight
        yield self._quantize(pair[ROWS], x, ROWS, "forward", 0, turned=True)
        yield self._quantize(pair[COLUMNS], weight, COLUMNS, "forward", 1, turned=False)
        comment = f"{self.split.name} = {x.tensor.name}^T {weight.tensor.name}^T of heads"
        panels = self._shared.panels
        yield self._heads.multiply(comment, self.split, panels, pair, self.inputs)
        yield from self._add_biases()

    def _add_biases(self) -> Iterator[Operation]:
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

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below, and what changes the arrays."""
        [below] = self.below
        assert below
        x, dy, dx = self.x, self.joined, self.dx
        biases = vector(
            f"gradient of {self.bias.tensor.name} = sums of {dy.tensor.name}",
            "copy",
            self._db.along,
            dy.across,
            shape=(dy.words, dy.rows),
            reduce="sum",
        )
        yield from self._input_gradient_of(dy)
        yield from self._change(dy, x, (True, False), biases)
        yield from below.take(dx.tensor.name, dx.along)

    def _input_gradient_of(self, dy: Matrix) -> Iterator[Operation]:
        """Give what makes the gradient of the input."""
        pair, dx = self._pair(), self.dx
        yield self._quantize(pair[ROWS], self.weight, ROWS, "input", 1, turned=True)
        yield self._quantize(pair[COLUMNS], dy, COLUMNS, "input", 0, turned=False)
        dx.tensor.words = max(dx.tensor.words, dx.rows * dx.words)
        comment = f"{dx.tensor.name} = {self.weight.tensor.name}^T {dy.tensor.name}^T"
        yield self._multiply(comment, dx, pair, self.outputs)


class Gather(_Weights):
    """A dense layer of tokens whose features are those of all heads.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : Layer
        Whose output, `Heads.joined`, it reads.
    slopes : Stack
        Takes the gradient of that.
    heads : Heads
        Extents.
    shared : Shared
        What layers have in common.

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

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        pair, y = self._pair(), self.y
        yield self._quantize(pair[ROWS], self.weight, ROWS, "forward", 1, turned=False)
        yield self._quantize(pair[COLUMNS], self._joined, COLUMNS, "forward", 0, turned=False)
        name = y.tensor.name
        comment = f"{name} = {self.weight.tensor.name} {self._joined.tensor.name}^T"
        yield self._multiply(comment, y, pair, self.inputs)
        yield vector(
            f"{name} + {self.bias.tensor.name}",
            "add",
            y.along,
            y.along,
            self.bias.elements(self.outputs, y.words),
            shape=(y.rows, y.words),
        )

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below, and what changes the arrays."""
        pair, dy, slopes = self._pair(), self.dy, self._slopes_below
        yield self._quantize(pair[ROWS], dy, ROWS, "input", 0, turned=True)
        yield self._quantize(pair[COLUMNS], self.weight, COLUMNS, "input", 1, turned=True)
        comment = f"{slopes.name} = {dy.tensor.name}^T {self.weight.tensor.name} of heads"
        yield self._heads.multiply(comment, slopes, self._shared.panels, pair, self.outputs)
        biases = vector(
            f"gradient of {self.bias.tensor.name} = sums of {dy.tensor.name}",
            "copy",
            self._db.elements(self.outputs),
            dy.along,
            shape=(dy.rows, dy.words),
            reduce="sum",
            fold=True,
        )
        yield from self._change(dy, self._joined, (False, True), biases)
