"""Matrices of addresses: how a product reads and writes its tensors without copying them."""

import dataclasses
import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import array, instance, whole
from ..errors import UserError

__all__ = ["Window", "matrix"]

MOST = 1 << 40
"""Of an extent: no tensor of so many is meant."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Window:
    """A matrix whose elements lie in a tensor at addresses that nested counters make.

    A row is a place ``(p, y, x)`` and a column a step ``(q, dy, dx)``, the last of each counting
    fastest. The element's address is

    ``base + c * stride_c + p * stride_p + q * stride_q + (y + dy) * width + x + dx``

    and it is zero where ``y + dy`` or ``x + dx`` is outside the plane. ``c`` numbers equal
    products. Convolutions, their gradients, their kernels and plain matrices are all of this kind.

    Parameters
    ----------
    p, q : int
        Extents of these counters.
    stride_p, stride_q, stride_c, base : int
        Distances in elements.
    y, x, dy, dx : tuple of int
        Coordinates and steps, in the order in which they are counted.
    height, width : int
        Extent of the plane.
    """

    p: int = 1
    q: int = 1
    stride_p: int = 0
    stride_q: int = 0
    stride_c: int = 0
    base: int = 0
    y: tuple[int, ...] = (0,)
    x: tuple[int, ...] = (0,)
    dy: tuple[int, ...] = (0,)
    dx: tuple[int, ...] = (0,)
    height: int = 1
    width: int = 1

    def __post_init__(self) -> None:
        """Check the extents."""
        for name in ("p", "q", "height", "width"):
            whole(name, getattr(self, name), 1, MOST)

    @property
    def rows(self) -> int:
        """Places."""
        return self.p * len(self.y) * len(self.x)

    @property
    def columns(self) -> int:
        """Steps."""
        return self.q * len(self.dy) * len(self.dx)

    @property
    def transposed(self) -> "Window":
        """The same elements with places and steps exchanged."""
        return dataclasses.replace(
            self,
            p=self.q,
            q=self.p,
            stride_p=self.stride_q,
            stride_q=self.stride_p,
            y=self.dy,
            x=self.dx,
            dy=self.y,
            dx=self.x,
        )

    def addresses(self, c: int = 0) -> Integers:
        """Return the addresses, (rows, columns); -1 where the element is zero."""
        inner = _addresses(self)
        return np.where(inner < 0, -1, inner + c * self.stride_c) if c else inner

    def gather(self, tensor: npt.NDArray[np.float32], c: int = 0) -> npt.NDArray[np.float32]:
        """Return the matrix; `UserError` for a tensor that ends before its last address."""
        self._reach(instance("tensor", tensor, np.ndarray), c)
        # The address of what is outside, -1, is that of a zero behind the tensor.
        return np.append(tensor, tensor.dtype.type(0))[self.addresses(c)]

    def scatter(
        self, values: npt.NDArray[np.float32], tensor: npt.NDArray[np.float32], c: int = 0
    ) -> None:
        """Add a matrix to a tensor, which lies in memory in order, row by row; -1 is left out.

        `UserError` for a matrix of another shape, and for a tensor as in `gather`.
        """
        values = array("values", values, "number", shape=(self.rows, self.columns))
        self._reach(tensor, c)
        if not tensor.flags.c_contiguous:
            raise UserError("tensor must lie in memory in order, and is a view that does not")
        addresses = self.addresses(c)
        inside = addresses >= 0
        np.add.at(tensor.reshape(-1), addresses[inside], values[inside])

    def _reach(self, tensor: npt.NDArray[Any], c: int) -> None:
        """Check that a tensor has all that the window addresses."""
        end = _end(self) + whole("c", c, 0, MOST) * self.stride_c
        if tensor.size < end:
            raise UserError(
                f"tensor must have the {end} elements that are addressed, or more, "
                f"not {tensor.size}"
            )


@functools.lru_cache(maxsize=64)
def _addresses(window: Window) -> Integers:
    """Return the addresses of product 0, not to be written."""
    rows, columns = (
        (window.p, len(window.y), len(window.x)),
        (window.q, len(window.dy), len(window.dx)),
    )

    def outer(row: npt.ArrayLike, column: npt.ArrayLike, axis: int) -> Integers:
        """Add a counter of the rows to its counterpart of the columns."""
        ends = [np.ones(3, int), np.ones(3, int)]
        ends[0][axis], ends[1][axis] = np.size(row), np.size(column)
        left = np.reshape(np.asarray(row, np.int64), (*ends[0], 1, 1, 1))
        return left + np.reshape(np.asarray(column, np.int64), (1, 1, 1, *ends[1]))

    y, x = outer(window.y, window.dy, 1), outer(window.x, window.dx, 2)
    channel = outer(np.arange(window.p) * window.stride_p, np.arange(window.q) * window.stride_q, 0)
    inside = (y >= 0) & (y < window.height) & (x >= 0) & (x < window.width)
    total = np.where(inside, window.base + channel + y * window.width + x, -1)
    result = np.broadcast_to(total, (*rows, *columns)).reshape(window.rows, window.columns)
    result.setflags(write=False)
    return result


@functools.lru_cache(maxsize=64)
def _end(window: Window) -> int:
    """Return the address behind the last one of product 0."""
    return int(_addresses(window).max(initial=-1)) + 1


def matrix(rows: int, columns: int, *, stride_c: int = 0) -> Window:
    """Return a plain matrix, stored by rows."""
    return Window(p=rows, q=columns, stride_p=columns, stride_q=1, stride_c=stride_c)
