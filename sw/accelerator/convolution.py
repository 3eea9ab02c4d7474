"""Convolutions as operations: dense layers of patches, but for the gradient of their input."""

import dataclasses
from collections.abc import Generator, Iterator

from ..core.planes import Planes as Shape
from ..train.layers import Weighted
from .dense import Dense, Shared
from .layer import Layer
from .operands import ROWS
from .operations import Matrix, Operation, Tensor, Window, vector
from .planes import Planes
from .stages import Stage

__all__ = ["Convolution"]


class Convolution(Dense):
    """A convolution; samples are innermost.

    Weights are (filters, channels * taps). The gradient of the input is a convolution of that of
    the output by the reversed kernels, (channels, filters * taps), into which weights are copied.
    Of a stride the gradient is copied, too: there are zeros between its pixels.

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
        words = batch // values
        source = Planes(x, shape.channels, shape.size, words, values)
        patches = source.patches(shape.kernel, shape.padding, stride=shape.stride)
        super().__init__(stage, below, patches, shared)
        self.dx = dataclasses.replace(source.matrix, tensor=shared.dx)
        far, name = shape.stride * (shape.outputs - 1) + 1, f"dilated{self.number}"
        self._stride = shape.stride
        self._dilated = Planes(
            Tensor(name, shape.filters * far**2 * words), shape.filters, far, words, values
        )
        self.reduction = shape.filters * shape.kernel**2
        self._border = shape.kernel - 1 - shape.padding
        self._reversed = Matrix.make(
            f"reversed{self.number}", shape.channels, self.reduction, values
        )
        self._kernel, self._size = shape.kernel, shape.size
        if below and self._reversed.stride > self.reduction:
            self.padded.append(self._reversed)
        if below and self._stride > 1:
            self.padded.append(self._dilated.matrix)

    def _transposed(self, left: Tensor) -> Iterator[Operation]:
        """Give what makes the panel of the reversed kernels for the gradient of the input."""
        panels, weight, kernels = self._shared.panels, self.weight, self._reversed
        channels, filters, taps = kernels.rows, self.outputs, self._kernel**2
        backwards = Window(
            tensor=weight.tensor,
            # Of each channel all filters, the taps of each from the last one to the first.
            counters=((channels, taps), (filters, weight.stride), (taps, -1)),
            offset=taps - 1,
            single=True,
        )
        room = Window(
            tensor=kernels.tensor,
            counters=((channels, kernels.stride), (filters * taps, 1)),
            single=True,
        )
        yield vector(
            f"{kernels.tensor.name} = {weight.tensor.name}",
            "copy",
            room,
            backwards,
            shape=(channels, filters * taps),
        )
        key = panels.key(self.product, "input", 1)
        yield panels.quantize(left, kernels, ROWS, reduction=self.reduction, key=key)

    def _slopes(self) -> Generator[Operation, None, Matrix]:
        """Give what makes, and return, what the kernels see for the gradient of the input."""
        slopes = Planes.of(self.dy, self._dilated.words)
        if self._stride > 1:
            yield self._dilate(slopes)
            slopes = self._dilated
        return slopes.patches(self._kernel, self._border, outputs=self._size)

    def _dilate(self, slopes: Planes) -> Operation:
        """Return what copies the gradient of the output to where zeros are between its pixels."""
        to, far = self._dilated, self._stride
        counters = (
            (to.channels, to.plane),
            (slopes.side, far * to.line),
            (slopes.side, far * to.pixel),
            (to.words, to.values),
        )
        matrix = slopes.matrix
        return vector(
            f"{to.tensor.name} = {matrix.tensor.name}, apart",
            "copy",
            Window(tensor=to.tensor, counters=counters),
            matrix.along,
            shape=(matrix.rows, matrix.words),
        )
