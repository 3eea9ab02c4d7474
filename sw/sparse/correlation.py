"""The passes of a layer as correlations of a sparse operand with a dense one.

A correlation is ``out[row, column, i, j] = sum of s[row, channel, u, v] * x[column, channel, step
* i + u, step * j + v]``. Rows lie along the PE rows of the array and columns along its PEs, as
Procrustes (Yang et al., MICRO 2020) has them: filters and images (K, N) forward, channels and
images (C, N) for the gradient of the input, channels and filters (C, K) for that of the weights,
whose sparse operand are the activations.
"""

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Floats
from ..checks import choice, shown, whole
from ..core.convolution import Convolution
from ..core.products import MOST, PASSES, Dense, Layer
from ..core.stride import Phase
from ..errors import UserError
from ..formats import binary32

__all__ = ["Axis", "Correlation", "check_extents", "correlations", "count_parts"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of the planes of a correlation.

    Parameters
    ----------
    taps : tuple of int
        Where ``u`` lies in the sparse operand.
    outputs : tuple of int
        Where ``i`` lies in the result.
    start : int
        Where ``i = u = 0`` lies in the dense operand; what is outside it is zero.
    step : int
        From one output to the next in the dense operand.
    """

    taps: tuple[int, ...] = (0,)
    outputs: tuple[int, ...] = (0,)
    start: int = 0
    step: int = 1

    @property
    def span(self) -> int:
        """Extent in the dense operand."""
        return (len(self.outputs) - 1) * self.step + len(self.taps)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Correlation:
    """A pass of a layer, or a part of one: see the module.

    Parameters
    ----------
    name : str
        Of the layer; correlations may be equal with different ones.
    which : str
        The pass, of `sw.core.products.PASSES`.
    rows, channels, columns : int
        Extents.
    down, across : Axis
        Of the planes.
    blocks : int
        Into how many equal parts rows and channels are cut, each of which has nothing to do with
        the others: the channels of a depth-wise convolution. In pass ``weight``, where there are
        fewer channels than PE rows, parts of the batch, whose results are added up.
    paired : bool
        Whether a column is needed for the row of its number alone.
    """

    name: str = dataclasses.field(compare=False)
    which: str
    rows: int
    channels: int
    columns: int
    down: Axis = Axis()
    across: Axis = Axis()
    blocks: int = 1
    paired: bool = False

    @property
    def work(self) -> int:
        """Multiply-adds, if the sparse operand had no zeros."""
        plane = 1
        for axis in (self.down, self.across):
            plane *= len(axis.taps) * len(axis.outputs)
        columns = 1 if self.paired else self.columns
        return plane * self.rows * self.channels // self.blocks * columns

    def sparse(self, operand: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return ``s`` of weights (filters, channels, r, s), or of activations in pass ``weight``.

        It is (rows, channels of a block, u, v). Weights are read as they are stored: turned by
        exchanging and reversing axes alone. Those of a dense layer have no planes.
        """
        operand = _planes(operand)
        if self.which == "weight":
            parts = np.split(operand.swapaxes(0, 1), self.blocks, axis=1)
            operand = np.concatenate(parts)
        elif self.which == "input" and self.blocks == 1:
            operand = operand.swapaxes(0, 1)
        return operand[:, :, self.down.taps, :][..., self.across.taps]

    def dense(self, operand: Floats) -> Floats:
        """Return ``x`` of activations, or of the gradients of results, (images, channels, y, x)."""
        turned = _planes(operand)
        turned = turned.swapaxes(0, 1) if self.which == "weight" else turned
        for axis, along in enumerate((self.down, self.across), 2):
            pad = [(0, 0)] * 4
            end = along.start + along.span
            pad[axis] = max(0, -along.start), max(0, end - turned.shape[axis])
            first = max(0, along.start)
            turned = np.pad(turned, pad).take(range(first, first + along.span), axis)
        return np.ascontiguousarray(turned)

    def store(self, result: Floats, out: Floats) -> None:
        """Put ``out[row, column, i, j]`` where it belongs in a tensor of results."""
        if self.which == "weight":
            parts = out.reshape(self.blocks, -1, *out.shape[1:])
            out = functools.reduce(binary32.add, parts)
        if self.paired:
            out = out[range(self.rows), range(self.rows)][None]
        down = np.array(self.down.outputs)[:, None]
        result[:, :, down, self.across.outputs] = out.swapaxes(0, 1)


def correlations(layer: Layer, which: str, batch: int, *, parts: int = 1) -> list[Correlation]:
    """Return the correlations of a pass over a batch.

    The gradients of a strided convolution separate by the phase of pixels in their stride.

    Parameters
    ----------
    layer : Layer
        A convolution or dense layer.
    which : str
        Of `sw.core.products.PASSES`.
    batch : int
        Images.
    parts : int
        Parts of the batch, in pass ``weight`` alone: `Correlation.blocks`. They divide it.
    """
    choice("which", which, PASSES)
    whole("batch", batch, 1, MOST)
    whole("parts", parts, 1, batch)
    if parts > 1 and (which != "weight" or batch % parts):
        raise UserError(f"parts must be 1, or divide the batch in pass weight, not {parts}")
    if isinstance(layer, Dense):
        filters, inputs, images = layer.outputs, layer.inputs, batch * layer.positions
        axes, depthwise = [Axis()], False
    elif isinstance(layer, Convolution):
        filters, inputs, images = layer.filters, layer.channels, batch
        axes, depthwise = list(_axes(layer, which)), layer.depthwise
    else:
        raise UserError(f"layer must be a convolution or dense, not {shown(layer)}")
    rows, channels, columns = {
        "forward": (filters, inputs, images),
        "input": (inputs, filters, images),
        "weight": (inputs, images, filters),
    }[which]
    return [
        Correlation(
            name=layer.name,
            which=which,
            rows=rows * parts,
            channels=channels,
            columns=columns,
            down=down,
            across=across,
            blocks=channels if depthwise and which != "weight" else parts,
            paired=depthwise and which == "weight",
        )
        for down in axes
        for across in axes
    ]


def _axes(layer: Convolution, which: str) -> Iterator[Axis]:
    """Give the axes of a pass."""
    if which == "forward":
        kernel, grid = tuple(range(layer.kernel)), tuple(range(layer.outputs))
        yield Axis(taps=kernel, outputs=grid, start=-layer.padding, step=layer.stride)
        return
    for phase in layer.phases:
        yield _gradient(phase, which)


def _gradient(phase: Phase, which: str) -> Axis:
    """Return the axis of a gradient: from the last tap to the first, those of results rise."""
    taps = phase.taps[::-1]
    assert phase.steps[::-1] == tuple(range(phase.steps[-1], phase.steps[0] + 1))
    start = phase.places[0] + phase.steps[-1]
    if which == "input":
        return Axis(taps=taps, outputs=phase.pixels, start=start)
    return Axis(taps=phase.pixels, outputs=taps, start=start)


def _planes(operand: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an operand of four axes, of which the last two of a dense layer's are 1 long."""
    return operand if operand.ndim == 4 else operand[:, :, None, None]


def check_extents(field: str, value: Any) -> None:
    """Raise `UserError` unless ``value`` is a tuple of three extents."""
    if not isinstance(value, tuple) or len(value) != 3:
        raise UserError(f"{field} must be a tuple of three extents, not {shown(value)}")
    for extent in value:
        whole(f"extent of {field}", extent, 1, MOST)


def count_parts(extents: tuple[int, int, int], part: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return how many parts there are in each direction."""
    a, b, c = (-(-extent // n) for extent, n in zip(extents, part, strict=True))
    return a, b, c
