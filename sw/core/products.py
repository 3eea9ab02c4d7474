"""The matrix products of a layer: forward, gradient of the input, gradient of the weights."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ..parameters import choice
from .window import Window, matrix

__all__ = ["PASSES", "Attention", "Convolution", "Dense", "Layer", "Product", "execute"]

PASSES = ("forward", "input", "weight")
"""Forward, gradient of the input, gradient of the weights."""

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Product:
    """``count`` equal matrix products ``out[m, n] += a[m, k] @ b[n, k].T`` of one pass of a layer.

    Parameters
    ----------
    a, b : Window
        Operands, (m, k) and (n, k).
    out : Window
        Results, (m, n).
    count : int
        Products; the c-th one reads and writes the windows' ``c``.
    work : int
        Multiply-adds of the layer that they all do; the rest is with zeros that only the mapping
        brings in.
    """

    a: Window
    b: Window
    out: Window
    work: int
    count: int = 1

    @property
    def m(self) -> int:
        """Rows of the result."""
        return self.a.rows

    @property
    def n(self) -> int:
        """Columns of the result."""
        return self.b.rows

    @property
    def k(self) -> int:
        """Extent of the reduction."""
        return self.a.columns


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer with two operands, ``x`` and ``w``, and a result ``y``."""

    name: str

    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``x``, ``w`` and ``y``."""
        raise NotImplementedError

    def products(self, which: str, batch: int, *, tile: tuple[int, int] = (1, 1)) -> list[Product]:
        """Return the products of a pass over a batch.

        ``tile`` is how many neighbouring outputs, down and across, a depth-wise convolution
        computes in one product; other layers do not need it.
        """
        raise NotImplementedError

    def shared(self, which: str, batch: int) -> list[Product]:
        """Return products whose operands are one matrix of each tensor, or its transpose.

        A tensor in square blocks is then quantized once for all passes. Forward and the gradient of
        the weights are so in any case; the gradient of the input is ``y @ w``, whose results are
        added up where windows overlap.
        """
        first, *more = self.products("forward", batch)
        if which != "input" or more:
            return self.products(which, batch)
        return [
            Product(
                a=first.out, b=first.b.transposed, out=first.a, work=first.work, count=first.count
            )
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dense(Layer):
    """Fully connected: ``y = x @ w.T`` at ``positions`` of each sample, such as tokens."""

    inputs: int
    outputs: int
    positions: int = 1

    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``x``, ``w`` and ``y``."""
        rows = batch * self.positions
        return {
            "x": (rows, self.inputs),
            "w": (self.outputs, self.inputs),
            "y": (rows, self.outputs),
        }

    def products(self, which: str, batch: int, *, tile: tuple[int, int] = (1, 1)) -> list[Product]:
        """Return the product of a pass over a batch."""
        choice("which", which, PASSES)
        m, i, o = batch * self.positions, self.inputs, self.outputs
        sides = {
            "forward": (matrix(m, i), matrix(o, i), matrix(m, o)),
            "input": (matrix(m, o), matrix(i, o, transposed=True), matrix(m, i)),
            "weight": (matrix(o, m, transposed=True), matrix(i, m, transposed=True), matrix(o, i)),
        }
        a, b, out = sides[which]
        return [Product(a=a, b=b, out=out, work=m * i * o)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attention(Layer):
    """``heads`` products of activations a sample: ``y = x @ w.T``.

    ``x`` is (rows, depth), ``w`` (columns, depth): queries and keys, or scores and turned values.
    """

    heads: int
    rows: int
    columns: int
    depth: int

    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``x``, ``w`` and ``y``."""
        count = batch * self.heads
        return {
            "x": (count, self.rows, self.depth),
            "w": (count, self.columns, self.depth),
            "y": (count, self.rows, self.columns),
        }

    def products(self, which: str, batch: int, *, tile: tuple[int, int] = (1, 1)) -> list[Product]:
        """Return the products of a pass over a batch."""
        choice("which", which, PASSES)
        m, n, k = self.rows, self.columns, self.depth
        x, w, y = m * k, n * k, m * n
        sides = {
            "forward": (
                matrix(m, k, stride_c=x),
                matrix(n, k, stride_c=w),
                matrix(m, n, stride_c=y),
            ),
            "input": (
                matrix(m, n, stride_c=y),
                matrix(k, n, stride_c=w, transposed=True),
                matrix(m, k, stride_c=x),
            ),
            "weight": (
                matrix(n, m, stride_c=y, transposed=True),
                matrix(k, m, stride_c=x, transposed=True),
                matrix(n, k, stride_c=w),
            ),
        }
        a, b, out = sides[which]
        count = batch * self.heads
        return [Product(a=a, b=b, out=out, count=count, work=count * m * n * k)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convolution(Layer):
    """Square kernels on square planes, ``x`` (batch, channels, size, size).

    ``depthwise``: one kernel a channel, ``filters`` equal to ``channels``.
    """

    channels: int
    filters: int
    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    depthwise: bool = False

    @property
    def outputs(self) -> int:
        """Side of the result's plane."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``x``, ``w`` and ``y``."""
        across = 1 if self.depthwise else self.channels
        return {
            "x": (batch, self.channels, self.size, self.size),
            "w": (self.filters, across, self.kernel, self.kernel),
            "y": (batch, self.filters, self.outputs, self.outputs),
        }

    def products(self, which: str, batch: int, *, tile: tuple[int, int] = (1, 1)) -> list[Product]:
        """Return the products of a pass over a batch.

        The gradient of the input of a strided convolution falls apart into one product for each
        place of a pixel in its stride, each with the taps of the kernel that reach it.
        """
        choice("which", which, PASSES)
        if self.depthwise:
            return _share(list(_depthwise(self, which, batch, tile)), self._work(batch))
        planes: dict[str, dict[str, Any]] = {
            "x": {"height": self.size, "width": self.size},
            "w": {"height": self.kernel, "width": self.kernel},
            "y": {"height": self.outputs, "width": self.outputs},
        }
        area = {name: plane["height"] * plane["width"] for name, plane in planes.items()}
        c, o, taps = self.channels, self.filters, tuple(range(self.kernel))
        grid = tuple(range(self.outputs))
        starts = tuple(g * self.stride - self.padding for g in grid)
        images: dict[str, Any] = {"p": batch, "stride_p": c * area["x"]}
        results: dict[str, Any] = {"p": batch, "stride_p": o * area["y"]}
        if which == "forward":
            windows = Window(
                **images,
                q=c,
                stride_q=area["x"],
                y=starts,
                x=starts,
                dy=taps,
                dx=taps,
                **planes["x"],
            )
            kernels = Window(
                p=o,
                stride_p=c * area["w"],
                q=c,
                stride_q=area["w"],
                dy=taps,
                dx=taps,
                **planes["w"],
            )
            out = Window(**results, q=o, stride_q=area["y"], y=grid, x=grid, **planes["y"])
            return [Product(a=windows, b=kernels, out=out, work=self._work(batch))]
        if which == "weight":
            gradient = Window(
                p=o,
                stride_p=area["y"],
                q=batch,
                stride_q=o * area["y"],
                dy=grid,
                dx=grid,
                **planes["y"],
            )
            windows = Window(
                p=c,
                stride_p=area["x"],
                q=batch,
                stride_q=c * area["x"],
                y=taps,
                x=taps,
                dy=starts,
                dx=starts,
                **planes["x"],
            )
            out = Window(
                p=o,
                stride_p=c * area["w"],
                q=c,
                stride_q=area["w"],
                dy=taps,
                dx=taps,
                **planes["w"],
            )
            return [Product(a=gradient, b=windows, out=out, work=self._work(batch))]
        products = []
        for down in _phases(self):
            for across in _phases(self):
                gradient = Window(
                    **results,
                    q=o,
                    stride_q=area["y"],
                    y=down.places,
                    x=across.places,
                    dy=down.steps,
                    dx=across.steps,
                    **planes["y"],
                )
                kernels = Window(
                    p=c,
                    stride_p=area["w"],
                    q=o,
                    stride_q=c * area["w"],
                    dy=down.taps,
                    dx=across.taps,
                    **planes["w"],
                )
                out = Window(
                    **images, q=c, stride_q=area["x"], y=down.pixels, x=across.pixels, **planes["x"]
                )
                products.append(Product(a=gradient, b=kernels, out=out, work=0))
        return _share(products, self._work(batch))

    def _work(self, batch: int) -> int:
        """Multiply-adds of a pass, those with the padding among them."""
        across = 1 if self.depthwise else self.channels
        return batch * self.outputs**2 * self.filters * across * self.kernel**2


@dataclasses.dataclass(frozen=True)
class _Phase:
    """Pixels along a side that the same taps of the kernel reach.

    ``taps`` are these; tap ``i`` comes from the result at ``places + steps[i]``.
    """

    pixels: tuple[int, ...]
    places: tuple[int, ...]
    taps: tuple[int, ...]
    steps: tuple[int, ...]


def _phases(layer: Convolution) -> Iterator[_Phase]:
    """Split the pixels along a side by their place in the stride."""
    for first in range(min(layer.stride, layer.size)):
        pixels = tuple(range(first, layer.size, layer.stride))
        taps = tuple(
            t for t in range(layer.kernel) if (first + layer.padding - t) % layer.stride == 0
        )
        if taps:
            steps = tuple((first + layer.padding - t) // layer.stride for t in taps)
            yield _Phase(pixels, tuple(range(len(pixels))), taps, steps)


def _share(products: list[Product], work: int) -> list[Product]:
    """Divide the multiply-adds of a pass among its products by their size."""
    sizes = np.cumsum([p.count * p.m * p.n * p.k for p in products])
    shares = np.diff([work * int(size) // int(sizes[-1]) for size in sizes], prepend=0)
    return [dataclasses.replace(p, work=int(w)) for p, w in zip(products, shares, strict=True)]


def _depthwise(
    layer: Convolution, which: str, batch: int, tile: tuple[int, int]
) -> Iterator[Product]:
    """Give the products of a depth-wise convolution, as many as channels.

    A product with a single kernel would have one column. Instead its columns are the outputs of a
    tile, and its reduction goes over the whole window of that tile: a banded matrix, in which
    kernels stand beside each other. The gradient of the weights takes every ``tile``-th place of
    the plane in one reduction, and its band of results is added up.
    """
    s, c, k = layer.stride, layer.channels, layer.kernel
    planes = {"x": layer.size, "w": k, "y": layer.outputs}
    images: dict[str, dict[str, Any]] = {
        name: {"stride_p": c * side**2, "stride_c": side**2, "height": side, "width": side}
        for name, side in planes.items()
    }
    reduced = {name: _turned(image) for name, image in images.items()}
    kernels: dict[str, Any] = {"stride_c": k**2, "height": k, "width": k}
    if which == "input":
        for down in _phases(layer):
            for across in _phases(layer):
                y, x = (
                    _Tiles(len(phase.pixels), side, phase)
                    for phase, side in zip((down, across), tile, strict=True)
                )
                yield Product(
                    a=Window(p=batch, y=y.starts, x=x.starts, dy=y.span, dx=x.span, **images["y"]),
                    b=Window(
                        y=y.reversed(layer),
                        x=x.reversed(layer),
                        dy=y.back(s),
                        dx=x.back(s),
                        **kernels,
                    ),
                    out=Window(
                        p=batch,
                        y=y.pixels(s),
                        x=x.pixels(s),
                        dy=y.every(s),
                        dx=x.every(s),
                        **images["x"],
                    ),
                    count=c,
                    work=0,
                )
        return
    starts, inside, spans = [], [], []
    for side in tile:
        starts.append(tuple(range(0, layer.outputs, side)))
        inside.append(tuple(range(side)))
        spans.append(tuple(range((side - 1) * s + k)))
    origins = [tuple(o * s - layer.padding for o in first) for first in starts]
    back = [tuple(-s * j for j in places) for places in inside]
    band = Window(y=back[0], x=back[1], dy=spans[0], dx=spans[1], **kernels)
    if which == "forward":
        yield Product(
            a=Window(p=batch, y=origins[0], x=origins[1], dy=spans[0], dx=spans[1], **images["x"]),
            b=band,
            out=Window(
                p=batch, y=starts[0], x=starts[1], dy=inside[0], dx=inside[1], **images["y"]
            ),
            count=c,
            work=0,
        )
    else:
        yield Product(
            a=Window(q=batch, y=inside[0], x=inside[1], dy=starts[0], dx=starts[1], **reduced["y"]),
            b=Window(q=batch, y=spans[0], x=spans[1], dy=origins[0], dx=origins[1], **reduced["x"]),
            out=band,
            count=c,
            work=0,
        )


def _turned(image: dict[str, Any]) -> dict[str, Any]:
    """Count the images of a batch along the reduction."""
    turned = dict(image)
    turned["stride_q"] = turned.pop("stride_p")
    return turned


@dataclasses.dataclass(frozen=True)
class _Tiles:
    """Tiles of ``side`` neighbours among a phase's pixels, and the results that reach them."""

    count: int
    side: int
    phase: _Phase

    @property
    def starts(self) -> tuple[int, ...]:
        """First pixel of each tile, by number."""
        return tuple(range(0, self.count, self.side))

    @property
    def span(self) -> tuple[int, ...]:
        """Steps from a tile's first pixel to the results that reach any of its pixels."""
        return tuple(range(min(self.phase.steps), max(self.phase.steps) + self.side))

    def pixels(self, stride: int) -> tuple[int, ...]:
        """First pixel of each tile, by coordinate."""
        return tuple(self.phase.pixels[0] + stride * start for start in self.starts)

    def every(self, stride: int) -> tuple[int, ...]:
        """Return the steps from a tile's first pixel to each of its pixels."""
        return tuple(stride * j for j in range(self.side))

    def reversed(self, layer: Convolution) -> tuple[int, ...]:
        """Tap that would reach each pixel of a tile from the result of its first."""
        first = self.phase.pixels[0] + layer.padding
        return tuple(first + layer.stride * j for j in range(self.side))

    def back(self, stride: int) -> tuple[int, ...]:
        """How much lower the tap is for each result of the span."""
        return tuple(-stride * step for step in self.span)


OPERANDS = {"forward": ("x", "w", "y"), "input": ("y", "w", "x"), "weight": ("y", "x", "w")}
"""Tensors of each pass: its operands and its result; ``y`` is a gradient in the latter two."""


def execute(
    layer: Layer,
    which: str,
    batch: int,
    operands: dict[str, Floats],
    multiply: Callable[[Floats, Floats], Floats],
    *,
    tile: tuple[int, int] = (1, 1),
) -> Floats:
    """Run a pass on tensors ``x``, ``w``, ``y`` (the gradient of the result, or absent).

    ``multiply`` takes (m, k) and (n, k) and returns (m, n). Returns the result: ``y``, or the
    gradient of ``x`` or ``w``.
    """
    a, b, out = OPERANDS[which]
    result = np.zeros(layer.shapes(batch)[out], np.float32)
    for product in layer.products(which, batch, tile=tile):
        for c in range(product.count):
            values = multiply(product.a.gather(operands[a], c), product.b.gather(operands[b], c))
            product.out.scatter(values, result, c)
    return result
