"""Dense layers as operations: forward, backward, and the change of their weights."""

import dataclasses
from collections.abc import Iterator, Sequence

from ..train.layers import Weighted
from .layer import Layer
from .operands import COLUMNS, KEPT, ROWS
from .operations import Matrix, Operation, Tensor, Window, grouped, multiply, vector
from .shared import Shared, descent
from .stages import Stage

__all__ = ["Dense"]


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
        panels = shared.panels
        self._products = dataclasses.replace(y, tensor=shared.products) if panels.grouped else y
        self.groups = panels.groups(outputs, x, inputs)
        self.dx = dataclasses.replace(x, tensor=shared.dx)
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
        """Give what makes the output, a group of rows after the other."""
        panels, inputs, made = self._shared.panels, self.inputs, self._products
        made.tensor.words = max(made.tensor.words, made.rows * made.words)
        left, key = panels.take(ROWS), panels.key(self.product, "forward", 1)
        first, *others = self.groups
        rows = [*panels.rows(len(first), self.x.stride, inputs), *others]
        # Parts of the weights, which may have changed just now, follow the first of the input.
        weights = (
            panels.quantize(
                left, self.weight.cut(part), ROWS, reduction=inputs, key=key, before=part.start
            )
            for part in (rows if panels.separable else [range(self.outputs)])
        )
        yield from (self._by_rows if others else self._by_columns)(left, weights, rows)

    def _by_columns(
        self, left: Tensor, weights: Iterator[Operation], rows: Sequence[range]
    ) -> Iterator[Operation]:
        """Give what makes the output, some columns after others, each of a panel of its own."""
        panels, made, y = self._shared.panels, self._products, self.y
        key = panels.key(self.product, "forward", 0)
        for columns, x in panels.columns_of(self.x, self.inputs):
            right = panels.take(COLUMNS)
            yield self._across(right, x, columns, self.inputs, key)
            yield from weights
            for part in rows:
                yield self._made(made.cut(part, columns), left, part, Window(tensor=right))
            yield self._add_biases(made.cut(columns=columns), y.cut(columns=columns))

    def _by_rows(
        self, left: Tensor, weights: Iterator[Operation], rows: Sequence[range]
    ) -> Iterator[Operation]:
        """Give what makes the output, some rows after others; the columns have one panel."""
        panels, made, y = self._shared.panels, self._products, self.y
        key, right = panels.key(self.product, "forward", 0), panels.take(COLUMNS)
        first, *others = self.groups
        for columns, x in panels.early(self.x, self.inputs):
            yield self._across(right, x, columns, self.inputs, key, whole=True)
            yield from weights
            place = range(columns.start * x.values, columns.stop * x.values)
            part = panels.part(right, COLUMNS, self.inputs, place)
            # The first columns need not wait for all weights of the first group.
            for each in [first] if columns.start else rows[: -len(others)]:
                yield self._made(made.cut(each, columns), left, each, part)
        yield self._add_biases(made.cut(first), y.cut(first))
        for part in others:
            yield self._made(made.cut(part), left, part, Window(tensor=right))
            yield self._add_biases(made.cut(part), y.cut(part), part.start)

    def _made(self, to: Matrix, left: Tensor, rows: range, right: Window) -> Operation:
        """Return the product of some rows of the weights and of columns of the input."""
        comment = f"{self.y.tensor.name} = {self.weight.tensor.name} {self.x.tensor.name}"
        part = self._shared.panels.part(left, ROWS, self.inputs, rows)
        return self._multiply(comment, to, part, right, self.inputs)

    def _add_biases(self, x: Matrix, y: Matrix, first: int = 0) -> Operation:
        """Return what adds biases to products, from a row on, and rectifies the sums."""
        return vector(
            f"{self.y.tensor.name} + {self.bias.tensor.name}{', rectified' * self.relu}",
            "add",
            y.along,
            x.along,
            self.bias.elements(y.rows, y.words, first),
            shape=(y.rows, y.words),
            relu=self.relu,
        )

    def _across(
        self,
        panel: Tensor,
        x: Matrix,
        columns: range,
        reduction: int,
        key: int | None,
        *,
        whole: bool = False,
    ) -> Operation:
        """Return what quantizes some columns of an operand, which are these words of its rows."""
        return self._shared.panels.quantize(
            panel,
            x,
            COLUMNS,
            reduction=reduction,
            transposed=True,
            key=key,
            before=columns.start * x.values,
            whole=whole,
        )

    def _multiply(
        self,
        comment: str,
        to: Matrix,
        left: Window,
        right: Window,
        reduction: int,
        columns: int | None = None,
    ) -> Operation:
        """Return a product of panels, of so many columns, or as many as ``to`` has."""
        panels, n = self._shared.panels, to.words * to.values
        used = n if columns is None else columns
        return multiply(
            comment,
            to,
            left,
            right,
            m=to.rows,
            n=n if columns is None else panels.columns(columns),
            blocks=panels.blocks(reduction),
            work=to.rows * used * reduction,
        )

    def input_panel(self, panel: Tensor) -> Operation:
        """Return what quantizes the input along samples, for the gradient of the weights."""
        panels = self._shared.panels
        key = panels.key(self.product, "weight", 1)
        return panels.quantize(panel, self.x, COLUMNS, reduction=self.x.stride, key=key)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradients of the layer below, and of weights and biases."""
        [below] = self.below
        operands = grouped("weight gradient", self._operands(panel))
        products = grouped("weight gradient", self._weight_gradient())
        if below:
            yield from grouped("input gradient", self._input_gradient(operands, products))
        yield from operands
        yield from products
        if below:
            # The input may end here.
            given = below.take(self.dx.tensor.name, self._gradient)
            yield from grouped("input gradient", given)

    def _operands(self, panel: Tensor | None) -> Iterator[Operation]:
        """Give what quantizes the operands of the gradient of the weights."""
        panels, samples = self._shared.panels, self.x.stride
        if panel is None:
            panel = panels.take(KEPT)
            yield self.input_panel(panel)
        left = panels.take(ROWS)
        self._pair = left, panel
        key = panels.key(self.product, "weight", 0)
        for part in self._parts:
            yield panels.quantize(
                left, self.dy.cut(part), ROWS, reduction=samples, key=key, before=part.start
            )

    @property
    def _parts(self) -> list[range]:
        """Of the rows of the gradient of the weights."""
        return self._shared.panels.rows(self.outputs, self.inputs, self.x.stride)

    def _weight_gradient(self) -> Iterator[Operation]:
        """Give what makes the gradients of weights and biases."""
        panels, samples = self._shared.panels, self.x.stride
        left, right = self._pair
        yield self._bias_gradient()
        for part in self._parts:
            yield self._multiply(
                f"gradient of {self.weight.tensor.name} = dy{self.number} {self.x.tensor.name}^T",
                self._dw.cut(part),
                panels.part(left, ROWS, samples, part),
                Window(tensor=right),
                samples,
                self.inputs,
            )

    def update(self) -> Iterator[Operation]:
        """Give what changes the arrays."""
        for part in self._parts:
            gradient = self._dw.cut(part)
            more = self._dw.stride - self.inputs
            if more:
                # Columns of the product beyond the inputs are of what the panel held before.
                behind = gradient.window(((len(part), self._dw.stride), (more, 1)))
                offset = behind.offset + self.inputs
                behind = dataclasses.replace(behind, offset=offset, single=True)
                zeros = vector("zeros behind it", "fill", behind, shape=(len(part), more))
                yield from grouped("weight gradient", [zeros])
            yield from descent(
                self._shared, self.weight.cut(part), self.momentum.cut(part), gradient
            )
        yield from descent(self._shared, self.bias, self.bias_momentum, self._db)

    def _bias_gradient(self) -> Operation:
        """Return what makes the gradient of the biases."""
        return vector(
            f"gradient of {self.bias.tensor.name} = sums of {self.dy.tensor.name}",
            "copy",
            self._db.elements(self.outputs),
            self.dy.along,
            shape=(self.outputs, self.dy.words),
            reduce="sum",
            fold=True,
        )

    def _input_gradient(
        self, operands: Iterator[Operation], products: Iterator[Operation]
    ) -> Iterator[Operation]:
        """Give what makes the gradient of the input, and perhaps what that of the weights needs.

        Its ``operands``, which take a panel of rows, may come with the first product if there is
        another panel, and its ``products`` behind the last one.
        """
        panels, dx, reduction = self._shared.panels, self.dx, self.outputs
        dx.tensor.words = max(dx.tensor.words, dx.rows * dx.words)
        left = panels.take(ROWS)
        yield self._transposed(left)
        key = panels.key(self.product, "input", 0)
        for columns, slopes in panels.columns_of(self.dy, reduction):
            right = panels.take(COLUMNS)
            yield self._across(right, slopes, columns, reduction, key)
            yield self._multiply(
                f"{dx.tensor.name} = {self.weight.tensor.name}^T dy{self.number}",
                dx.cut(columns=columns),
                Window(tensor=left),
                Window(tensor=right),
                reduction,
            )
            if panels.spare:
                yield from operands

    def _transposed(self, left: Tensor) -> Operation:
        """Return what makes the panel of the weights for the gradient of the input."""
        panels = self._shared.panels
        key = panels.key(self.product, "input", 1)
        return panels.quantize(
            left, self.weight, ROWS, reduction=self.outputs, transposed=True, key=key
        )

    @property
    def _gradient(self) -> Window:
        """The gradient of the input, in the order of its words."""
        return self.dx.along
