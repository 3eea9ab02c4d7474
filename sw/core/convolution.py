"""The matrix products of convolutions."""

import dataclasses
from typing import Any, ClassVar

from ..checks import choice, flag
from ..errors import UserError
from .depthwise import depthwise
from .products import PASSES, Layer, Product, share_work
from .stride import Phase, phases
from .window import Window

__all__ = ["Convolution"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Convolution(Layer):
    """Square kernels on square planes, ``x`` (batch, channels, size, size).

    ``depthwise``: one kernel a channel, ``filters`` equal to ``channels``.
    """

    LEAST: ClassVar = {"padding": 0}

    channels: int
    filters: int
    size: int
    kernel: int
    stride: int = 1
    padding: int = 0
    depthwise: bool = False

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        flag("depthwise", self.depthwise)
        if self.kernel > self.size + 2 * self.padding:
            most = self.size + 2 * self.padding
            raise UserError(f"kernel must fit the plane and its border, {most}, not {self.kernel}")
        if self.depthwise and self.filters != self.channels:
            raise UserError(
                f"filters must be the channels, {self.channels}, where each has a kernel of its "
                f"own, not {self.filters}"
            )

    @property
    def outputs(self) -> int:
        """Side of the result's plane."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def phases(self) -> list[Phase]:
        """Pixels along a side of the input by their place in the stride."""
        return list(phases(self.size, self.kernel, self.stride, self.padding))

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
            return share_work(list(depthwise(self, which, batch, tile)), self._work(batch))
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
        for down in self.phases:
            for across in self.phases:
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
        return share_work(products, self._work(batch))

    def _work(self, batch: int) -> int:
        """Multiply-adds of a pass, those with the padding among them."""
        across = 1 if self.depthwise else self.channels
        return batch * self.outputs**2 * self.filters * across * self.kernel**2
