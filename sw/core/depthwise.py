"""The products of depth-wise convolutions."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from .planes import Planes
from .products import Product
from .stride import Phase
from .window import Window

__all__ = ["depthwise"]


def depthwise(layer: Planes, which: str, batch: int, tile: tuple[int, int]) -> Iterator[Product]:
    """Give the products of a depth-wise convolution, as many as channels.

    A product with a single kernel would have one column. Instead its columns are the outputs of a
    tile, and its reduction goes over the whole window of that tile: a banded matrix, in which
    kernels lie side by side. The gradient of the weights takes every ``tile``-th place of
    the plane in one reduction, and its band of results is added up.
    """
    s, c, k = layer.stride, layer.channels, layer.kernel
    planes = {"x": layer.size, "w": k, "y": layer.outputs}
    images: dict[str, dict[str, Any]] = {
        name: {"stride_p": c * side**2, "stride_c": side**2, "height": side, "width": side}
        for name, side in planes.items()
    }
    kernels: dict[str, Any] = {"stride_c": k**2, "height": k, "width": k}
    if which == "input":
        for down in layer.phases:
            for across in layer.phases:
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
    windows = Window(p=batch, y=origins[0], x=origins[1], dy=spans[0], dx=spans[1], **images["x"])
    out = Window(p=batch, y=starts[0], x=starts[1], dy=inside[0], dx=inside[1], **images["y"])
    yield Product(a=windows, b=band, out=out, count=c, work=0).of_pass(which)


@dataclasses.dataclass(frozen=True)
class _Tiles:
    """Tiles of ``side`` neighbours among a phase's pixels, and the results that reach them."""

    count: int
    side: int
    phase: Phase

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

    def reversed(self, layer: Planes) -> tuple[int, ...]:
        """Tap that would reach each pixel of a tile from the result of its first."""
        first = self.phase.pixels[0] + layer.padding
        return tuple(first + layer.stride * j for j in range(self.side))

    def back(self, stride: int) -> tuple[int, ...]:
        """How much lower the tap is for each result of the span."""
        return tuple(-stride * step for step in self.span)
