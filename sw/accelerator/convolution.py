"""Convolutions as operations: dense layers of patches, but for the gradient of their input."""

from collections.abc import Iterator

from ..core.planes import Planes as Shape
from ..train.layers import Weighted
from .dense import Dense
from .layer import Layer
from .operands import COLUMNS, ROWS, TERMS
from .operations import Matrix, Operation, Tensor, Window, repeated, vector
from .planes import Planes
from .shared import Shared
from .stages import Stage

__all__ = ["Convolution"]


class Convolution(Dense):
    """A convolution; samples are innermost.

    Weights are (filters, channels * taps). Each pixel of the output's gradient gives the input's
    gradient a term for every tap; they are added where the taps lie, in planes with a border.

    Parameters
    ----------
    x : Tensor
        Its input, (channels, y, x, samples).
    batch, values : int
        Samples, and values of a word.
    stage, below, shared
        As those of `Dense`.

    Members
    -------
    Those of `Dense`.
    """

    def __init__(
        self, stage: Stage, below: Layer | None, x: Tensor, batch: int, values: int, shared: Shared
    ) -> None:
        assert isinstance(stage.part, Weighted)
        shape = stage.part.layer
        assert isinstance(shape, Shape) and not shape.depthwise
        self._shape = shape
        words = batch // values
        source = Planes(x, shape.channels, shape.size, words, values)
        patches = source.patches(shape.kernel, shape.padding, stride=shape.stride)
        super().__init__(stage, below, patches, shared)
        reach = shape.stride * (shape.outputs - 1) + shape.kernel
        side = max(reach, shape.padding + shape.size)
        self._bordered = Planes(shared.dx, shape.channels, side, words, values)
        self.dx = self._bordered.matrix

    @property
    def _gradient(self) -> Window:
        """The gradient of the input, without the border, in the order of its words."""
        planes, shape = self._bordered, self._shape
        counters = (
            (planes.channels, planes.plane),
            (shape.size, planes.line),
            (shape.size * planes.words, planes.values),
        )
        offset = shape.padding * (planes.line + planes.pixel)
        return Window(tensor=planes.tensor, counters=counters, offset=offset)

    def _input_gradient(
        self, operands: Iterator[Operation], products: Iterator[Operation]
    ) -> Iterator[Operation]:
        """Give what makes the gradient of the input, and perhaps what that of the weights needs.

        Where there are two rooms terms are added while the next ones, or the weights', are made.
        """
        panels, dx, reduction = self._shared.panels, self.dx, self.outputs
        dx.tensor.words = max(dx.tensor.words, dx.rows * dx.words)
        yield vector(f"zeros of {dx.tensor.name}", "fill", dx.along, shape=(dx.rows, dx.words))
        left = panels.take(ROWS)
        yield self._transposed(left)
        key = panels.key(self.product, "input", 0)
        planes = Planes.of(self.dy, self._bordered.words)
        line = planes.side * planes.words
        waiting: Iterator[Operation] = iter(())
        for columns, slopes in panels.columns_of(planes.patches(1, 0), reduction):
            right = panels.take(COLUMNS)
            yield self._across(right, slopes, columns, reduction, key)
            lines = range(columns.start // line, columns.stop // line)
            for few in panels.lines_of(lines, self.inputs * line, reduction):
                terms = Matrix(panels.take(TERMS), self.inputs, len(few) * line, dx.values)
                terms.tensor.words = max(terms.tensor.words, terms.rows * terms.words)
                first = (few.start - lines.start) * line * terms.values
                yield self._multiply(
                    f"{terms.tensor.name} = {self.weight.tensor.name}^T dy{self.number}",
                    terms,
                    Window(tensor=left),
                    panels.part(right, COLUMNS, reduction, range(first, first + terms.stride)),
                    reduction,
                )
                if panels.spare:
                    yield from operands
                    yield from waiting
                waiting = self._scatter(terms, few)
                if not panels.spare:
                    yield from waiting
        if panels.spare:
            yield from products
        yield from waiting

    def _scatter(self, terms: Matrix, lines: range) -> Iterator[Operation]:
        """Give what adds the terms of some lines of the output to the gradient of the input.

        The last tap is the first one. A pixel then has its terms in the order of the output's
        pixels, whatever lines are added at once.
        """
        to, stride, kernel = self._bordered, self._shape.stride, self._shape.kernel
        counters = (
            (to.channels, to.plane),
            (len(lines), stride * to.line),
            (self._shape.outputs, stride * to.pixel),
            (to.words, to.values),
        )
        rows = (to.channels, kernel**2 * terms.stride), (terms.words, terms.values)
        last = kernel - 1
        for down in reversed(range(kernel)):
            offset = (stride * lines.start + down) * to.line + last * to.pixel
            there = Window(tensor=to.tensor, counters=counters, offset=offset)
            tap = (down * kernel + last) * terms.stride
            each = Window(tensor=terms.tensor, counters=rows, offset=tap)
            comment = f"{to.tensor.name} + {terms.tensor.name} of taps in line {down}"
            shape = to.channels, terms.words
            term = vector(comment, "add", there, there, each, shape=shape)
            yield repeated(term, kernel, (-to.pixel, -to.pixel, -terms.stride))
