"""Matrices of addresses: how a product reads and writes its tensors without copying them."""

import dataclasses

import numpy as np
import numpy.typing as npt

__all__ = ["Window", "matrix"]

Integers = npt.NDArray[np.int64]


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

    @property
    def rows(self) -> int:
        """Places."""
        return self.p * len(self.y) * len(self.x)

    @property
    def columns(self) -> int:
        """Steps."""
        return self.q * len(self.dy) * len(self.dx)

    def addresses(self, c: int = 0) -> Integers:
        """Return the addresses, (rows, columns); -1 where the element is zero."""
        rows, columns = (self.p, len(self.y), len(self.x)), (self.q, len(self.dy), len(self.dx))

        def outer(row: npt.ArrayLike, column: npt.ArrayLike, axis: int) -> Integers:
            """Add a counter of the rows to its counterpart of the columns."""
            ends = [np.ones(3, int), np.ones(3, int)]
            ends[0][axis], ends[1][axis] = np.size(row), np.size(column)
            left = np.reshape(np.asarray(row, np.int64), (*ends[0], 1, 1, 1))
            return left + np.reshape(np.asarray(column, np.int64), (1, 1, 1, *ends[1]))

        y, x = outer(self.y, self.dy, 1), outer(self.x, self.dx, 2)
        channel = outer(np.arange(self.p) * self.stride_p, np.arange(self.q) * self.stride_q, 0)
        inside = (y >= 0) & (y < self.height) & (x >= 0) & (x < self.width)
        start = self.base + c * self.stride_c
        total = np.where(inside, start + channel + y * self.width + x, -1)
        return np.broadcast_to(total, (*rows, *columns)).reshape(self.rows, self.columns)

    def gather(self, tensor: npt.NDArray[np.float32], c: int = 0) -> npt.NDArray[np.float32]:
        """Return the matrix."""
        addresses = self.addresses(c)
        flat = tensor.reshape(-1)
        return np.where(addresses < 0, np.float32(0), flat[np.maximum(addresses, 0)])

    def scatter(
        self, values: npt.NDArray[np.float32], tensor: npt.NDArray[np.float32], c: int = 0
    ) -> None:
        """Write a matrix, or add it in order of its rows where addresses repeat; -1 is left out."""
        addresses = self.addresses(c)
        keep = addresses >= 0
        np.add.at(tensor.reshape(-1), addresses[keep], values[keep])


def matrix(rows: int, columns: int, *, stride_c: int = 0, transposed: bool = False) -> Window:
    """Return a plain matrix, stored by rows; ``transposed``: one stored by columns."""
    strides = (1, rows) if transposed else (columns, 1)
    return Window(p=rows, q=columns, stride_p=strides[0], stride_q=strides[1], stride_c=stride_c)
