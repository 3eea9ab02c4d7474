"""Batch normalization as operations: forward, backward, and the change of its arrays."""

from collections.abc import Iterator
from typing import Any

from ..train import layers
from .dense import Shared, descent
from .layer import Layer
from .operations import Matrix, Operation, Tensor, Window, vector
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
        # The batch's mean, then its variance; 1 / deviation; times the scale.
        self._now, self._change = row("now"), row("change")
        self._factor, self._gain = row("factor"), row("gain")
        self._slopes = row("gradient_scale"), row("gradient_shift")
        if self.scale.stride > x.rows:
            self.padded = [self._now, *self._slopes]

    def _row(self, comment: str, lane: str, *operands: Matrix, **options: Any) -> Operation:
        """Return an operation on a value of each channel: the result, then the operands."""
        to, *others = (each.along for each in operands)
        return vector(comment, lane, to, *others, shape=(1, operands[0].words), **options)

    def _each(self, row: Matrix) -> Window:
        """Return the value of each channel, for all its words."""
        return row.elements(self._x.rows, self._x.words)

    def _pixels(
        self, comment: str, lane: str, to: Matrix, x: Matrix, y: Window | None, **options: Any
    ) -> Operation:
        """Return an operation on all words of all channels."""
        shape = x.rows, x.words
        return vector(comment, lane, to.along, x.along, y, shape=shape, **options)

    def _sums(
        self, comment: str, lane: str, to: Matrix, x: Matrix, y: Matrix | None, **options: Any
    ) -> Operation:
        """Return an operation on all words, summed for each channel."""
        return vector(
            comment,
            lane,
            to.elements(x.rows),
            x.along,
            y and y.along,
            shape=(x.rows, x.words),
            reduce="sum",
            fold=True,
            **options,
        )

    def forward(self) -> Iterator[Operation]:
        """Give what makes the output, and moves the running mean and variance."""
        x, y, now, factor, gain = self._x, self.y, self._now, self._factor, self._gain
        name, row, share = x.tensor.name, self._row, self._share
        yield self._sums(f"mean of {name}", "scale", now, x, None, scalar=share)
        yield from self._run(self.mean)
        yield self._pixels(f"{name} less its mean", "sub", x, x, self._each(now))
        yield self._sums(f"squares of {name}", "mul", now, x, x)
        yield row(f"variance of {name}", "scale", now, now, scalar=share)
        yield from self._run(self.variance)
        epsilon = layers.BatchNorm.EPSILON
        yield row("variance + epsilon", "shift", factor, now, scalar=epsilon)
        yield row("1 / deviation", "function", factor, factor, function="rsqrt")
        yield row(f"{self.scale.tensor.name} / deviation", "mul", gain, self.scale, factor)
        to = y.tensor.name
        yield self._pixels(f"{to} = {name} normalized", "mul", y, x, self._each(gain))
        shift = self._each(self.shift)
        comment = f"{to} + {self.shift.tensor.name}{', rectified' * self.relu}"
        yield self._pixels(comment, "add", y, y, shift, relu=self.relu)

    def _run(self, running: Matrix) -> Iterator[Operation]:
        """Give what moves a running mean, or variance, towards that of the batch."""
        step, name = 1 - layers.BatchNorm.MOMENTUM, running.tensor.name
        yield self._row(f"batch's less {name}", "sub", self._change, self._now, running)
        yield self._row(f"{name} moved", "axpy", running, self._change, running, scalar=step)

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
