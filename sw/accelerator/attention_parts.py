"""What the stages of a transformer do, on whole tensors: what the machine's layers must equal.

Samples are innermost: (features, tokens, samples). Within attention, of each head of each sample,
they are (samples * heads, tokens, features).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..arrays import Floats
from ..formats.binary32 import add, multiply
from ..train.attention import Positions, SelfAttention
from .functions import evaluate
from .instructions import FUNCTIONS
from .parts import Part, Product
from .stages import Gathered, Mixed, Projected, Scored, Stage
from .tensors import in_turn, larger, sum_in_turn

__all__ = ["ATTENTION_PARTS"]

EXP, RECIP = (FUNCTIONS.index(name) for name in ("exp", "recip"))


class _Projection(Product):
    """A dense layer in front of an attention."""

    turned_y = True

    def __init__(self, stage: Stage, *others: Any) -> None:
        assert isinstance(stage.part, Projected)
        super().__init__(dataclasses.replace(stage, part=stage.part.dense), *others)


class _Gather(Product):
    """A dense layer behind an attention."""

    turned_x = True

    def __init__(self, stage: Stage, *others: Any) -> None:
        assert isinstance(stage.part, Gathered)
        super().__init__(dataclasses.replace(stage, part=stage.part.dense), *others)


class _Pairs(Part):
    """Products of each sample and each head, (samples * heads, tokens, features)."""

    def __init__(self, attention: SelfAttention, number: int, *others: Any) -> None:
        super().__init__(*others)
        self._heads, self._number = attention.heads, number

    def _split(self, x: Floats) -> Floats:
        width, tokens, samples = x.shape
        x = x.reshape(self._heads, width // self._heads, tokens, samples)
        return x.transpose(3, 0, 2, 1).reshape(-1, tokens, width // self._heads)

    def _joined(self, x: Floats) -> Floats:
        _, tokens, depth = x.shape
        x = x.reshape(-1, self._heads, tokens, depth)
        return x.transpose(1, 3, 2, 0).reshape(self._heads * depth, tokens, -1)

    def _multiply(
        self,
        which: str,
        left: Floats,
        right: Floats,
        grouped: tuple[bool, bool] = (False, False),
        gradient: int | None = None,
    ) -> Floats:
        """Return each product of (…, m, k) and the transpose of (…, n, k).

        ``gradient`` is the side of the gradient of an output, if not what is usual.
        """
        pairs = [
            self.products.stack(
                x,
                self._number,
                (which, side),
                grouped=turned,
                close=side == 0,
                gradient=None if gradient is None else side == gradient,
            )
            for side, (x, turned) in enumerate(zip((left, right), grouped, strict=True))
        ]
        return np.stack([self.products.multiply(*pair) for pair in zip(*pairs, strict=True)])

    def _weighted(self, which: str, left: Floats, right: Floats) -> Floats:
        """Return sums of the tokens on the right, weighted by each column on the left."""
        return self._multiply(which, left.swapaxes(1, 2), right.swapaxes(1, 2), (True, True))

    def _weighted_by_rows(self, left: Floats, right: Floats, gradient: int | None = None) -> Floats:
        """Return sums of the tokens on the right, weighted by each row on the left.

        Weights of several heads share a word, in turn, where it has room. The operand of a head is
        of whole words, in which those of others are zeros, as tokens on the right come again.
        """
        count, rows, tokens = left.shape
        pitch = self.products.pitch(tokens)
        heads = max(1, self.values // pitch)
        weights = np.zeros((count, rows, heads, pitch), np.float32)
        for number, each in enumerate(left):
            weights[number, :, number % heads, :tokens] = each
        again = np.zeros((count, right.shape[2], heads, pitch), np.float32)
        again[..., :tokens] = right.swapaxes(1, 2)[:, :, None]
        left, right = (x.reshape(count, -1, heads * pitch) for x in (weights, again))
        return self._multiply("weight", left, right, (False, True), gradient)


class _Scores(_Pairs):
    """Scores and their softmax, (samples * heads, keys, queries)."""

    def __init__(self, stage: Stage, *others: Any) -> None:
        assert isinstance(stage.part, Scored)
        part = stage.part.attention
        super().__init__(part, part.score.number, stage, *others)
        self._scale = np.float32(part.scale)

    def forward(self, *inputs: Floats) -> Floats:
        """Return the shares of values."""
        self._query, self._key = (self._split(x) for x in inputs)
        scores = self._multiply("forward", self._key, self._query)
        highest = scores[:, 0]
        for each in np.moveaxis(scores, 1, 0):
            highest = larger(highest, each)
        less = multiply(highest, -self._scale)[:, None]
        e = evaluate(EXP, add(multiply(scores, self._scale), less))
        total = in_turn(np.moveaxis(e, 1, 0))
        self._shares = multiply(e, evaluate(RECIP, total)[:, None])
        return self._shares

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradients of queries and keys."""
        level = in_turn(np.moveaxis(multiply(dy, self._shares), 1, 0))[:, None]
        dscores = multiply(multiply(add(dy, -level), self._shares), self._scale)
        dquery = self._weighted("input", dscores, self._key)
        dkey = self._weighted_by_rows(dscores, self._query)
        return self._joined(dquery), self._joined(dkey)


class _Mix(_Pairs):
    """Values weighted by their shares."""

    def __init__(self, stage: Stage, *others: Any) -> None:
        assert isinstance(stage.part, Mixed)
        part = stage.part.attention
        super().__init__(part, part.mix.number, stage, *others)

    def forward(self, *inputs: Floats) -> Floats:
        """Return what each token gathers from all."""
        self._shares, value = inputs
        self._value = self._split(value)
        return self._joined(self._weighted("forward", self._shares, self._value))

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradients of shares and values."""
        slopes = self._split(dy)
        dshares = self._multiply("input", self._value, slopes, gradient=1)
        dvalue = self._weighted_by_rows(self._shares, slopes, gradient=1)
        return dshares, self._joined(dvalue)


class _Positions(Part):
    """A vector of each place, added to the tokens there."""

    def forward(self, *inputs: Floats) -> Floats:
        """Return the sums."""
        [x] = inputs
        return add(x, self.array("position").T[:, :, None])

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient as it is."""
        self.descend("position", sum_in_turn(dy, self.values).T)
        return (dy,)


ATTENTION_PARTS: Mapping[type, Callable[..., Part]] = {
    Projected: _Projection,
    Gathered: _Gather,
    Scored: _Scores,
    Mixed: _Mix,
    Positions: _Positions,
}
"""By the kind of layer."""
