"""Gradients against slopes, in binary64."""

from typing import Any

import numpy as np

from sw.core.products import OPERANDS, execute
from sw.train.arithmetic import Operand
from sw.train.layers import Product
from sw.train.loss import cross_entropy
from sw.train.network import Network


class Plain:
    """Products in the precision of their operands."""

    training = True

    def product(self, layer: Product, which: str, batch: int, operands: dict[str, Operand]) -> Any:
        a, b, result = OPERANDS[which]

        def multiply(product: Any, c: int) -> Any:
            left, right = (operands[name].tensor for name in (a, b))
            return product.a.gather(left, c) @ product.b.gather(right, c).T

        products = layer.layer.shared(which, batch)
        return execute(products, layer.layer.shapes(batch)[result], multiply)


def slopes_off(network: Network, pixels: int, *, every: int = 1) -> float:
    """The largest difference of a gradient from the loss's slope, at every ``every``-th weight."""
    rng = np.random.default_rng(2)
    for part in network.parts:
        for arrays in (part.parameters, part.state):
            wide: Any = {name: array.astype(np.float64) for name, array in arrays.items()}
            arrays.update(wide)
    x: Any = rng.standard_normal((6, pixels))
    labels = rng.integers(0, 3, 6)
    network.backward(cross_entropy(network.forward(x, Plain()), labels)[1], Plain())
    gradients = [dict(part.gradients) for part in network.parts]
    worst = 0.0
    for part, kept in zip(network.parts, gradients, strict=True):
        for name, array in part.parameters.items():
            for place in list(np.ndindex(array.shape))[::every]:
                value = array[place]
                losses = []
                for sign in (1, -1):
                    array[place] = value + sign * 1e-6
                    losses.append(cross_entropy(network.forward(x, Plain()), labels)[0])
                array[place] = value
                slope = (losses[0] - losses[1]) / 2e-6
                worst = max(worst, abs(slope - float(kept[name][place])))
    return worst
