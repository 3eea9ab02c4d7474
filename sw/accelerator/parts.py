"""What the stages of a training do, on whole tensors: what the machine's layers must equal.

Samples are innermost: (features, samples), (features, tokens, samples), or (channels, height,
width, samples).
"""

import abc
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..arrays import Floats
from ..core.planes import Planes
from ..core.products import Dense, Layer
from ..formats.binary32 import add, multiply
from ..train import layers
from ..train.attention import MeanToken
from .functions import evaluate
from .instructions import FUNCTIONS
from .products import Products
from .stages import INPUT, Stage
from .tensors import largest, patches, scattered, spread, sum_samples, sum_words

__all__ = ["PARTS", "Arrays", "Part", "Product"]

TOKENS = 3
"""Axes of a tensor of tokens."""

EPSILON = np.float32(layers.BatchNorm.EPSILON)
RUNNING = np.float32(1 - layers.BatchNorm.MOMENTUM)
"""The part of a batch's mean and variance that the running ones take up."""


class Arrays:
    """The arrays of a training, and the descent that changes them.

    Parameters
    ----------
    arrays : mapping of str to array
        First ones, by the names of `Network.arrays`.
    momentum : float
        Of stochastic gradient descent.

    Members
    -------
    weights, momenta : dict of str to array
        Of now, by these names; momenta only of what descends.
    rate : float
        Of the present epoch.
    """

    def __init__(self, arrays: Mapping[str, Floats], momentum: np.float32) -> None:
        self.weights = {name: array.copy() for name, array in arrays.items()}
        self.momenta: dict[str, Floats] = {}
        self.rate = np.float32(0)
        self._momentum = momentum

    def descend(self, name: str, gradient: Floats) -> None:
        """Change an array by its gradient."""
        before = self.momenta.get(name, np.zeros_like(gradient))
        momentum = add(multiply(before, self._momentum), gradient)
        self.momenta[name] = momentum
        self.weights[name] = add(multiply(momentum, -self.rate), self.weights[name])


class Part(abc.ABC):
    """A stage, which keeps from forward to backward what it needs.

    Parameters
    ----------
    stage : Stage
        What it is.
    values : int
        Values of a word, by which samples are summed.
    arrays : Arrays
        Of the training.
    products : Products
        Makes its products.
    """

    def __init__(self, stage: Stage, values: int, arrays: Arrays, products: Products) -> None:
        self.stage = stage
        self.values = values
        self.arrays = arrays
        self.products = products

    @abc.abstractmethod
    def forward(self, *inputs: Floats) -> Floats:
        """Return the output, before a rectifier."""

    @abc.abstractmethod
    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradients of the inputs, and change the arrays.

        ``dy`` has passed the rectifier. What the network's input is given is of no use.
        """

    def array(self, name: str) -> Floats:
        """Return an array of the stage."""
        return self.arrays.weights[f"{name}{self.stage.number}"]

    def descend(self, name: str, gradient: Floats) -> None:
        """Change an array of the stage by its gradient."""
        self.arrays.descend(f"{name}{self.stage.number}", gradient)


class Product(Part):
    """A dense layer, or a convolution as a product of kernels and patches.

    Members
    -------
    turned_x, turned_y : bool
        Whether in the machine a word of the input, or of the output's gradient, is of features of
        a sample instead of samples of a feature.
    """

    turned_x = turned_y = False

    def __init__(self, stage: Stage, *others: Any) -> None:
        super().__init__(stage, *others)
        assert isinstance(stage.part, layers.Weighted)
        self._number, self._shape = stage.part.number, stage.part.layer

    def _operand(self, rows: Floats, which: str, side: int, *, grouped: bool = False) -> Any:
        return self.products.operand(rows, self._number, (which, side), grouped=grouped)

    def forward(self, *inputs: Floats) -> Floats:
        """Return products, each with the bias of its row."""
        [x] = inputs
        self._x = x
        weight, shape = self.array("weight"), self._shape
        left = self._operand(weight.reshape(len(weight), -1), "forward", 1)
        right = self._operand(_matrix(shape, x).T, "forward", 0, grouped=not self.turned_x)
        y = add(self.products.multiply(left, right), self.array("bias")[:, None])
        tokens = x.shape[1:-1] if x.ndim == TOKENS else ()
        return y.reshape(*shape.shapes(1)["y"][1:], *tokens, -1)

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient of the input, unless that is the network's."""
        weight, rows = self.array("weight"), dy.reshape(len(dy), -1)
        left = self._operand(rows, "weight", 0, grouped=self.turned_y)
        right = self._operand(_matrix(self._shape, self._x), "weight", 1, grouped=self.turned_x)
        gradient = self.products.multiply(left, right).reshape(weight.shape)
        dx = dy if INPUT in self.stage.inputs else self._input_gradient(weight, dy)
        self.descend("weight", gradient)
        bias = sum_words(rows.T) if self.turned_y else sum_samples(rows, self.values)
        self.descend("bias", bias)
        return (dx,)

    def _input_gradient(self, weight: Floats, dy: Floats) -> Floats:
        shape = self._shape
        left = self._operand(weight.reshape(len(weight), -1).T, "input", 1, grouped=True)
        dy = dy.reshape(len(dy), -1)
        right = self._operand(dy.T, "input", 0, grouped=not self.turned_y)
        dx = self.products.multiply(left, right)
        if isinstance(shape, Planes):
            terms = dx.reshape(shape.channels, *[shape.kernel] * 2, *[shape.outputs] * 2, -1)
            dx = scattered(terms, shape.size, shape.padding, shape.stride)
        return dx


