"""Layers of a transformer: attention of tokens among themselves, and what stands around it."""

import math
from typing import Any

import numpy as np

from ..arrays import Floats
from ..checks import array, one_of, whole
from ..core import products
from ..errors import UserError
from .arithmetic import Operand
from .layers import Layer, Product, dense
from .loss import softmax
from .shapes import same

__all__ = ["EachToken", "MeanToken", "Positions", "SelfAttention", "Tokens"]


class Tokens(Layer):
    """Planes (batch, 1, side, side) as tokens (batch, side, side), each a row of pixels."""

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return tokens."""
        array("x of tokens", x, "number", shape=("batch", 1, "side", "side"))
        self.shape = x.shape
        return x[:, 0]

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient of planes."""
        same("gradient of tokens", gradient, (self.shape[0], *self.shape[2:]))
        return gradient[:, None]


class EachToken(Layer):
    """Layers that take each token (batch, tokens, width) as a sample of its own."""

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        self.layers = layers

    @property
    def parts(self) -> list[Layer]:
        """The layers' parts."""
        return [part for layer in self.layers for part in layer.parts]

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return what the layers make of each token."""
        array("x of each token", x, "number", shape=("batch", "tokens", "width"))
        tokens = x.shape[:2]
        x = np.ascontiguousarray(x).reshape(-1, x.shape[-1])
        for layer in self.layers:
            x = layer.forward(x, run)
        return x.reshape(*tokens, -1)

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient of each token."""
        array("gradient of each token", gradient, "number", shape=("batch", "tokens", "width"))
        tokens = gradient.shape[:2]
        gradient = np.ascontiguousarray(gradient).reshape(-1, gradient.shape[-1])
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient, run)
        return gradient.reshape(*tokens, -1)


class Positions(Layer):
    """A learned vector of each place, added to the token there."""

    def __init__(self, *, tokens: int, width: int, rng: Any) -> None:
        super().__init__()
        whole("tokens", tokens, 1, products.MOST)
        whole("width", width, 1, products.MOST)
        places = rng.standard_normal((tokens, width)) / math.sqrt(width)
        self.parameters["position"] = places.astype(np.float32)

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return the sum."""
        shape = ("batch", *self.parameters["position"].shape)
        self.shape = array("x of positions", x, "number", shape=shape).shape
        return x + self.parameters["position"]

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient as it is."""
        same("gradient of positions", gradient, self.shape)
        self.gradients["position"] = gradient.sum(0)
        return gradient


class MeanToken(Layer):
    """The mean of a sample's tokens."""

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return (batch, width)."""
        array("x of mean token", x, "number", shape=("batch", "tokens", "width"))
        self.shape = x.shape
        return x.mean(1)

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient, shared equally."""
        same("gradient of mean token", gradient, (self.shape[0], self.shape[2]))
        share = gradient / gradient.dtype.type(self.shape[1])
        return np.broadcast_to(share[:, None], self.shape)


class Pair(Product):
    """The products of two activations, (samples x heads, rows, depth) and (…, columns, depth)."""

    def __init__(self, layer: products.Attention) -> None:
        super().__init__(layer)
        self.heads = layer.heads

    def forward(self, x: Any, run: Any) -> Floats:
        """Return the products of a pair of arrays."""
        left, right = (np.ascontiguousarray(each) for each in x)
        if len(left) % self.heads:
            raise UserError(
                f"x of {self.layer.name} must have a multiple of {self.heads} heads, "
                f"not {len(left)}"
            )
        return self.multiply(left, right, len(left) // self.heads, run)

    def backward(self, gradient: Floats, run: Any) -> Any:
        """Return the gradients of both."""
        y = Operand(np.ascontiguousarray(gradient))
        right = self.gradient("weight", y, run)
        return self.gradient("input", y, run), right


class SelfAttention(Layer):
    """Scaled dot-product attention of ``heads`` heads (Vaswani et al., NeurIPS 2017).

    Of tokens (batch, tokens, width). The six kinds of product are those of `Product`; scaling,
    softmax and its gradient are binary32.
    """

    def __init__(self, *, tokens: int, width: int, heads: int, rng: Any) -> None:
        super().__init__()
        whole("width", width, 1, products.MOST)
        self.heads = one_of("heads", heads, (n for n in range(1, width + 1) if not width % n))
        self.shape = ("batch", tokens, width)
        depth = width // heads
        self.scale = 1 / math.sqrt(depth)
        self.projections = [EachToken(dense(width, width, rng)) for _ in range(3)]
        size = {"heads": heads, "rows": tokens}
        self.score = Pair(products.Attention(name="scores", columns=tokens, depth=depth, **size))
        self.mix = Pair(products.Attention(name="values", columns=depth, depth=tokens, **size))
        self.output = EachToken(dense(width, width, rng))

    @property
    def parts(self) -> list[Layer]:
        """Projections, scores, values and output."""
        layers = (*self.projections, self.score, self.mix, self.output)
        return [part for layer in layers for part in layer.parts]

    def _split(self, x: Floats) -> Floats:
        """Return (batch x heads, tokens, depth)."""
        n, t, width = x.shape
        return x.reshape(n, t, self.heads, -1).swapaxes(1, 2).reshape(n * self.heads, t, -1)

    def _join(self, x: Floats) -> Floats:
        """Return (batch, tokens, width)."""
        heads, t, depth = x.shape
        n = heads // self.heads
        return x.reshape(n, self.heads, t, depth).swapaxes(1, 2).reshape(n, t, -1)

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return what each token gathers from all."""
        array("x of attention", x, "number", shape=self.shape)
        query, key, value = (self._split(p.forward(x, run)) for p in self.projections)
        scores = self.score.forward((query, key), run)
        self.shares = softmax(scores * scores.dtype.type(self.scale))
        mixed = self.mix.forward((self.shares, value.swapaxes(1, 2)), run)
        return self.output.forward(self._join(mixed), run)

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient through queries, keys and values."""
        array("gradient of attention", gradient, "number", shape=self.shape)
        mixed = self._split(self.output.backward(gradient, run))
        shares, value = self.mix.backward(mixed, run)
        level = (shares * self.shares).sum(-1, keepdims=True)
        scores = self.shares * (shares - level) * shares.dtype.type(self.scale)
        query, key = self.score.backward(scores, run)
        parts = zip(self.projections, (query, key, value.swapaxes(1, 2)), strict=True)
        first, *others = (p.backward(self._join(g), run) for p, g in parts)
        return first + others[0] + others[1]
