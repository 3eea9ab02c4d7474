"""The training that a program of the accelerator does, on whole tensors: what it must equal."""

import dataclasses

import numpy as np

from ..arrays import Floats
from ..checks import choice
from ..formats.binary32 import add, multiply
from ..train.data import Data
from ..train.network import Network, square
from ..train.settings import Settings
from .attention_parts import ATTENTION_PARTS
from .functions import evaluate
from .instructions import FUNCTIONS
from .parameters import AcceleratorParameters
from .parts import PARTS, Arrays
from .products import Exact, Products
from .stages import INPUT, stages, takes_tokens
from .start import start
from .tensors import larger, positive, sum_samples, sum_words

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
    kind = {"format": Products, "binary32": Exact}[choice("products", products, PRODUCTS)]
    first = start(parameters, data, settings)
    step = _Step(parameters, settings, first.network, kind)
    losses = np.zeros((len(first.rates), len(first.order)), np.float32)
    for epoch, rate in enumerate(first.rates):
        for number, images in enumerate(first.order):
            # Samples are innermost, as in the machine.
            x = np.ascontiguousarray(data.train_x[images].T)
            labels = np.zeros((data.classes, len(images)), np.float32)
            labels[data.train_y[images], np.arange(len(images))] = 1
            losses[epoch, number] = step.run(x, labels, rate)
    return Training(weights=step.arrays.weights, momenta=step.arrays.momenta, losses=losses)


class _Step:
    """The steps of a training, and the arrays that they change."""

    def __init__(
        self,
        parameters: AcceleratorParameters,
        settings: Settings,
        network: Network,
        products: type[Products] = Products,
    ) -> None:
        self.values = parameters.values
        self.arrays = Arrays(network.arrays, np.float32(settings.momentum))
        self.products = products(parameters, settings.seed)
        self.stages = stages(network)
        kinds = {**PARTS, **ATTENTION_PARTS}
        self.tokens = takes_tokens(network)
        self.parts = [
            kinds[type(stage.part)](stage, self.values, self.arrays, self.products)
            for stage in self.stages
        ]

    def run(self, x: Floats, labels: Floats, rate: np.float32) -> Floats:
        """Do a step; return the mean loss of its batch."""
        self.arrays.rate = rate
        if self.tokens:
            side = square(len(x))
            x = x.reshape(side, side, -1).swapaxes(0, 1)
        # The input of the network, whose number is INPUT, comes last.
        tensors = [*(np.empty(0) for _ in self.stages), x]
        for number, (stage, part) in enumerate(zip(self.stages, self.parts, strict=True)):
            y = part.forward(*(tensors[source] for source in stage.inputs))
            tensors[number] = positive(y) if stage.relu else y
        loss, dy = self._loss(tensors[-2], labels)
        self._backward(tensors, dy)
        self.products.step += 1
        return loss

    def _backward(self, tensors: list[Floats], dy: Floats) -> None:
        """Go from the last stage to the first, and add what the readers of an output give."""
        slopes = {len(self.stages) - 1: dy}
        for number in reversed(range(len(self.stages))):
            stage, y = self.stages[number], tensors[number]
            dy = slopes.pop(number).reshape(y.shape)
            dy = np.where(y > 0, dy, np.float32(0)) if stage.relu else dy
            given = self.parts[number].backward(dy)
            for source, dx in zip(stage.inputs, given, strict=True):
                if source != INPUT:
                    dx = dx.reshape(tensors[source].shape)
                    slopes[source] = add(slopes[source], dx) if source in slopes else dx

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
        return sum_samples(multiply(losses, share), self.values), gradient
