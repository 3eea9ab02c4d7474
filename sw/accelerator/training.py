"""The training that a program of the accelerator does, on whole tensors: what it must equal."""

import dataclasses
import itertools
from typing import Any

import numpy as np

from ..arrays import Floats
from ..bfp.array import matmul
from ..checks import choice
from ..core.planes import Planes
from ..core.products import Layer
from ..formats.binary32 import add, multiply
from ..formats.quantize import quantize
from ..train.data import Data
from ..train.fast import gemm
from ..train.layers import Pool, Weighted
from ..train.network import Network
from ..train.operand import USES
from ..train.settings import Settings
from ..words import KEY_BITS, Words, stream_key
from .functions import evaluate
from .instructions import ADDRESS_BITS, FUNCTIONS
from .parameters import AcceleratorParameters
from .start import stages, start
from .tensors import (
    larger,
    largest,
    pairwise,
    patches,
    positive,
    reversed_kernels,
    spread,
    sum_words,
)

__all__ = ["Training", "train"]

PRODUCTS = ("format", "binary32")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """What a training ended with.

    ``weights`` and ``momenta`` are by the names of `Network.arrays`; ``losses`` of the steps,
    (epochs, steps).
    """

    weights: dict[str, Floats]
    momenta: dict[str, Floats]
    losses: Floats


def train(
    parameters: AcceleratorParameters,
    data: Data,
    settings: Settings,
    *,
    products: str = "format",
) -> Training:
    """Train a network by stochastic gradient descent with momentum, in the machine's arithmetic.

    Operands of products are quantized and multiplied as the array does it, all else is binary32
    without subnormals, and sums are in the order of the machine's words. Unlike
    `sw.train.loop.train` it leaves out the images of a batch that is not whole, and takes the same
    order in every epoch. `UserError` where the accelerator has no such training.

    With ``products`` of ``binary32`` instead of ``format`` nothing is quantized, to compare with.
    """
    kind = {"format": _Step, "binary32": _Unquantized}[choice("products", products, PRODUCTS)]
    first = start(parameters, data, settings)
    step = kind(parameters, settings, first.network)
    losses = np.zeros((len(first.rates), len(first.order)), np.float32)
    for epoch, rate in enumerate(first.rates):
        for number, images in enumerate(first.order):
            # Samples are innermost, as in the machine.
            x = np.ascontiguousarray(data.train_x[images].T)
            labels = np.zeros((data.classes, len(images)), np.float32)
            labels[data.train_y[images], np.arange(len(images))] = 1
            losses[epoch, number] = step.run(x, labels, rate)
    return Training(weights=step.weights, momenta=step.momenta, losses=losses)


