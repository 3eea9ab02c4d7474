"""Networks of layers, and the files that hold their weights."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import array as check_array
from ..checks import whole
from ..cli import whole_file
from ..core.convolution import Convolution
from ..core.products import MOST
from ..errors import UserError
from ..files import read_numpy
from .attention import EachToken, MeanToken, Positions, SelfAttention, Tokens
from .layers import (
    BatchNorm,
    Flatten,
    Layer,
    Mean,
    Pool,
    Product,
    Rectifier,
    Residual,
    Weighted,
    dense,
)

__all__ = ["MODELS", "Network", "load_weights", "mlp"]


class Network:
    """Layers one behind the other.

    Parameters
    ----------
    layers : list of Layer
        From input to output.
    planes : bool
        Whether the input is (batch, 1, side, side) instead of rows of pixels.
    """

    def __init__(self, layers: Sequence[Layer], *, planes: bool = False) -> None:
        self.layers = list(layers)
        self.planes = planes
        self.parts = [part for layer in layers for part in layer.parts]
        self.products = [part for part in self.parts if isinstance(part, Product)]
        for number, product in enumerate(self.products):
            product.number = number

    @property
    def weighted(self) -> list[int]:
        """Numbers of the products of weights; the others are of two activations."""
        return [part.number for part in self.products if isinstance(part, Weighted)]

    @property
    def arrays(self) -> dict[str, Floats]:
        """Arrays by name, numbered by the layers that have any, such as ``weight0``."""
        owners = [part for part in self.parts if part.parameters]
        return {
            f"{name}{i}": array
            for i, part in enumerate(owners)
            for name, array in (part.parameters | part.state).items()
        }

    def forward(self, x: Floats, run: Any) -> Floats:
        """Return the outputs for rows of pixels; ``run`` as in `Product`."""
        check_array("x", x, "number", shape=("images", "pixels"))
        if self.planes:
            side = square(x.shape[1])
            x = x.reshape(len(x), 1, side, side)
        for layer in self.layers:
            x = layer.forward(x, run)
        return x

    def check(self, sample: tuple[int, ...]) -> None:
        """Raise `UserError` unless images of a shape, as in `Data.sample`, are what it takes."""
        *channels, height, width = sample if len(sample) > 1 else (1, 1)
        if self.planes and (height != width or channels not in ([], [1])):
            raise UserError(
                f"images must be square and of one channel for this model, not {sample}"
            )

    def backward(self, gradient: Floats, run: Any) -> None:
        """Leave the gradients of the last `forward` in the layers."""
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient, run)

    def save(self, path: Path, masks: Mapping[str, npt.NDArray[np.bool_]] | None = None) -> None:
        """Write the arrays, and perhaps masks of weights such as ``mask0``, to an .npz file."""
        with whole_file(path) as beside:
            self.write(beside, masks)

    def write(self, path: Path, masks: Mapping[str, npt.NDArray[np.bool_]] | None = None) -> None:
        """Write what `save` does to a file that is in nobody's way."""
        with path.open("wb") as handle:
            np.savez(handle, allow_pickle=False, **self.arrays, **(masks or {}))


def square(pixels: int, least: int = 1) -> int:
    """Return the side of square images of so many pixels."""
    whole("pixels", pixels, 1, MOST)
    side = math.isqrt(pixels)
    if side**2 != pixels or side < least:
        raise UserError(f"pixels must be those of a square of side {least} or more, not {pixels}")
    return side


def mlp(
    pixels: int, classes: int, rng: np.random.Generator, hidden: Sequence[int] = (32,)
) -> Network:
    """Return dense layers with rectifiers between them."""
    whole("pixels", pixels, 1, MOST)
    whole("classes", classes, 1, MOST)
    sizes = [pixels, *hidden, classes]
    layers: list[Layer] = []
    for inputs, outputs in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [dense(inputs, outputs, rng), Rectifier()]
    return Network(layers[:-1])


