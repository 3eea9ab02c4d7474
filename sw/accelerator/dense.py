"""Dense layers as operations: forward, backward, and the change of their weights."""

import dataclasses
from collections.abc import Iterator

from .operands import COLUMNS, ROWS, Panels
from .operations import Matrix, Operation, Tensor, multiply, vector

__all__ = ["Dense", "Shared"]


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


class Dense:
    """A dense layer; samples are innermost.

    Parameters
    ----------
    number : int
        Of the layer.
    x : Matrix
        Its input, (inputs, samples), with rows of zeros up to whole words of inputs.
    inputs, outputs : int
        Without what fills up words.
    relu : bool
        Whether a rectifier follows.
    shared : Shared
        What layers have in common.

    Members
    -------
    y, dy : Matrix
        The output, (outputs, samples), and its gradient, which takes the place of what a rectifier
        gave.
    weight, bias, momentum, bias_momentum : Matrix
        Its arrays, (outputs, inputs) and one row.
    padded : list of Matrix
        What must hold zeros at the start, where nothing else writes.
    """

    def __init__(
        self, number: int, x: Matrix, inputs: int, outputs: int, relu: bool, shared: Shared
    ) -> None:
        self.number = number
        self.x = x
        self.inputs = inputs
        self.outputs = outputs
        self.relu = relu
        self._shared = shared
        values, samples = x.values, x.stride
        rows = -(-outputs // values) * values if relu else outputs
        self.y = Matrix.make(f"y{number}", rows, samples, values)
        apart = Matrix.make(f"dy{number}", outputs, samples, values)
        self.dy = self.y.top(outputs) if relu else apart
        self.weight = Matrix.make(f"weight{number}", outputs, inputs, values)
        self.bias = Matrix.make(f"bias{number}", 1, outputs, values)
        self.momentum = Matrix.make(f"momentum_weight{number}", outputs, inputs, values)
        self.bias_momentum = Matrix.make(f"momentum_bias{number}", 1, outputs, values)
        shared.dw.words = max(shared.dw.words, self.weight.tensor.words)
        self._dw = dataclasses.replace(self.weight, tensor=shared.dw)
        self._db = Matrix.make(f"gradient_bias{number}", 1, outputs, values)
        self.padded = [self.y] * (rows > outputs) + [self._db] * (self._db.stride > outputs)

    @property
    def arrays(self) -> list[Matrix]:
        """What is kept from step to step."""
        return [self.weight, self.bias, self.momentum, self.bias_momentum]

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output."""
        panels, samples = self._shared.panels, self.x.stride
        left, right = panels.take(ROWS), panels.take(COLUMNS)
        key = panels.key(self.number, "forward", 1)
        yield panels.quantize(left, self.weight, ROWS, reduction=self.inputs, key=key)
        key = panels.key(self.number, "forward", 0)
        yield panels.quantize(
            right, self.x, COLUMNS, reduction=self.inputs, transposed=True, key=key
        )
        y = self.y.top(self.outputs)
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
        key = panels.key(self.number, "weight", 1)
        return panels.quantize(panel, self.x, COLUMNS, reduction=self.x.stride, key=key)

    def weight_gradient(self, right: Tensor) -> Iterator[Operation]:
        """Give what makes the gradients of weights and biases, of the input's panel."""
        panels, samples = self._shared.panels, self.x.stride
        left = panels.take(ROWS)
        number = self.number
        name = f"dy{number}"
        key = panels.key(number, "weight", 0)
        yield panels.quantize(left, self.dy, ROWS, reduction=samples, key=key)
        yield multiply(
            f"gradient of weight{number} = {name} {self.x.tensor.name}^T",
            self._dw,
            left,
            right,
            m=self.outputs,
            n=self.weight.stride,
            blocks=panels.blocks(samples),
        )
        yield vector(
            f"gradient of bias{number} = sums of {name}",
            "copy",
            self._db.elements(self.outputs),
            self.dy.along,
            shape=(self.outputs, self.dy.words),
            reduce="sum",
            fold=True,
        )

    def input_gradient(self, below: "Dense") -> Iterator[Operation]:
        """Give what makes the gradient of the output of the layer below."""
        panels, samples = self._shared.panels, self.x.stride
        left, right = panels.take(ROWS), panels.take(COLUMNS)
        key = panels.key(self.number, "input", 1)
        yield panels.quantize(
            left, self.weight, ROWS, reduction=self.outputs, transposed=True, key=key
        )
        key = panels.key(self.number, "input", 0)
        yield panels.quantize(
            right, self.dy, COLUMNS, reduction=self.outputs, transposed=True, key=key
        )
        dx = dataclasses.replace(below.dy, tensor=self._shared.dx)
        dx.tensor.words = max(dx.tensor.words, dx.rows * dx.words)
        yield multiply(
            f"{dx.tensor.name} = {self.weight.tensor.name}^T dy{self.number}",
            dx,
            left,
            right,
            m=self.inputs,
            n=samples,
            blocks=panels.blocks(self.outputs),
        )
        yield vector(
            f"dy{below.number} = {dx.tensor.name} where y{below.number} is positive",
            "mask",
            below.dy.along,
            dx.along,
            below.dy.along,
            shape=(dx.rows, dx.words),
        )

    def update(self) -> Iterator[Operation]:
        """Give what changes momenta by gradients, and weights by momenta."""
        for array, momentum, gradient in (
            (self.weight, self.momentum, self._dw),
            (self.bias, self.bias_momentum, self._db),
        ):
            shape = array.rows, array.words
            yield vector(
                f"{momentum.tensor.name} * {self._shared.momentum} + its gradient",
                "axpy",
                momentum.along,
                momentum.along,
                gradient.along,
                scalar=self._shared.momentum,
                shape=shape,
            )
            yield vector(
                f"{array.tensor.name} - rate * {momentum.tensor.name}",
                "axpy",
                array.along,
                momentum.along,
                array.along,
                scalar=self._shared.rate,
                shape=shape,
            )
