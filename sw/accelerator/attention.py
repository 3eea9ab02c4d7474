"""Attention between its projections and the layer behind, as operations."""

from collections.abc import Iterator, Sequence

import numpy as np

from ..train.attention import SelfAttention
from .heads import Heads
from .layer import Layer
from .operands import COLUMNS, ROWS
from .operations import Matrix, Operation, Tensor, Window, multiply, repeated, vector
from .projection import Projection
from .shared import Shared
from .stages import Stage
from .strided import Stack

__all__ = ["Attention"]

LEAST = -float(np.finfo(np.float32).max)
"""Added to what fills up the words of scores, whose exponentials are then zeros."""


class Attention(Layer):
    """Scaled dot products of queries and keys, their softmax, and the values weighted by it.

    Products are of each sample and each head. The operands of all are quantized at once; the
    product engine then goes from one sample's head to the next.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : sequence of Projection
        Queries, keys and values.
    heads : Heads
        Extents.
    shared : Shared
        What layers have in common.

    Members
    -------
    y : Matrix
        The output, `Heads.joined`.
    slopes : Stack
        Its gradient, which the layer behind it writes.
    """

    def __init__(
        self, stage: Stage, below: Sequence[Projection], heads: Heads, shared: Shared
    ) -> None:
        assert isinstance(stage.part, SelfAttention)
        heads.check(shared.panels)
        score, mix = stage.part.score.number, stage.part.mix.number
        self._score, self._mix = score, mix
        self._scale = float(np.float32(stage.part.scale))
        self._heads, self._shared, self._projections = heads, shared, tuple(below)
        super().__init__(below, heads.joined(f"mixed{mix}"), False)
        self.slopes = heads.split(f"dmixed{mix}")
        self.dy = self.slopes.matrix
        self._shares, self._dshares = heads.scores(f"shares{mix}"), heads.scores(f"dshares{mix}")
        scores, values = self._shares.matrix, heads.values
        self._terms = Matrix.make(f"terms{mix}", scores.rows, heads.tokens, values)
        self._totals = Matrix.make(f"totals{mix}", 1, scores.rows, values)
        self._mask = mask = Matrix.make(f"mask{mix}", 1, heads.tokens, values)
        self.padded = [mask]
        if heads.depth % values:
            self.padded.append(self.dy)
        more = mask.stride - heads.tokens
        if more:
            self.padded += [scores, self._dshares.matrix]
            behind = Window(
                tensor=mask.tensor, counters=((more, 1),), offset=heads.tokens, single=True
            )
            comment = f"{mask.tensor.name} behind the last token"
            self.first = [vector(comment, "fill", behind, scalar=LEAST, shape=(1, more))]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        query, key, value = (each.split for each in self._projections)
        yield from self._dots(self._shares, query, key, self._score, "forward")
        yield from self._softmax()
        yield from self._weighted(self.y, self._shares, value, self._mix, "forward")

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradients of queries, keys and values."""
        query, key, value = (each.split for each in self._projections)
        dquery, dkey, dvalue = (each.joined for each in self._projections)
        shares, dshares, slopes = self._shares, self._dshares, self.slopes
        yield from self._dots(dshares, slopes, value, self._mix, "input")
        yield from self._weighted(dvalue, shares, slopes, self._mix, "weight", turned=True)
        yield from self._softmax_gradient()
        yield from self._weighted(dquery, dshares, key, self._score, "input")
        yield from self._weighted(dkey, dshares, query, self._score, "weight", turned=True)

    def _dots(
        self, to: Stack, left: Stack, right: Stack, number: int, which: str
    ) -> Iterator[Operation]:
        """Give what makes the products of each token on the left with each on the right."""
        panels = self._shared.panels
        pair = panels.take(ROWS), panels.take(COLUMNS)
        distances: list[int] = []
        for side, x in enumerate((left, right)):
            rows = x.by_tokens(panels.slices(side))
            key = self._key(number, which, side)
            yield panels.quantize(pair[side], rows, side, reduction=x.features, key=key)
            distances.append(panels.distance(side, x.tokens, x.features))
        name = f"{to.name} = {left.name} {right.name}^T"
        steps = to.strides[1], *distances
        yield self._multiply(name, to.matrix, pair, to.features, left.features, steps)

    def _weighted(
        self,
        to: Matrix,
        left: Stack,
        right: Stack,
        number: int,
        which: str,
        *,
        turned: bool = False,
    ) -> Iterator[Operation]:
        """Give what makes sums of the tokens on the right, weighted by each row on the left.

        With ``turned`` they are weighted by each column.
        """
        panels, tokens, depth = self._shared.panels, left.tokens, right.features
        pair = panels.take(ROWS), panels.take(COLUMNS)
        rows = left.by_features if turned else left.by_tokens(panels.slices(ROWS))
        key = self._key(number, which, ROWS)
        yield panels.quantize(pair[ROWS], rows, ROWS, reduction=tokens, transposed=turned, key=key)
        key = self._key(number, which, COLUMNS)
        yield panels.quantize(
            pair[COLUMNS], right.by_features, COLUMNS, reduction=tokens, transposed=True, key=key
        )
        name = f"{to.tensor.name} = {left.name}{'^T' * turned} {right.name}"
        # From a row of the results, of a token, to that of the next one.
        spread = Matrix(to.tensor, tokens, to.words * self._heads.samples, to.values)
        steps = (
            depth,
            panels.distance(ROWS, left.matrix.stride if turned else tokens, tokens),
            panels.distance(COLUMNS, right.matrix.stride, tokens),
        )
        yield self._multiply(name, spread, pair, depth, tokens, steps)

    def _key(self, number: int, which: str, side: int) -> int | None:
        """Return the key of an operand.

        The gradient of values has shares on the left, and the gradient of outputs on the right.
        """
        last = (number, which) == (self._mix, "weight")
        return self._shared.panels.key(number, which, side, gradient=side == 1 if last else None)

    def _multiply(
        self,
        comment: str,
        to: Matrix,
        pair: tuple[Tensor, Tensor],
        columns: int,
        reduction: int,
        steps: Sequence[int],
    ) -> Operation:
        """Return the products of all samples and heads."""
        panels, tokens = self._shared.panels, self._heads.tokens
        left, right = (Window(tensor=panel) for panel in pair)
        product = multiply(
            comment,
            to,
            left,
            right,
            m=tokens,
            n=panels.columns(columns),
            blocks=panels.blocks(reduction),
            work=tokens * columns * reduction,
        )
        return repeated(product, self._heads.pairs, steps)

    def _over_tokens(self, lane: str, x: Matrix) -> Iterator[Operation]:
        """Give what adds all tokens of each row, one after the other, or finds the largest."""
        rows = x.rows
        total = self._totals.elements(rows)
        for token in range(self._heads.tokens):
            each = Window(tensor=x.tensor, counters=((rows, x.stride),), offset=token, single=True)
            name = f"token {token} of {x.tensor.name}"
            if token:
                yield vector(f"{lane} {name}", lane, total, total, each, shape=(rows, 1))
            else:
                yield vector(name, "copy", total, each, shape=(rows, 1))

    def _softmax(self) -> Iterator[Operation]:
        """Give what makes shares of the scores in their place."""
        x, totals = self._shares.matrix, self._totals
        z, name, shape = x.along, x.tensor.name, (x.rows, x.words)
        each = totals.elements(x.rows, x.words)
        counters = (x.rows, 0), (x.words, x.values)
        mask = Window(tensor=self._mask.tensor, counters=counters)
        yield vector(f"scaled {name}", "axpy", z, z, mask, scalar=self._scale, shape=shape)
        yield from self._over_tokens("max", x)
        yield vector("less the highest", "sub", z, z, each, shape=shape)
        yield vector("exponentials", "function", z, z, function="exp", shape=shape)
        yield from self._over_tokens("add", x)
        inverse, once = totals.along, (1, totals.words)
        yield vector("inverse sums", "function", inverse, inverse, function="recip", shape=once)
        yield vector(name, "mul", z, z, each, shape=shape)

    def _softmax_gradient(self) -> Iterator[Operation]:
        """Give what makes the gradient of scores of that of shares, in its place."""
        x, terms = self._dshares.matrix, self._terms
        dz, shares, name, shape = (
            x.along,
            self._shares.matrix.along,
            x.tensor.name,
            (x.rows, x.words),
        )
        yield vector(f"{name} by shares", "mul", terms.along, dz, shares, shape=shape)
        yield from self._over_tokens("add", terms)
        each = self._totals.elements(x.rows, x.words)
        yield vector(f"{name} less their mean", "sub", dz, dz, each, shape=shape)
        yield vector("by shares", "mul", dz, dz, shares, shape=shape)
        yield vector("scaled", "scale", dz, dz, scalar=self._scale, shape=shape)
