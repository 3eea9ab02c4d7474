"""What the layers of a training share, and the change of their arrays."""

import dataclasses
from collections.abc import Iterator

from .operands import Panels
from .operations import Matrix, Operation, Tensor, vector

__all__ = ["Shared", "descent"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shared:
    """What layers have in common.

    Parameters
    ----------
    panels : Panels
        Makes the operands of products.
    momentum : float
        Of stochastic gradient descent.
    rate : int
        One more than the scalar register with the negative rate.
    dw, dx, products : Tensor
        Room for the gradients of a layer's weights, and of its input, and for its output without
        biases.
    """

    panels: Panels
    momentum: float
    rate: int
    dw: Tensor
    dx: Tensor
    products: Tensor


def descent(
    shared: Shared, array: Matrix, momentum: Matrix, gradient: Matrix
) -> Iterator[Operation]:
    """Give what changes a momentum by a gradient, and an array by the momentum."""
    m, name, shape = momentum.along, momentum.tensor.name, (array.rows, array.words)
    comment = f"{name} * {shared.momentum} + its gradient"
    yield vector(comment, "axpy", m, m, gradient.along, scalar=shared.momentum, shape=shape)
    comment, to = f"{array.tensor.name} - rate * {name}", array.along
    yield vector(comment, "axpy", to, m, to, scalar=shared.rate, shape=shape)
