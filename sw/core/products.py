"""The matrix products of a layer: forward, gradient of the input, gradient of the weights."""

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..checks import array, choice, instance, line, whole
from ..errors import UserError
from .window import Window, matrix

__all__ = [
    "MOST",
    "OPERANDS",
    "PASSES",
    "Attention",
    "Dense",
    "Layer",
    "Product",
    "check_layers",
    "execute",
    "share_work",
]

PASSES = ("forward", "input", "weight")
"""Forward, gradient of the input, gradient of the weights."""

MOST = 1 << 24
"""Of samples, channels and the like: no tensor of so many is meant."""


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

    def of_pass(self, which: str) -> "Product":
        """Return the product of a pass over the same three matrices, given the forward one.

        ``y = x @ w.T``; the gradient of ``x`` is ``y @ w``, that of ``w`` is ``y.T @ x``.
        """
        x, w, y = self.a, self.b, self.out
        sides = {
            "forward": (x, w, y),
            "input": (y, w.transposed, x),
            "weight": (y.transposed, x.transposed, w),
        }
        a, b, out = sides[choice("which", which, PASSES)]
        return dataclasses.replace(self, a=a, b=b, out=out)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer(abc.ABC):
    """A layer with two operands, ``x`` and ``w``, and a result ``y``."""

    LEAST: ClassVar[Mapping[str, int]] = {}
    """Of the extents that may be less than 1."""

    name: str

    def __post_init__(self) -> None:
        """Check the name, and that every extent is a positive integer."""
        line("name", self.name)
        for each in dataclasses.fields(self):
            if each.type is int:
                whole(each.name, getattr(self, each.name), self.LEAST.get(each.name, 1), MOST)

    def check(self, batch: int, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        """Raise `UserError` unless the tensors that there are have their `shapes`."""
        whole("batch", batch, 1, MOST)
        shapes = self.shapes(batch)
        for name, tensor in tensors.items():
            array(f"{name} of {self.name}", tensor, "number", shape=shapes[name])

    @abc.abstractmethod
    def shapes(self, batch: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of ``x``, ``w`` and ``y``."""

    @abc.abstractmethod
    def products(self, which: str, batch: int, *, tile: tuple[int, int] = (1, 1)) -> list[Product]:
        """Return the products of a pass over a batch.

        ``tile`` is how many neighbouring outputs, down and across, a depth-wise convolution
        computes in one product; other layers do not need it.
        """

    def shared(self, which: str, batch: int) -> list[Product]:
        """Return products whose operands are one matrix of each tensor, or its transpose.

        A tensor in square blocks is then quantized once for all passes. Forward and the gradient of
        the weights are so in any case; the gradient of the input is ``y @ w``, whose results are
        added up where windows overlap.
        """
        first, *more = self.products("forward", batch)
        if which != "input" or more:
            return self.products(which, batch)
        return [first.of_pass(which)]


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
        m, n, k = batch * self.positions, self.outputs, self.inputs
        forward = Product(a=matrix(m, k), b=matrix(n, k), out=matrix(m, n), work=m * n * k)
        return [forward.of_pass(which)]


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
        m, n, k = self.rows, self.columns, self.depth
        count = batch * self.heads
        forward = Product(
            a=matrix(m, k, stride_c=m * k),
            b=matrix(n, k, stride_c=n * k),
            out=matrix(m, n, stride_c=m * n),
            count=count,
            work=count * m * n * k,
        )
        return [forward.of_pass(which)]


def check_layers(layers: Sequence[Layer]) -> Sequence[Layer]:
    """Check that there are layers, one or more."""
    instance("layers", layers, list, tuple)
    if not layers:
        raise UserError("layers must be at least one, not none")
    for layer in layers:
        instance("each of layers", layer, Layer)
    return layers


def share_work(products: list[Product], work: int) -> list[Product]:
    """Divide the multiply-adds of a pass among its products by their size."""
    sizes = np.cumsum([p.count * p.m * p.n * p.k for p in products])
    shares = np.diff([work * int(size) // int(sizes[-1]) for size in sizes], prepend=0)
    return [dataclasses.replace(p, work=int(w)) for p, w in zip(products, shares, strict=True)]


OPERANDS = {"forward": ("x", "w", "y"), "input": ("y", "w", "x"), "weight": ("y", "x", "w")}
"""Tensors of each pass: its operands and its result; ``y`` is a gradient in the latter two."""


def execute(
    products: Sequence[Product],
    shape: tuple[int, ...],
    multiply: Callable[[Product, int], npt.NDArray[Any]],
) -> npt.NDArray[Any]:
    """Return a tensor of ``shape`` that the products of a pass make.

    ``multiply`` takes a product and which of its equals it is, and returns (m, n).
    """
    result: npt.NDArray[Any] | None = None
    for product in products:
        for c in range(product.count):
            values = multiply(product, c)
            if result is None:
                result = np.zeros(shape, values.dtype)
            product.out.scatter(values, result, c)
    assert result is not None
    return result
