"""Products of binary32 matrices in compiled loops, the same bits on every processor.

A library of linear algebra adds in an order, and by instructions, that it chooses by processor; its
last bits, and after a few steps the weights of a training, differ from one machine to another. Here
each result is the sum of its products in the order of the reduction, from +0 on, each product and
each sum rounded to nearest even, subnormal numbers included: what the plain definition says.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..approx.product import matrices
from ..approx.vector import GROUP, PANEL, add_scaled, load_panel, store_panel
from ..arrays import Floats
from ..jit import njit

__all__ = ["gemm"]


jit: Any = njit(error_model="numpy")


def gemm(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the product of binary32 matrices, (m, k) and (k, n)."""
    a, b = matrices(a, b)
    # The right operand's columns are those of the vectors, in whole panels.
    if _work(b.shape[1], a.shape[0]) <= _work(a.shape[0], b.shape[1]):
        return _gemm(a, b)
    return np.ascontiguousarray(_gemm(b.T, a.T).T)


def _work(m: int, n: int) -> int:
    """Return in proportion the time of rows and columns."""
    return -(-n // PANEL) * (m + GROUP)


def _gemm(a: Floats, b: Floats) -> Floats:
    (m, depth), n = a.shape, b.shape[1]
    across = -(-n // PANEL) * PANEL
    panels = np.zeros((depth, across), np.float32)
    panels[:, :n] = b
    total = np.zeros(m * across, np.float32)
    _add(np.ascontiguousarray(a), panels.ravel(), across, total)
    return np.ascontiguousarray(total.reshape(m, across)[:, :n])


@jit
def _add(a, b, across, result):
    """Add for each panel of columns and each row the products, place after place."""
    for column in range(0, across, PANEL):
        for i in range(a.shape[0]):
            at = i * across + column
            total = load_panel(result, at)
            for k in range(a.shape[1]):
                total = add_scaled(total, a[i, k], load_panel(b, k * across + column))
            store_panel(result, at, total)
