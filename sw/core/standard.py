"""The products of standard convolutions, whose filters see all channels."""

from collections.abc import Iterator
from typing import Any

from .planes import Planes
from .products import Product
from .window import Window

__all__ = ["standard"]


def standard(layer: Planes, which: str, batch: int) -> Iterator[Product]:
    """Give the products of a pass, whose ``work`` is still to be shared.

    The gradient of the input of a strided convolution splits into one product for each
    place of a pixel in its stride, each with the taps of the kernel that reach it.
    """
    sides = {"x": layer.size, "w": layer.kernel, "y": layer.outputs}
    planes: dict[str, dict[str, Any]] = {n: {"height": s, "width": s} for n, s in sides.items()}
    area = {name: side**2 for name, side in sides.items()}
    c, o = layer.channels, layer.filters
    taps, grid = tuple(range(layer.kernel)), tuple(range(layer.outputs))
    starts = tuple(g * layer.stride - layer.padding for g in grid)
    images: dict[str, Any] = {"p": batch, "stride_p": c * area["x"], **planes["x"]}
    results: dict[str, Any] = {"p": batch, "stride_p": o * area["y"], **planes["y"]}
    kernels = Window(
        p=o,
        stride_p=c * area["w"],
        q=c,
        stride_q=area["w"],
        dy=taps,
        dx=taps,
        **planes["w"],
    )
    windows = Window(q=c, stride_q=area["x"], y=starts, x=starts, dy=taps, dx=taps, **images)
    out = Window(q=o, stride_q=area["y"], y=grid, x=grid, **results)
    if which != "input":
        yield Product(a=windows, b=kernels, out=out, work=0).of_pass(which)
        return
    for down in layer.phases:
        for across in layer.phases:
            gradient = Window(
                q=o,
                stride_q=area["y"],
                y=down.places,
                x=across.places,
                dy=down.steps,
                dx=across.steps,
                **results,
            )
            reversed_kernels = Window(
                p=c,
                stride_p=area["w"],
                q=o,
                stride_q=c * area["w"],
                dy=down.taps,
                dx=across.taps,
                **planes["w"],
            )
            pixels = Window(q=c, stride_q=area["x"], y=down.pixels, x=across.pixels, **images)
            yield Product(a=gradient, b=reversed_kernels, out=pixels, work=0)
