"""The training that a program of the accelerator does, on whole tensors: what it must equal."""

import dataclasses
from typing import Any

import numpy as np

from ..arrays import Floats
from ..bfp.array import matmul
from ..checks import choice
from ..formats import binary32
from ..formats.binary32 import add, multiply
from ..formats.quantize import quantize
from ..train.data import Data
from ..train.fast import gemm
from ..train.operand import USES
from ..train.settings import Settings
from ..words import KEY_BITS, Words, stream_key
from .functions import evaluate
from .instructions import ADDRESS_BITS, FUNCTIONS
from .parameters import AcceleratorParameters
from .start import start

__all__ = ["Training", "train"]

PRODUCTS = ("format", "binary32")

PARTIALS = 8
"""Sums that the words of a reduction are added to in turn."""


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
    """Train an MLP by stochastic gradient descent with momentum, in the machine's arithmetic.

    Operands of products are quantized and multiplied as the array does it, all else is binary32
    without subnormals, and sums are in the order of the machine's words. Unlike
    `sw.train.loop.train` it leaves out the images of a batch that is not whole, and takes the same
    order in every epoch. `UserError` where the accelerator has no such training.

    With ``products`` of ``binary32`` instead of ``format`` nothing is quantized, to compare with.
    """
    kind = {"format": _Step, "binary32": _Unquantized}[choice("products", products, PRODUCTS)]
    first = start(parameters, data, settings)
    step = kind(parameters, settings, first.network.arrays)
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
        self, parameters: AcceleratorParameters, settings: Settings, arrays: dict[str, Floats]
    ) -> None:
        self.parameters = parameters
        self.seed = settings.seed
        self.momentum = np.float32(settings.momentum)
        self.weights = {name: array.copy() for name, array in arrays.items()}
        self.momenta = {name: np.zeros_like(array) for name, array in arrays.items()}
        self.layers = len(arrays) // 2
        self.number = 0

    def run(self, x: Floats, labels: Floats, rate: np.float32) -> Floats:
        """Do a step; return the mean loss of its batch."""
        inputs = [x]
        for layer in range(self.layers):
            weight, bias = self.weights[f"weight{layer}"], self.weights[f"bias{layer}"]
            left = self._operand(weight, layer, ("forward", 1))
            right = self._operand(inputs[-1].T, layer, ("forward", 0), grouped=True)
            y = add(self._multiply(left, right), bias[:, None])
            inputs.append(_positive(y) if layer < self.layers - 1 else y)
        loss, dy = self._loss(inputs[-1], labels)
        for layer in reversed(range(self.layers)):
            x, weight = inputs[layer], self.weights[f"weight{layer}"]
            left = self._operand(dy, layer, ("weight", 0))
            right = self._operand(x, layer, ("weight", 1))
            gradients = {"weight": self._multiply(left, right), "bias": self._sum_samples(dy)}
            if layer:
                left = self._operand(weight.T, layer, ("input", 1), grouped=True)
                right = self._operand(dy.T, layer, ("input", 0), grouped=True)
                dx = self._multiply(left, right)
                dy = np.where(_positive(x) > 0, dx, np.float32(0))
            for name, gradient in gradients.items():
                momentum = add(multiply(self.momenta[f"{name}{layer}"], self.momentum), gradient)
                self.momenta[f"{name}{layer}"] = momentum
                self.weights[f"{name}{layer}"] = add(
                    multiply(momentum, -rate), self.weights[f"{name}{layer}"]
                )
        self.number += 1
        return loss

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
        lanes = _sum(np.moveaxis(x.reshape(*x.shape[:-1], -1, self.parameters.values), -2, 0))
        return _pairwise(np.moveaxis(lanes, -1, 0))

    def _loss(self, z: Floats, labels: Floats) -> tuple[Floats, Floats]:
        """Return the mean cross entropy of softmax outputs, and its gradient."""
        share = np.float32(1 / z.shape[1])
        highest = z[0]
        for row in z:
            highest = _larger(highest, row)
        z = add(z, -highest)
        e = evaluate(FUNCTIONS.index("exp"), z)
        total = _sum(e)
        shares = multiply(e, evaluate(FUNCTIONS.index("recip"), total))
        losses = add(evaluate(FUNCTIONS.index("log"), total), -_sum(multiply(z, labels)))
        gradient = multiply(add(shares, -labels), share)
        return self._sum_samples(multiply(losses, share)), gradient


class _Unquantized(_Step):
    """Steps whose products are those of binary32."""

    def _operand(
        self, rows: Floats, layer: int, use: tuple[str, int], *, grouped: bool = False
    ) -> Floats:
        return rows

    def _multiply(self, left: Floats, right: Floats) -> Floats:
        return gemm(left, np.ascontiguousarray(right.T))


def _sum(x: Floats) -> Floats:
    """Return the sum along the first axis, by interleaved partial sums."""
    partial = np.zeros((PARTIALS, *x.shape[1:]), np.float32)
    for number, each in enumerate(x):
        partial[number % PARTIALS] = add(partial[number % PARTIALS], each)
    return _pairwise(partial)


def _pairwise(x: Floats) -> Floats:
    """Return the sum along the first axis, of neighbours, then of these, and so on."""
    while len(x) > 1:
        x = add(x[::2], x[1::2])
    return x[0]


def _positive(x: Floats) -> Floats:
    """Return what is positive and normal, and NaN; else +0."""
    x = binary32.flush(x)
    return np.where(np.isnan(x), binary32.NAN, np.where(x > 0, x, np.float32(0)))


def _larger(x: Floats, y: Floats) -> Floats:
    """Return the larger one, the second of equal ones; NaN if one is."""
    x, y = binary32.flush(x), binary32.flush(y)
    return np.where(np.isnan(x) | np.isnan(y), binary32.NAN, np.where(x > y, x, y))
