"""Convolutions as operations: dense layers of patches, but for the gradient of their input."""

import dataclasses
from collections.abc import Iterator

from ..core.planes import Planes as Shape
from ..errors import UserError
from .dense import Dense, Shared
from .operands import COLUMNS, ROWS
from .operations import Matrix, Operation, Tensor, Window, vector
from .planes import Planes

__all__ = ["Convolution"]

MOST_COLUMNS = 65_535
"""Of a product."""


class Convolution(Dense):
    """A convolution with stride 1, behind which a rectifier follows; samples are innermost.

    Weights are (filters, channels * taps). The gradient of the input is a convolution of that of
    the output by the reversed kernels, (channels, filters * taps), into which weights are copied.

    Parameters
    ----------
    number : int
        Of the layer.
    x : Tensor
        Its input, (channels, y, x, samples).
    shape : sw.core.planes.Planes
        Extents of the layer.
    batch, values : int
        Samples, and values of a word.
    shared : Shared
        What layers have in common.

    Members
    -------
    planes : Planes
        The output. Others are those of `Dense`.
    """

    def __init__(
        self, number: int, x: Tensor, shape: Shape, batch: int, values: int, shared: Shared
    ) -> None:
        assert shape.stride == 1 and not shape.depthwise
        most = MOST_COLUMNS // max(shape.size, shape.outputs) ** 2
        if batch > most:
            raise UserError(
                f"batch must be {most} or less for planes of {shape.size} x {shape.size} pixels on "
                f"the accelerator, not {batch}"
            )
        words = batch // values
        source = Planes(x, shape.channels, shape.size, words, values)
        patches = source.patches(shape.kernel, shape.padding)
        super().__init__(number, patches, shape.filters, True, shared)
        self.planes = Planes(self.y.tensor, shape.filters, shape.outputs, words, values)
        self.dx = dataclasses.replace(source.matrix, tensor=shared.dx)
        self._slopes = self.planes.patches(shape.kernel, shape.kernel - 1 - shape.padding)
        self.reduction = self._slopes.rows
        self._reversed = Matrix.make(f"reversed{number}", shape.channels, self._slopes.rows, values)
        self._taps = shape.kernel**2
        if number and self._reversed.stride > self.reduction:
            self.padded.append(self._reversed)

    def input_panels(self, left: Tensor, right: Tensor) -> Iterator[Operation]:
        """Give what makes the operands of the gradient of the input."""
        panels, weight, kernels = self._shared.panels, self.weight, self._reversed
        channels, filters, taps = kernels.rows, self.outputs, self._taps
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
        key = panels.key(self.number, "input", 1)
        yield panels.quantize(left, kernels, ROWS, reduction=self.reduction, key=key)
        key = panels.key(self.number, "input", 0)
        yield panels.quantize(
            right, self._slopes, COLUMNS, reduction=self.reduction, transposed=True, key=key
        )