def _matrix(shape: Layer, x: Floats) -> Floats:
    """Return what a layer multiplies by its weights: (inputs, samples), or patches."""
    if isinstance(shape, Planes):
        planes = x.reshape(shape.channels, shape.size, shape.size, -1)
        return patches(planes, shape.kernel, shape.padding, stride=shape.stride)
    assert isinstance(shape, Dense)
    return x.reshape(shape.inputs, -1)


class _Pool(Part):
    """The largest of each 2 x 2 pixels."""

    def forward(self, *inputs: Floats) -> Floats:
        """Return the largest values."""
        [self._x] = inputs
        return largest(self._x)

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient, at the largest values."""
        return (spread(self._x, dy),)


class _BatchNorm(Part):
    """Batch normalization by the batch's mean and variance, which running ones follow."""

    def _sums(self, x: Floats) -> Floats:
        return sum_samples(x, self.values)

    def forward(self, *inputs: Floats) -> Floats:
        """Return the normalized, scaled and shifted input, and move the running statistics."""
        [x] = inputs
        rows = x.reshape(len(x), -1)
        self._share = np.float32(1 / rows.shape[1])
        mean = self._sums(multiply(rows, self._share))
        self._centred = add(rows, -mean[:, None])
        squares = self._sums(multiply(self._centred, self._centred))
        variance = multiply(squares, self._share)
        for name, value in (("mean", mean), ("variance", variance)):
            running = self.array(name)
            change = multiply(add(value, -running), RUNNING)
            self.arrays.weights[f"{name}{self.stage.number}"] = add(change, running)
        self._factor = evaluate(FUNCTIONS.index("rsqrt"), add(variance, EPSILON))
        self._gain = multiply(self.array("scale"), self._factor)
        y = add(multiply(self._centred, self._gain[:, None]), self.array("shift")[:, None])
        return y.reshape(x.shape)

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient, also through the batch's mean and variance."""
        rows, centred = dy.reshape(len(dy), -1), self._centred
        scale = multiply(self._sums(multiply(rows, centred)), self._factor)
        shift = self._sums(rows)
        along = multiply(multiply(scale, self._factor), self._share)
        mean = multiply(shift, self._share)
        both = add(multiply(centred, along[:, None]), mean[:, None])
        dx = multiply(add(rows, -both), self._gain[:, None])
        self.descend("scale", scale)
        self.descend("shift", shift)
        return (dx.reshape(dy.shape),)


class _Mean(Part):
    """The mean of each plane, or of all tokens, of samples beside one another."""

    def forward(self, *inputs: Floats) -> Floats:
        """Return (channels, samples)."""
        [x] = inputs
        self._shape = x.shape
        self._share = np.float32(1 / math.prod(x.shape[1:-1]))
        pixels = multiply(x, self._share).reshape(len(x), -1, x.shape[-1])
        return sum_words(pixels.swapaxes(0, 1))

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient, of which every pixel has an equal share."""
        features, *places, samples = self._shape
        share = multiply(dy, self._share).reshape(features, *[1] * len(places), samples)
        return (np.broadcast_to(share, self._shape),)


class _Sum(Part):
    """The sum of two branches."""

    def forward(self, *inputs: Floats) -> Floats:
        """Return the sum."""
        body, around = inputs
        return add(body, around)

    def backward(self, dy: Floats) -> tuple[Floats, ...]:
        """Return the gradient for each."""
        return dy, dy


PARTS: Mapping[type, Callable[..., Part]] = {
    layers.Weighted: Product,
    layers.Pool: _Pool,
    layers.BatchNorm: _BatchNorm,
    layers.Mean: _Mean,
    MeanToken: _Mean,
    layers.Residual: _Sum,
}
"""By the kind of layer."""
