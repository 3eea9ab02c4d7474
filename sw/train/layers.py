"""Layers of a network: what each makes of its input, and of the gradient of its output."""

import abc
import math
from typing import Any

import numpy as np

from ..arrays import Floats
from ..checks import whole
from ..core import products
from ..errors import UserError
from .arithmetic import Operand
from .shapes import planes, same

__all__ = [
    "BatchNorm",
    "Flatten",
    "Layer",
    "Mean",
    "Pool",
    "Product",
    "Rectifier",
    "Residual",
    "Weighted",
    "dense",
]


class Layer(abc.ABC):
    """A layer, its arrays that training changes, and their gradients after `backward`.

    ``run`` is what computes products, see `Product`. A layer keeps what it needs between the two
    calls. ``state`` are arrays that are saved, but not by way of a gradient.
    """

    def __init__(self) -> None:
        self.parameters: dict[str, Floats] = {}
        self.gradients: dict[str, Floats] = {}
        self.state: dict[str, Floats] = {}

    @property
    def parts(self) -> list["Layer"]:
        """The layer, or those that it is made of, in the order of computation."""
        return [self]

    @abc.abstractmethod
    def forward(self, x: Floats, run: Any) -> Floats:
        """Return the output for a batch."""

    @abc.abstractmethod
    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient of the input of the last `forward`."""


class Product(Layer):
    """A layer whose work is three matrix products, of which the first is ``y = product(x, w)``.

    ``run.product(layer, which, batch, operands)`` computes them; ``number`` is the layer's place
    among those of its kind.
    """

    number: int = 0

    def __init__(self, layer: products.Layer) -> None:
        super().__init__()
        self.layer = layer

    def multiply(self, x: Floats, w: Floats, batch: int, run: Any) -> Floats:
        """Return the product of a batch."""
        self.batch = batch
        self.layer.check(batch, {"x": x, "w": w})
        self.operands = {"x": Operand(x), "w": Operand(w)}
        return run.product(self, "forward", batch, self.operands)

    def gradient(self, which: str, gradient: Operand, run: Any) -> Floats:
        """Return the gradient of ``x`` (``input``) or ``w`` (``weight``), given that of ``y``."""
        self.layer.check(self.batch, {"y": gradient.tensor})
        return run.product(self, which, self.batch, self.operands | {"y": gradient})


class Weighted(Product):
    """A product with weights, and a bias: ``y = product(x, weight) + bias``.

    First weights are normal numbers of He's deviation (He et al., ICCV 2015), biases zeros.

    Parameters
    ----------
    layer : sw.core.products.Layer
        What it is, such as `sw.core.products.Dense`, and a name for messages.
    rng : numpy.random.Generator
        Of the first weights.
    """

    def __init__(self, layer: products.Layer, rng: Any) -> None:
        super().__init__(layer)
        outputs, *inputs = shape = layer.shapes(1)["w"]
        scale = math.sqrt(2 / math.prod(inputs))
        self.parameters["weight"] = (rng.standard_normal(shape) * scale).astype(np.float32)
        self.parameters["bias"] = np.zeros(outputs, np.float32)

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return the product of ``x`` and the weights, and the bias."""
        y = self.multiply(x, self.parameters["weight"], len(x), run)
        bias = self.parameters["bias"]
        return y + bias.reshape(-1, *[1] * (y.ndim - 2))

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient of ``x``; nothing of use for the first layer."""
        y = Operand(gradient)
        others = tuple(axis for axis in range(gradient.ndim) if axis != 1)
        self.gradients["weight"] = self.gradient("weight", y, run)
        self.gradients["bias"] = gradient.sum(others)
        return self.gradient("input", y, run) if self.number else self.operands["x"].tensor


def dense(inputs: int, outputs: int, rng: Any) -> Weighted:
    """Return a fully connected layer, weights (outputs, inputs)."""
    return Weighted(products.Dense(name="dense", inputs=inputs, outputs=outputs), rng)


class Rectifier(Layer):
    """``max(x, 0)``."""

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return what is positive."""
        self.shape = x.shape
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient where the input was positive."""
        same("gradient of rectifier", gradient, self.shape)
        return gradient * self.positive


class BatchNorm(Layer):
    """Batch normalization of each channel (Ioffe and Szegedy, 2015) in binary32.

    In training by the batch's mean and variance, else by their running means.
    """

    EPSILON = 1e-5
    MOMENTUM = 0.9

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.channels = whole("channels", channels, 1, products.MOST)
        self.parameters["scale"] = np.ones(channels, np.float32)
        self.parameters["shift"] = np.zeros(channels, np.float32)
        self.state["mean"] = np.zeros(channels, np.float32)
        self.state["variance"] = np.ones(channels, np.float32)

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return the normalized, scaled and shifted input."""
        if x.ndim < 2 or not x.size or x.shape[1] != self.channels:
            raise UserError(
                f"x of batch normalization must have the shape (batch, {self.channels}, ...), "
                f"not {x.shape}"
            )
        self.axes = (0, *range(2, x.ndim))
        self.shape = (1, -1, *[1] * (x.ndim - 2))
        mean, variance = self.state["mean"], self.state["variance"]
        if run.training:
            now = {"mean": x.mean(self.axes), "variance": x.var(self.axes)}
            for name, value in now.items():
                running = self.state[name]
                running += (1 - self.MOMENTUM) * (value - running)
            mean, variance = now["mean"], now["variance"]
        self.factor: Any = 1 / np.sqrt(variance + x.dtype.type(self.EPSILON))
        self.normal = (x - mean.reshape(self.shape)) * self.factor.reshape(self.shape)
        scale, shift = (self.parameters[name].reshape(self.shape) for name in ("scale", "shift"))
        return self.normal * scale + shift

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient through the batch's mean and variance too."""
        same("gradient of batch normalization", gradient, self.normal.shape)
        self.gradients["shift"] = gradient.sum(self.axes)
        self.gradients["scale"] = (gradient * self.normal).sum(self.axes)
        count = gradient.size // gradient.shape[1]
        centre = (
            self.gradients["shift"].reshape(self.shape)
            + self.normal * self.gradients["scale"].reshape(self.shape)
        ) / gradient.dtype.type(count)
        return (gradient - centre) * (self.parameters["scale"] * self.factor).reshape(self.shape)