def lenet(pixels: int, classes: int, rng: np.random.Generator) -> Network:
    """Return LeNet-5 (LeCun et al., 1998) with rectifiers and largest values of 2 x 2.

    On planes of less than 28 x 28 pixels kernels are 3 x 3, with a border of zeros.
    """
    side = square(pixels, 4)
    kernel, padding = (5, 0) if side >= 28 else (3, 1)
    first = side + 2 * padding - kernel + 1
    second = first // 2 + 2 * padding - kernel + 1

    def convolution(channels: int, filters: int, size: int) -> Weighted:
        layer = Convolution(
            name="convolution",
            channels=channels,
            filters=filters,
            size=size,
            kernel=kernel,
            padding=padding,
        )
        return Weighted(layer, rng)

    return Network(
        [
            convolution(1, 6, side),
            Rectifier(),
            Pool(),
            convolution(6, 16, first // 2),
            Rectifier(),
            Pool(),
            Flatten(),
            dense(16 * (second // 2) ** 2, 120, rng),
            Rectifier(),
            dense(120, 84, rng),
            Rectifier(),
            dense(84, classes, rng),
        ],
        planes=True,
    )


def resnet8(pixels: int, classes: int, rng: np.random.Generator) -> Network:
    """Return three residual blocks of 16, 32 and 64 channels behind a convolution."""
    side = square(pixels)

    def normalized(channels: int, filters: int, kernel: int, stride: int = 1) -> list[Layer]:
        layer = Convolution.padded("convolution", channels, filters, side, kernel, stride)
        return [Weighted(layer, rng), BatchNorm(channels=filters)]

    layers: list[Layer] = [*normalized(1, 16, 3), Rectifier()]
    channels = 16
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        shortcut = normalized(channels, filters, 1, stride) if stride > 1 else []
        body = [*normalized(channels, filters, 3, stride), Rectifier()]
        side = -(-side // stride)
        body += normalized(filters, filters, 3)
        layers += [Residual(body, shortcut), Rectifier()]
        channels = filters
    return Network([*layers, Mean(), dense(64, classes, rng)], planes=True)


def transformer(pixels: int, classes: int, rng: np.random.Generator) -> Network:
    """Return a block of a transformer, of 4 heads, whose tokens are the rows of an image."""
    side, width = square(pixels), 32
    attention = SelfAttention(tokens=side, width=width, heads=4, rng=rng)
    each = EachToken(
        dense(width, 2 * width, rng),
        Rectifier(),
        dense(2 * width, width, rng),
    )
    return Network(
        [
            Tokens(),
            EachToken(dense(side, width, rng)),
            Positions(tokens=side, width=width, rng=rng),
            Residual([attention]),
            Residual([each]),
            MeanToken(),
            dense(width, classes, rng),
        ],
        planes=True,
    )


MODELS: Mapping[str, Callable[..., Network]] = {
    "mlp": mlp,
    "lenet": lenet,
    "resnet8": resnet8,
    "transformer": transformer,
}
"""Networks by name: functions of the number of pixels, of classes and a random generator."""


def load_weights(path: str | Path) -> Network:
    """Read a file of dense layers, as `Network.save` writes those of `mlp`; masks are left aside.

    Raises `UserError` for a file that is not one, arrays that are missing or do not fit each other,
    and values that are not finite.
    """
    wanted = "an .npz file of arrays weight0, bias0, …"
    file = read_numpy(path, wanted)
    if not isinstance(file, dict):
        raise UserError(f"{path} must be {wanted}")
    arrays = {name: array for name, array in file.items() if not name.startswith("mask")}
    layers = len(arrays) // 2
    names = [f"weight{i}" for i in range(layers)] + [f"bias{i}" for i in range(layers)]
    if not layers or set(arrays) != set(names):
        found = ", ".join(sorted(arrays)) or "nothing"
        raise UserError(f"{path} must hold weight0, bias0, weight1, …, not {found}")
    weights = [_check(path, f"weight{i}", arrays[f"weight{i}"], 2) for i in range(layers)]
    biases = [_check(path, f"bias{i}", arrays[f"bias{i}"], 1) for i in range(layers)]
    inputs = weights[0].shape[1]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if weight.shape[1] != inputs or weight.shape[:1] != bias.shape:
            raise UserError(
                f"{path}: weight{i} and bias{i} must be (n, {inputs}) and (n,), "
                f"not {weight.shape} and {bias.shape}"
            )
        inputs = weight.shape[0]
    *hidden, classes = (len(bias) for bias in biases)
    network = mlp(weights[0].shape[1], classes, np.random.default_rng(0), hidden)
    for name, array in network.arrays.items():
        array[:] = arrays[name]
    return network


def _check(path: str | Path, name: str, array: np.ndarray, axes: int) -> Floats:
    """Check one array of a file."""
    if array.dtype != np.float32 or array.ndim != axes or not array.size:
        raise UserError(
            f"{path}: {name} must be float32 with {axes} axes, "
            f"not {array.dtype} of shape {array.shape}"
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise UserError(f"{path}: {name}[{place}] must be finite, not {array[tuple(bad[0])]}")
    return array
