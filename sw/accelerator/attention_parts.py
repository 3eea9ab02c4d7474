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
from ..train import attention
from .functions import evaluate
from .instructions import FUNCTIONS
from .parts import Part, Product
from .stages import Gathered, Projected, Stage
from .tensors import larger, sum_samples

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


class _Attention(Part):
    """Scores, their softmax, and the values weighted by it."""

    def __init__(self, stage: Stage, *others: Any) -> None:
        super().__init__(stage, *others)
        part = stage.part
        assert isinstance(part, attention.SelfAttention)
        self._heads, self._scale = part.heads, np.float32(part.scale)
        self._score, self._mix = part.score.number, part.mix.number

    def _split(self, x: Floats) -> Floats:
        width, tokens, samples = x.shape
        x = x.reshape(self._heads, width // self._heads, tokens, samples)
        return x.transpose(3, 0, 2, 1).reshape(-1, tokens, width // self._heads)

    def _joined(self, x: Floats) -> Floats:
        _, tokens, depth = x.shape
        x = x.reshape(-1, self._heads, tokens, depth)
        return x.transpose(1, 3, 2, 0).reshape(self._heads * depth, tokens, -1)

    def _multiply(
        self, number: int, which: str, left: Floats, right: Floats, grouped: tuple[bool, bool]
    ) -> Floats:
        """Return each product of (…, m, k) and the transpose of (…, n, k).

        The gradient of values has shares on the left, and the gradient of outputs on the right.
        """
        last = (number, which) == (self._mix, "weight")
        pairs = [
            self.products.stack(
                x, number, (which, side), grouped=turned, gradient=side == 1 if last else None
            )
            for side, (x, turned) in enumerate(zip((left, right), grouped, strict=True))
        ]
        return np.stack([self.products.multiply(*pair) for pair in zip(*pairs, strict=True)])

    def _dots(self, number: int, which: str, left: Floats, right: Floats) -> Floats:
        return self._multiply(number, which, left, right, (False, False))

    def _weighted(
        self, number: int, which: str, left: Floats, right: Floats, *, turned: bool = False
    ) -> Floats:
        left = left.swapaxes(1, 2) if turned else left
        return self._multiply(number, which, left, right.swapaxes(1, 2), (turned, True))

    def forward(self, *inputs: Floats) -> Floats:
        """Return what each token gathers from all."""
        self._query, self._key, self._value = (self._split(x) for x in inputs)
        scores = self._dots(self._score, "forward", self._query, self._key)
        # The machine adds what is below all where words have more places than there are tokens.
        scores = add(multiply(scores, self._scale), np.float32(0))
        highest = scores[..., 0]
        for token in np.moveaxis(scores, -1, 0):
            highest = larger(highest, token)
        e = evaluate(EXP, add(scores, -highest[..., None]))
        self._shares = multiply(e, evaluate(RECIP, _added_up(e))[..., None])
        return self._joined(self._weighted(self._mix, "forward", self._shares, self._value))

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradients of queries, keys and values."""
        shares, slopes = self._shares, self._split(dy)
        dshares = self._dots(self._mix, "input", slopes, self._value)
        dvalue = self._weighted(self._mix, "weight", shares, slopes, turned=True)
        level = _added_up(multiply(dshares, shares))
        dscores = multiply(multiply(add(dshares, -level[..., None]), shares), self._scale)
        dquery = self._weighted(self._score, "input", dscores, self._key)
        dkey = self._weighted(self._score, "weight", dscores, self._query, turned=True)
        return tuple(self._joined(x) for x in (dquery, dkey, dvalue))


def _added_up(x: Floats) -> Floats:
    """Return the sums along the last axis, one after the other."""
    total = x[..., 0]
    for each in np.moveaxis(x, -1, 0)[1:]:
        total = add(total, each)
    return total


class _Positions(Part):
    """A vector of each place, added to the tokens there."""

    def forward(self, *inputs: Floats) -> Floats:
        """Return the sums."""
        [x] = inputs
        return add(x, self.array("position").T[:, :, None])

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient as it is."""
        self.descend("position", sum_samples(dy, self.values).T)
        return (dy,)


ATTENTION_PARTS: Mapping[type, Callable[..., Part]] = {
    Projected: _Projection,
    Gathered: _Gather,
    attention.SelfAttention: _Attention,
    attention.Positions: _Positions,
}
"""By the kind of layer."""
