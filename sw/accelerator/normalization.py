"""Batch normalization as operations: forward, backward, and the change of its arrays."""

from collections.abc import Iterator
from typing import Any

from ..train import layers
from .layer import Layer
from .operations import Matrix, Operation, Tensor, Window, vector
from .shared import Shared, descent
from .stages import Stage

__all__ = ["BatchNorm"]


class BatchNorm(Layer):
    """Batch normalization of each row, a channel, by the batch's mean and variance.

    The input less its mean takes the place of the input, and so does later its gradient.

    Parameters
    ----------
    stage : Stage
        What it is.
    below : Layer
        Whose output it reads, and nothing else does.
    shared : Shared
        What layers have in common.
    """

    def __init__(self, stage: Stage, below: Layer, shared: Shared) -> None:
        number, x = stage.number, below.y
        assert not below.relu and not below.readers
        super().__init__(
            [below], Matrix.make(f"normal{number}", x.rows, x.stride, x.values), stage.relu
        )
        self._x, self._shared = x, shared
        self._share = 1 / x.stride

        def row(name: str) -> Matrix:
            return Matrix.make(f"{name}{number}", 1, x.rows, x.values)

        self.scale, self.shift, self.mean, self.variance, *momenta = self.arrays = [
            row(name)
            for name in ("scale", "shift", "mean", "variance", "momentum_scale", "momentum_shift")
        ]
        self._momenta = momenta
        # The batch's mean and variance; 1 / deviation; times the scale.
        self._means, self._variances = row("batch_mean"), row("batch_variance")
        self._now, self._change = row("now"), row("change")
        self._factor, self._gain = row("factor"), row("gain")
        self._slopes = row("gradient_scale"), row("gradient_shift")
        self.groups = below.groups
        if self.scale.stride > x.rows:
            self.padded = [self._means, self._now, *self._slopes]

    def _row(self, comment: str, lane: str, *operands: Matrix, **options: Any) -> Operation:
        """Return an operation on a value of each channel: the result, then the operands."""
        to, *others = (each.along for each in operands)
        return vector(comment, lane, to, *others, shape=(1, operands[0].words), **options)

    def _each(self, row: Matrix, first: int = 0, count: int | None = None) -> Window:
        """Return the value of each channel, or of some, for all its words."""
        return row.elements(self._x.rows if count is None else count, self._x.words, first)

    def _pixels(
        self, comment: str, lane: str, to: Matrix, x: Matrix, y: Window | None, **options: Any
    ) -> Operation:
        """Return an operation on all words of all channels."""
        shape = x.rows, x.words
        return vector(comment, lane, to.along, x.along, y, shape=shape, **options)

    def _sums(
        self,
        comment: str,
        lane: str,
        to: Matrix,
        x: Matrix,
        y: Matrix | None,
        first: int = 0,
        **options: Any,
    ) -> Operation:
        """Return an operation on all words, summed for each channel from one on."""
        return vector(
            comment,
            lane,
            to.elements(x.rows, 1, first),
            x.along,
            y and y.along,
            shape=(x.rows, x.words),
            reduce="sum",
            fold=True,
            **options,
        )

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output, and moves the running mean and variance."""
        for rows in self.groups:
            yield from self._normalized(rows)
        for running, now in ((self.mean, self._means), (self.variance, self._variances)):
            step, name = 1 - layers.BatchNorm.MOMENTUM, running.tensor.name
            yield self._row(f"batch's less {name}", "sub", self._change, now, running)
            yield self._row(f"{name} moved", "axpy", running, self._change, running, scalar=step)

    def _normalized(self, rows: range) -> Iterator[Operation]:
        """Give what makes some rows of the output.

        Words of a value a channel may hold those of other rows: what is made of these comes to the
        same later, or is made again.
        """
        x, y, first, share = self._x.cut(rows), self.y.cut(rows), rows.start, self._share
        name, to, values = x.tensor.name, y.tensor.name, x.values
        words = range(first // values, -(-rows.stop // values))
        now, variance, factor, gain, scale = (
            each.cut(columns=words)
            for each in (self._now, self._variances, self._factor, self._gain, self.scale)
        )

        def each(row: Matrix) -> Window:
            return self._each(row, first, len(rows))

        yield self._sums(f"mean of {name}", "scale", self._means, x, None, first, scalar=share)
        yield self._pixels(f"{name} less its mean", "sub", x, x, each(self._means))
        # A bank has one reader, so that squares need the values in two.
        yield self._pixels(f"{to} = {name}", "copy", y, x, None)
        yield self._sums(f"squares of {name}", "mul", self._now, x, y, first)
        yield self._row(f"variance of {name}", "scale", variance, now, scalar=share)
        epsilon = layers.BatchNorm.EPSILON
        yield self._row("variance + epsilon", "shift", factor, variance, scalar=epsilon)
        yield self._row("1 / deviation", "function", factor, factor, function="rsqrt")
        yield self._row(f"{self.scale.tensor.name} / deviation", "mul", gain, scale, factor)
        yield self._pixels(f"{to} = {name} normalized", "mul", y, x, each(self._gain))
        comment = f"{to} + {self.shift.tensor.name}{', rectified' * self.relu}"
        yield self._pixels(comment, "add", y, y, each(self.shift), relu=self.relu)

    def backward(self, panel: Tensor | None = None) -> Iterator[Operation]:
        """Give what makes the gradient of the layer below, and what changes scale and shift."""
        [below] = self.below
        assert below and below.readers == 1
        x, dy, factor, change = self._x, self.dy, self._factor, self._change
        scale, shift = self._slopes
        name, row = dy.tensor.name, self._row
        number = self.scale.tensor.name.removeprefix("scale")
        yield self._sums(f"sums of {name} * {x.tensor.name}", "mul", scale, dy, x)
        yield self._sums(f"gradient of shift{number} = sums of {name}", "copy", shift, dy, None)
        yield row(f"gradient of scale{number}", "mul", scale, scale, factor)
        yield row("gradient / deviation", "mul", change, scale, factor)
        yield row("its mean", "scale", change, change, scalar=self._share)
        yield row("mean gradient", "scale", self._now, shift, scalar=self._share)
        to = below.dy
        own = to.tensor.name
        yield self._pixels("part along the input", "mul", to, x, self._each(change))
        yield self._pixels("mean and that part", "add", to, to, self._each(self._now))
        yield self._pixels(f"{name} without them", "sub", to, dy, to.along)
        yield self._pixels(f"d{own} = {name} through it", "mul", to, to, self._each(self._gain))
        for array, momentum, slope in zip(
            (self.scale, self.shift), self._momenta, self._slopes, strict=True
        ):
            yield from descent(self._shared, array, momentum, slope)
