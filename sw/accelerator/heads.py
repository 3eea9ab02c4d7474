"""The tensors of attention, and the dense layers around it."""

import dataclasses
from collections.abc import Iterator

from ..errors import UserError
from ..train.attention import SelfAttention
from .dense import Dense, Shared
from .layer import Layer
from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, Window, multiply, repeated, vector
from .stages import Gathered, Projected, Stage
from .strided import Stack, Turned

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
        left, right = pair
        rows, x = self.tokens * self.samples, to.matrix
        product = multiply(
            comment, x, left, right, m=rows, n=self.depth, blocks=panels.blocks(reduction)
        )
        steps = rows * x.stride, 0, panels.distance(COLUMNS, self.depth, reduction)
        return repeated(product, self.heads, steps)


class Projection(Dense):
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
        assert isinstance(stage.part, Projected)
        super().__init__(dataclasses.replace(stage, part=stage.part.dense), below, below.y, shared)
        self._heads = heads
        self.split = heads.split(f"y{self.number}")
        self.joined = heads.joined(f"dy{self.number}")
        self.y, self.dy = self.split.matrix, Turned.of(self.joined)
        values = heads.values
        self._biases = Matrix.make(f"biases{self.number}", heads.heads, heads.depth, values)
        if heads.depth % values:
            self.padded += [self.y, self._biases]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        panels, name, product = self._shared.panels, self.y.tensor.name, self.product
        left, right = panels.take(ROWS), panels.take(COLUMNS)
        key = panels.key(product, "forward", 0)
        yield panels.quantize(left, self.x, ROWS, reduction=self.inputs, transposed=True, key=key)
        key = panels.key(product, "forward", 1)
        yield panels.quantize(right, self.weight, COLUMNS, reduction=self.inputs, key=key)
        comment = f"{name} = {self.x.tensor.name}^T {self.weight.tensor.name}^T of heads"
        yield self._heads.multiply(comment, self.split, panels, (left, right), self.inputs)
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

    def bias_gradient(self) -> Operation:
        """Return what makes the gradient of biases: sums over the rows, each in its place."""
        x = self.joined
        return vector(
            f"gradient of bias{self.number} = sums of {x.tensor.name}",
            "copy",
            self._db.along,
            x.across,
            shape=(x.words, x.rows),
            reduce="sum",
        )


class Gather(Dense):
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
        assert isinstance(stage.part, Gathered)
        super().__init__(
            dataclasses.replace(stage, part=stage.part.dense), below, Turned.of(below.y), shared
        )
        self._heads, self._slopes = heads, slopes

    def _input_gradient(self, below: Layer) -> Iterator[Operation]:
        """Give what makes the gradient of the input."""
        panels, outputs = self._shared.panels, self.outputs
        left, right = panels.take(ROWS), panels.take(COLUMNS)
        key = panels.key(self.product, "input", 0)
        yield panels.quantize(left, self.dy, ROWS, reduction=outputs, transposed=True, key=key)
        key = panels.key(self.product, "input", 1)
        yield panels.quantize(
            right, self.weight, COLUMNS, reduction=outputs, transposed=True, key=key
        )
        name = self._slopes.matrix.tensor.name
        comment = f"{name} = dy{self.number}^T {self.weight.tensor.name} of heads"
        yield self._heads.multiply(comment, self._slopes, panels, (left, right), outputs)
