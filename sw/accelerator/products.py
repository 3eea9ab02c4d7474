"""Products of matrices as the accelerator makes them, on whole tensors, or in binary32."""

from typing import Any

import numpy as np

from ..arrays import Floats
from ..bfp.array import matmul
from ..formats.quantize import quantize
from ..train.fast import gemm
from ..train.operand import USES
from ..words import KEY_BITS, Words, stream_key
from .instructions import ADDRESS_BITS
from .operands import part_key, parts
from .parameters import AcceleratorParameters

__all__ = ["Exact", "Products"]


class Products:
    """Makes operands of products, and products of them.

    Parameters
    ----------
    parameters : AcceleratorParameters
        Of the machine.
    seed : int
        Of the random words of stochastic rounding.

    Members
    -------
    step : int
        Number of the training's present step.
    """

    def __init__(self, parameters: AcceleratorParameters, seed: int) -> None:
        self._parameters = parameters
        self._seed = seed
        self.step = 0

    def operand(
        self,
        rows: Floats,
        layer: int,
        use: tuple[str, int],
        *,
        grouped: bool = False,
        lines: int | None = None,
    ) -> Any:
        """Return a matrix in blocks along its rows.

        ``layer`` is the number of the product; ``use``, of `USES`, its pass and its side. Random
        words go row by row, or, where it is ``grouped``, block by block of as many rows as a word
        has values. The number of the step is added to the low bits of the stream's key. Rows that
        are columns of a product, of so many ``lines``, are quantized in parts, see `parts`, which
        have random words of their own.
        """
        p = self._parameters
        count, reduction = rows.shape
        words = None
        if p.format.rounding == "stochastic":
            key = stream_key(self._seed, layer=layer, use=USES[use])
            line = count // (lines or 1)
            found = parts(p, reduction, lines, line // p.values) if lines else [(0, 1)]
            drawn = [
                self._draw(part_key(key, number), each * line, reduction, grouped)
                for number, (_, each) in enumerate(found)
            ]
            words = np.concatenate(drawn)
        return quantize(np.ascontiguousarray(rows), p.format, axis=1, random=words)

    def _draw(self, key: int, count: int, reduction: int, grouped: bool) -> Any:
        """Return the random words of so many rows."""
        p = self._parameters
        low = (1 << ADDRESS_BITS) - 1
        key = key & ((1 << KEY_BITS) - 1 - low) | key + self.step & low
        block = p.format.reduction
        height = p.values if grouped else 1
        shape = -(-count // height), p.array.blocks(reduction), height, block
        words = Words(key=key).draw(shape, p.format.random_bits).swapaxes(1, 2)
        return words.reshape(-1, shape[1] * block)[:count, :reduction]

    def multiply(self, left: Any, right: Any) -> Floats:
        """Return the product of (m, k) and the transpose of (n, k)."""
        return matmul(self._parameters.array, left, right.transposed)


class Exact(Products):
    """Products of binary32, of which nothing is quantized."""

    def operand(
        self,
        rows: Floats,
        layer: int,
        use: tuple[str, int],
        *,
        grouped: bool = False,
        lines: int | None = None,
    ) -> Floats:
        """Return the matrix."""
        return rows

    def multiply(self, left: Floats, right: Floats) -> Floats:
        """Return the product of (m, k) and the transpose of (n, k)."""
        return gemm(left, np.ascontiguousarray(right.T))