class Pool(Layer):
    """The largest of each 2 x 2 pixels; the first of equal ones takes the gradient."""

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return planes of half the side; an odd last row or column is left out."""
        planes("x of pool", x, 2)
        self.shape = x.shape
        n, c, height, width = x.shape
        x = x[:, :, : height // 2 * 2, : width // 2 * 2]
        x = x.reshape(n, c, height // 2, 2, width // 2, 2).swapaxes(3, 4)
        x = x.reshape(n, c, height // 2, width // 2, 4)
        self.place = x.argmax(-1)[..., None]
        return np.take_along_axis(x, self.place, -1)[..., 0]

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient at the places that were the largest."""
        same("gradient of pool", gradient, self.place.shape[:-1])
        n, c, height, width = gradient.shape
        spread = np.zeros((n, c, height, width, 4), gradient.dtype)
        np.put_along_axis(spread, self.place, gradient[..., None], -1)
        spread = spread.reshape(n, c, height, width, 2, 2).swapaxes(3, 4)
        whole = np.zeros(self.shape, gradient.dtype)
        whole[:, :, : 2 * height, : 2 * width] = spread.reshape(n, c, 2 * height, 2 * width)
        return whole


class Mean(Layer):
    """The mean of each plane."""

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return (batch, channels)."""
        planes("x of mean", x, 1)
        self.shape = x.shape
        return x.mean((2, 3))

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient, shared equally."""
        same("gradient of mean", gradient, self.shape[:2])
        share = gradient / gradient.dtype.type(math.prod(self.shape[2:]))
        return np.broadcast_to(share[..., None, None], self.shape)


class Flatten(Layer):
    """A row a sample."""

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return (batch, everything)."""
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the gradient in the input's shape."""
        same("gradient of flatten", gradient, (self.shape[0], math.prod(self.shape[1:])))
        return gradient.reshape(self.shape)


class Residual(Layer):
    """``body(x) + shortcut(x)``; without a shortcut ``body(x) + x`` (He et al., CVPR 2016)."""

    def __init__(self, body: list[Layer], shortcut: list[Layer] | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut or []

    @property
    def parts(self) -> list[Layer]:
        """Layers of both branches."""
        return [part for layer in (*self.body, *self.shortcut) for part in layer.parts]

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return the sum of both branches."""
        y = x
        for layer in self.body:
            y = layer.forward(y, run)
        for layer in self.shortcut:
            x = layer.forward(x, run)
        same("x of residual beside its body", x, y.shape)
        self.shape = y.shape
        return y + x

    def backward(self, gradient: Floats, run: Any) -> Floats:
        """Return the sum of both branches' gradients."""
        same("gradient of residual", gradient, self.shape)
        around = gradient
        for layer in reversed(self.shortcut):
            around = layer.backward(around, run)
        for layer in reversed(self.body):
            gradient = layer.backward(gradient, run)
        return gradient + around
