"""Attention between its projections and the layer behind, as operations."""

from collections.abc import Iterator, Sequence

import numpy as np

from .heads import Heads
from .layer import Layer
from .operations import Matrix, Operation, Tensor, Window, vector
from .pairs import Pairs
from .projection import Projection
from .shared import Shared
from .stages import Mixed, Scored, Stage

__all__ = ["Mix", "Scores"]


class Scores(Layer):
    """Scaled dot products of queries and keys, and their softmax: the shares of values.

    A row is of a key, and in it queries of all samples and heads lie beside one another, so that
    words are full, and softmax goes down the rows, some samples after others. Its last part, and
    its gradient, are given by `Mix`: what is between projects the values meanwhile.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : sequence of Projection
        Queries and keys.
    heads : Heads
        Extents.
    shared : Shared
        What layers have in common.

    Members
    -------
    y, dy : Matrix
        Shares, `Heads.scores`, and their gradient, which the layer behind it writes.
    alone : Matrix
        As these, in words of one head each, `Heads.alone`, see `separate`.
    parts : list of range
        Of the samples.
    """

    def __init__(
        self, stage: Stage, below: Sequence[Projection], heads: Heads, shared: Shared
    ) -> None:
        assert isinstance(stage.part, Scored)
        part = stage.part.attention
        score, mix = part.score.number, part.mix.number
        self._scale = float(np.float32(part.scale))
        self._heads, self._projections = heads, tuple(below)
        self._pairs = Pairs(score, heads, shared.panels)
        super().__init__(below, heads.scores(f"shares{mix}"), False)
        self.dy, self._terms = heads.scores(f"dshares{mix}"), heads.scores(f"terms{mix}")
        # Words of `dy` are filled up with zeros, which count where a tensor has a scale.
        own = not shared.panels.separable
        self._powers = heads.scores(f"exponentials{mix}") if own else self.dy
        self.parts = heads.parts(shared.panels)
        self.alone = heads.alone(f"alone{mix}")
        self._totals = Matrix.make(f"totals{mix}", 1, self.y.stride, heads.values)
        self._masks = masks = Matrix.make(f"masks{mix}", heads.sharing, heads.width, heads.values)
        self.padded = [masks]
        if self.y.stride > heads.pairs * heads.tokens:
            self.padded += [self._terms, self.dy]
        tokens = Window(
            tensor=masks.tensor,
            counters=((heads.sharing, masks.stride + heads.pitch), (heads.tokens, 1)),
            single=True,
        )
        shape, name = (heads.sharing, heads.tokens), masks.tensor.name
        self.first = [vector(f"{name} of tokens", "fill", tokens, scalar=1.0, shape=shape)]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the exponentials of the scores, which are less than their highest."""
        query, key = (each.split for each in self._projections)
        # What is made, followed on, and quantized at once are three tensors.
        yield from self._pairs.dots(self._terms, key, query, "forward", parts=self.parts)
        for words in map(self._heads.words, self.parts):
            x, e, totals = (
                each.cut(columns=words) for each in (self._terms, self._powers, self._totals)
            )
            name, shape = self.y.tensor.name, (x.rows, x.words)
            yield from self._over_tokens("max", self._terms, words)
            low, once = totals.along, (1, totals.words)
            yield vector("highest, scaled", "scale", low, low, scalar=-self._scale, shape=once)
            comment, highest = f"scaled {name} less the highest", totals.again(x.rows)
            yield vector(
                comment, "axpy", e.along, x.along, highest, scalar=self._scale, shape=shape
            )
            yield vector("exponentials", "function", e.along, e.along, function="exp", shape=shape)

    def shares(self) -> Iterator[Operation]:
        """Give what makes shares of the exponentials."""
        for words in map(self._heads.words, self.parts):
            e, y, totals = (
                each.cut(columns=words) for each in (self._powers, self.y, self._totals)
            )
            yield from self._over_tokens("add", self._powers, words)
            inverse, once = totals.along, (1, totals.words)
            yield vector("inverse sums", "function", inverse, inverse, function="recip", shape=once)
            each, shape = totals.again(y.rows), (y.rows, y.words)
            yield vector(y.tensor.name, "mul", y.along, e.along, each, shape=shape)

    def slopes(self) -> Iterator[Operation]:
        """Give what makes the gradient of scores of that of shares, in its place."""
        x, terms = self.dy, self._terms
        dz, shares, name, shape = x.along, self.y.along, x.tensor.name, (x.rows, x.words)
        yield vector(f"{name} by shares", "mul", terms.along, dz, shares, shape=shape)
        yield from self._over_tokens("add", terms, range(terms.words))
        each = self._totals.again(x.rows)
        yield vector(f"{name} less their mean", "sub", dz, dz, each, shape=shape)
        yield vector("by shares", "mul", dz, dz, shares, shape=shape)
        yield vector("scaled", "scale", dz, dz, scalar=self._scale, shape=shape)
        yield from self.separate(x)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradients of queries and keys of `slopes`."""
        query, key = (each.split for each in self._projections)
        dquery, dkey = (each.joined for each in self._projections)
        yield from self._pairs.weighted(dquery, self.dy, key, "input")
        yield from self._pairs.weighted_by_rows(dkey, self.alone, query)

    def separate(self, x: Matrix) -> Iterator[Operation]:
        """Give what copies scores to ``alone``: where words have those of other heads are zeros."""
        heads, masks, shape = self._heads, self._masks, (x.rows, x.words)
        words = masks.words
        for place in range(heads.sharing):
            to = self.alone.cut(range(place * x.rows, (place + 1) * x.rows))
            counters = (x.rows * x.words // words, 0), (words, x.values)
            mask = Window(tensor=masks.tensor, counters=counters, offset=place * masks.stride)
            comment = f"{self.alone.tensor.name} = {x.tensor.name} of heads in place {place}"
            yield vector(comment, "mask", to.along, x.along, mask, shape=shape)

    def _over_tokens(self, lane: str, x: Matrix, words: range) -> Iterator[Operation]:
        """Give what adds some words of all rows, row after row, or finds the largest."""
        total, shape = self._totals.cut(columns=words).along, (1, len(words))
        for token in range(x.rows):
            each, name = (
                x.cut(range(token, token + 1), words).along,
                f"token {token} of {x.tensor.name}",
            )
            if token:
                yield vector(f"{lane} {name}", lane, total, total, each, shape=shape)
            else:
                yield vector(name, "copy", total, each, shape=shape)


class Mix(Layer):
    """Values weighted by their shares.

    Parameters
    ----------
    stage : Stage
        What it is.
    scores : Scores
        Gives the shares.
    value : Projection
        Gives the values.
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
        self, stage: Stage, scores: Scores, value: Projection, heads: Heads, shared: Shared
    ) -> None:
        assert isinstance(stage.part, Mixed)
        number = stage.part.attention.mix.number
        super().__init__([scores, value], heads.joined(f"mixed{number}"), False)
        self._scores, self._value = scores, value
        self._pairs = Pairs(number, heads, shared.panels)
        self.slopes = heads.split(f"dmixed{number}")
        self.dy = self.slopes.matrix
        if heads.depth % heads.values:
            self.padded = [self.dy]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the shares, and the output."""
        scores = self._scores
        yield from scores.shares()
        yield from self._pairs.weighted(
            self.y, scores.y, self._value.split, "forward", scores.parts
        )

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradients of shares, of values, and of scores."""
        scores, value, slopes = self._scores, self._value, self.slopes
        yield from scores.separate(scores.y)
        yield from self._pairs.dots(scores.dy, value.split, slopes, "input", gradient=1)
        yield from self._pairs.weighted_by_rows(value.joined, scores.alone, slopes, gradient=1)
        yield from scores.slopes()
