"""Dense layers as operations: forward, backward, and the change of their weights."""

import dataclasses
from collections.abc import Iterator

from ..train.layers import Weighted
from .layer import Layer
from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, Window, multiply, vector
from .stages import Stage

__all__ = ["Dense", "Shared", "descent"]


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
    dw, dx : Tensor
        Room for the gradients of a layer's weights, and of its input.
    """

    panels: Panels
    momentum: float
    rate: int
    dw: Tensor
    dx: Tensor


def descent(
    shared: Shared, array: Matrix, momentum: Matrix, gradient: Matrix
) -> Iterator[Operation]:
    """Give what changes a momentum by a gradient, and an array by the momentum."""
    shape = array.rows, array.words
    yield vector(
        f"{momentum.tensor.name} * {shared.momentum} + its gradient",
        "axpy",
        momentum.along,
        momentum.along,
        gradient.along,
        scalar=shared.momentum,
        shape=shape,
    )
    yield vector(
        f"{array.tensor.name} - rate * {momentum.tensor.name}",
        "axpy",
        array.along,
        momentum.along,
        array.along,
        scalar=shared.rate,
        shape=shape,
    )


class Dense(Layer):
    """A dense layer; samples are innermost.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : Layer or None
        Whose output it reads.
    x : Matrix
        Its input, (inputs, samples).
    shared : Shared
        What layers have in common.

    Members
    -------
    y, dy : Matrix
        The output, (outputs, samples), and its gradient.
    weight, bias, momentum, bias_momentum : Matrix
        Its arrays, (outputs, inputs) and one row.
    dx : Matrix
        Room for the gradient of the input.
    reduction : int
        Of the product that gives it.
    """

    def __init__(self, stage: Stage, below: Layer | None, x: Matrix, shared: Shared) -> None:
        assert isinstance(stage.part, Weighted)
        self.number = number = stage.number
        self.product = stage.part.number
        self.outputs = outputs = stage.part.layer.shapes(1)["w"][0]
        self.inputs = inputs = x.rows
        self.x = x
        self._shared = shared
        values, samples = x.values, x.stride
        y = Matrix.make(f"y{number}", outputs, samples, values)
        super().__init__([below], y, stage.relu)
        self.dx = dataclasses.replace(x, tensor=shared.dx)
        self.reduction = outputs
        self.weight = Matrix.make(f"weight{number}", outputs, inputs, values)
        self.bias = Matrix.make(f"bias{number}", 1, outputs, values)
        self.momentum = Matrix.make(f"momentum_weight{number}", outputs, inputs, values)
        self.bias_momentum = Matrix.make(f"momentum_bias{number}", 1, outputs, values)
        shared.dw.words = max(shared.dw.words, self.weight.tensor.words)
        self._dw = dataclasses.replace(self.weight, tensor=shared.dw)
        self._db = Matrix.make(f"gradient_bias{number}", 1, outputs, values)
        self.padded = [self._db] * (self._db.stride > outputs)
        self.arrays = [self.weight, self.bias, self.momentum, self.bias_momentum]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        panels, samples = self._shared.panels, self.x.stride
        left, right = panels.take(ROWS), panels.take(COLUMNS)
        key = panels.key(self.product, "forward", 1)
        yield panels.quantize(left, self.weight, ROWS, reduction=self.inputs, key=key)
        key = panels.key(self.product, "forward", 0)
        yield panels.quantize(
            right, self.x, COLUMNS, reduction=self.inputs, transposed=True, key=key
        )
        y = self.y
        name = y.tensor.name
        yield multiply(
            f"{name} = {self.weight.tensor.name} {self.x.tensor.name}",
            y,
            left,
            right,
            m=self.outputs,
            n=samples,
            blocks=panels.blocks(self.inputs),
        )
        yield vector(
            f"{name} + {self.bias.tensor.name}{', rectified' * self.relu}",
            "add",
            y.along,
            y.along,
            self.bias.elements(self.outputs, y.words),
            shape=(self.outputs, y.words),
            relu=self.relu,
        )

    def input_panel(self, panel: Tensor) -> Operation:
        """Return what quantizes the input along samples, for the gradient of the weights."""
        panels = self._shared.panels
        key = panels.key(self.product, "weight", 1)
        return panels.quantize(panel, self.x, COLUMNS, reduction=self.x.stride, key=key)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below, and what changes the arrays."""
        [below] = self.below
        if panel is None:
            panel = self._shared.panels.take(COLUMNS)
            yield self.input_panel(panel)
        yield from self._weight_gradient(panel)
        if below:
            yield from self._input_gradient(below)
        yield from descent(self._shared, self.weight, self.momentum, self._dw)
        yield from descent(self._shared, self.bias, self.bias_momentum, self._db)

    def _weight_gradient(self, right: Tensor) -> Iterator[Operation]:
        """Give what makes the gradients of weights and biases, of the input's panel."""
        panels, samples = self._shared.panels, self.x.stride
        left = panels.take(ROWS)
        number = self.number
        name = f"dy{number}"
        key = panels.key(self.product, "weight", 0)
        yield panels.quantize(left, self.dy, ROWS, reduction=samples, key=key)
        yield multiply(
            f"gradient of weight{number} = {name} {self.x.tensor.name}^T",
            self._dw,
            left,
            right,
            m=self.outputs,
            n=panels.columns(self.inputs),
            blocks=panels.blocks(samples),
        )
        more = self._dw.stride - self.inputs
        if more:
            # Columns of the product beyond the inputs are of what the panel held before.
            behind = Window(
                tensor=self._dw.tensor,
                counters=((self.outputs, self._dw.stride), (more, 1)),
                offset=self.inputs,
                single=True,
            )
            yield vector("zeros behind it", "fill", behind, shape=(self.outputs, more))
        yield vector(
            f"gradient of bias{number} = sums of {name}",
            "copy",
            self._db.elements(self.outputs),
            self.dy.along,
            shape=(self.outputs, self.dy.words),
            reduce="sum",
            fold=True,
        )

    def input_panels(self, left: Tensor, right: Tensor) -> Iterator[Operation]:
        """Give what makes the operands of the gradient of the input."""
        panels = self._shared.panels
        key = panels.key(self.product, "input", 1)
        yield panels.quantize(
            left, self.weight, ROWS, reduction=self.outputs, transposed=True, key=key
        )
        key = panels.key(self.product, "input", 0)
        yield panels.quantize(
            right, self.dy, COLUMNS, reduction=self.outputs, transposed=True, key=key
        )

    def _input_gradient(self, below: Layer) -> Iterator[Operation]:
        """Give what makes the gradient of the input, which the layer below takes."""
        panels, dx = self._shared.panels, self.dx
        left, right = panels.take(ROWS), panels.take(COLUMNS)
        yield from self.input_panels(left, right)
        dx.tensor.words = max(dx.tensor.words, dx.rows * dx.words)
        yield multiply(
            f"{dx.tensor.name} = {self.weight.tensor.name}^T dy{self.number}",
            dx,
            left,
            right,
            m=dx.rows,
            n=dx.stride,
            blocks=panels.blocks(self.reduction),
        )
        yield from below.take(dx.tensor.name, dx.along)