class _Step:
    """The steps of a training, and the arrays that they change."""

    def __init__(
        self, parameters: AcceleratorParameters, settings: Settings, network: Network
    ) -> None:
        self.parameters = parameters
        self.seed = settings.seed
        self.momentum = np.float32(settings.momentum)
        self.weights = {name: array.copy() for name, array in network.arrays.items()}
        self.momenta = {name: np.zeros_like(array) for name, array in self.weights.items()}
        self.stages = stages(network)
        self.number = 0

    def run(self, x: Floats, labels: Floats, rate: np.float32) -> Floats:
        """Do a step; return the mean loss of its batch."""
        tensors = [x]
        for layer, relu in self.stages:
            x = tensors[-1]
            y = largest(x) if isinstance(layer, Pool) else self._forward(layer, x)
            tensors.append(positive(y) if relu else y)
        loss, dy = self._loss(tensors[-1], labels)
        for (layer, relu), (x, y) in reversed(
            list(zip(self.stages, itertools.pairwise(tensors), strict=True))
        ):
            dy = dy.reshape(y.shape)
            dy = np.where(y > 0, dy, np.float32(0)) if relu else dy
            dy = spread(x, dy) if isinstance(layer, Pool) else self._backward(layer, x, dy, rate)
        self.number += 1
        return loss

    def _forward(self, layer: Weighted, x: Floats) -> Floats:
        """Return the output of a layer, before a rectifier."""
        number, shape = layer.number, layer.layer
        weight, bias = self.weights[f"weight{number}"], self.weights[f"bias{number}"]
        left = self._operand(weight.reshape(len(weight), -1), number, ("forward", 1))
        right = self._operand(_matrix(shape, x).T, number, ("forward", 0), grouped=True)
        y = add(self._multiply(left, right), bias[:, None])
        return y.reshape(*shape.shapes(1)["y"][1:], -1)

    def _backward(self, layer: Weighted, x: Floats, dy: Floats, rate: np.float32) -> Floats:
        """Return the gradient of a layer's input, and change its arrays."""
        number, shape = layer.number, layer.layer
        weight, dx, slopes = self.weights[f"weight{number}"], dy, dy.reshape(len(dy), -1)
        left = self._operand(slopes, number, ("weight", 0))
        right = self._operand(_matrix(shape, x), number, ("weight", 1))
        gradients = {
            "weight": self._multiply(left, right).reshape(weight.shape),
            "bias": self._sum_samples(slopes),
        }
        if number:
            if isinstance(shape, Planes):
                # Kernels are copied in this order, so that words lie along the reduction.
                left = self._operand(reversed_kernels(weight), number, ("input", 1))
                slopes = patches(dy, shape.kernel, shape.kernel - 1 - shape.padding)
            else:
                left = self._operand(weight.T, number, ("input", 1), grouped=True)
            right = self._operand(slopes.T, number, ("input", 0), grouped=True)
            dx = self._multiply(left, right)
        for name, gradient in gradients.items():
            momentum = add(multiply(self.momenta[f"{name}{number}"], self.momentum), gradient)
            self.momenta[f"{name}{number}"] = momentum
            self.weights[f"{name}{number}"] = add(
                multiply(momentum, -rate), self.weights[f"{name}{number}"]
            )
        return dx

    def _operand(
        self, rows: Floats, layer: int, use: tuple[str, int], *, grouped: bool = False
    ) -> Any:
        """Return a matrix in blocks along its rows.

        Random words go row by row, or, where it is ``grouped``, block by block of as many rows as
        a word has values. The number of the step is added to the low bits of the stream's key.
        """
        p = self.parameters
        count, reduction = rows.shape
        words = None
        if p.format.rounding == "stochastic":
            key = stream_key(self.seed, layer=layer, use=USES[use])
            low = (1 << ADDRESS_BITS) - 1
            key = key & ((1 << KEY_BITS) - 1 - low) | key + self.number & low
            block = p.format.reduction
            height = p.values if grouped else 1
            shape = -(-count // height), p.array.blocks(reduction), height, block
            words = Words(key=key).draw(shape, p.format.random_bits).swapaxes(1, 2)
            words = words.reshape(-1, shape[1] * block)[:count, :reduction]
        return quantize(np.ascontiguousarray(rows), p.format, axis=1, random=words)

    def _multiply(self, left: Any, right: Any) -> Floats:
        """Return the product of (m, k) and the transpose of (n, k)."""
        return matmul(self.parameters.array, left, right.transposed)

    def _sum_samples(self, x: Floats) -> Floats:
        """Return the sums along the last axis: of each place of a word, then of these."""
        lanes = sum_words(np.moveaxis(x.reshape(*x.shape[:-1], -1, self.parameters.values), -2, 0))
        return pairwise(np.moveaxis(lanes, -1, 0))

    def _loss(self, z: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the mean cross entropy of softmax outputs, and its gradient."""
        share = np.float32(1 / z.shape[1])
        highest = z[0]
        for row in z:
            highest = larger(highest, row)
        z = add(z, -highest)
        e = evaluate(FUNCTIONS.index("exp"), z)
        total = sum_words(e)
        shares = multiply(e, evaluate(FUNCTIONS.index("recip"), total))
        losses = add(evaluate(FUNCTIONS.index("log"), total), -sum_words(multiply(z, labels)))
        gradient = multiply(add(shares, -labels), share)
        return self._sum_samples(multiply(losses, share)), gradient


def _matrix(shape: Layer, x: Floats) -> Floats:
    """Return what a layer multiplies by its weights: (inputs, samples), or patches."""
    if isinstance(shape, Planes):
        planes = x.reshape(shape.channels, shape.size, shape.size, -1)
        return patches(planes, shape.kernel, shape.padding)
    return x.reshape(-1, x.shape[-1])


class _Unquantized(_Step):
    """Steps whose products are those of binary32."""

    def _operand(
        self, rows: Floats, layer: int, use: tuple[str, int], *, grouped: bool = False
    ) -> Floats:
        return rows

    def _multiply(self, left: Floats, right: Floats) -> Floats:
        return gemm(left, np.ascontiguousarray(right.T))
