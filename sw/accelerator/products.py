"""Products of matrices as the accelerator makes them, on whole tensors, or in binary32."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import Floats
from ..bfp.array import matmul
from ..formats.quantize import quantize
from ..train.fast import gemm
from ..train.operand import USES
from ..words import KEY_BITS, Words, stream_key
from .instructions import ADDRESS_BITS
from .parameters import AcceleratorParameters

__all__ = ["Exact", "Products"]


class Products:
    """Makes operands of products, and products of them, as the machine of ``parameters`` does.

    Members
    -------
    step : int
        Number of the training's present step, which with ``seed`` gives the random words of
        stochastic rounding.
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
        gradient: bool | None = None,
    ) -> Any:
        """Return a matrix in blocks along its rows.

        ``layer`` is the number of the product; ``use``, of `USES`, its pass and its side. Random
        words go row by row, or, where it is ``grouped``, block by block of as many rows as a word
        has values. The number of the step is added to the low bits of the stream's key.
        ``gradient`` is as of `AcceleratorParameters.draws`.
        """
        p = self._parameters
        count, reduction = rows.shape
        words, form = None, p.nearest
        if p.draws(*use, gradient):
            form = p.format
            key = stream_key(self._seed, layer=layer, use=USES[use])
            low = (1 << ADDRESS_BITS) - 1
            key = key & ((1 << KEY_BITS) - 1 - low) | key + self.step & low
            block = p.format.reduction
            height = p.values if grouped else 1
            shape = -(-count // height), p.array.blocks(reduction), height, block
            words = Words(key=key).draw(shape, p.format.random_bits).swapaxes(1, 2)
            words = words.reshape(-1, shape[1] * block)[:count, :reduction]
        blocks = quantize(np.ascontiguousarray(rows), form, axis=1, random=words)
        return dataclasses.replace(blocks, format=p.format)

    def stack(
        self,
        x: Floats,
        layer: int,
        use: tuple[str, int],
        *,
        grouped: bool = False,
        close: bool = False,
        **options: Any,
    ) -> Sequence[Any]:
        """Return matrices of (count, rows, reduction) in blocks, which `operand` makes of all rows.

        ``options`` are of that. Rows of zeros fill up each matrix to whole groups of a panel's, or,
        where they are ``grouped``, of a word's values, or ``close``, to the `pitch` of their rows.
        """
        p = self._parameters
        whole = (p.rows, p.columns)[use[1]]
        if grouped:
            whole = self.pitch(x.shape[1]) if close else p.values
        count, rows, reduction = x.shape
        padded = np.zeros((count, -(-rows // whole) * whole, reduction), np.float32)
        padded[:, :rows] = x
        flat = padded.reshape(-1, reduction)
        blocks = self.operand(flat, layer, use, grouped=grouped, **options)
        starts = range(0, padded.shape[0] * padded.shape[1], padded.shape[1])
        return [
            dataclasses.replace(
                blocks,
                code=blocks.code[first : first + rows],
                exponent=blocks.exponent[first : first + rows],
            )
            for first in starts
        ]

    def pitch(self, tokens: int) -> int:
        """Return the places of a head's tokens: part of a word, of whole tiles, or whole words."""
        p = self._parameters
        if tokens > p.values:
            return -(-tokens // p.values) * p.values
        return 1 << (max(tokens, p.rows, p.columns) - 1).bit_length()

    def multiply(self, left: Any, right: Any) -> Floats:
        """Return the product of (m, k) and the transpose of (n, k)."""
        return matmul(self._parameters.array, left, right.transposed)


class Exact(Products):
    """Products of binary32, of which nothing is quantized."""

    def operand(self, rows: Floats, layer: int, use: tuple[str, int], **_: Any) -> Floats:
        """Return the matrix."""
        return rows

    def stack(self, x: Floats, layer: int, use: tuple[str, int], **_: Any) -> Sequence[Floats]:
        """Return the matrices."""
        return list(np.ascontiguousarray(x))

    def multiply(self, left: Floats, right: Floats) -> Floats:
        """Return the product of (m, k) and the transpose of (n, k)."""
        return gemm(left, np.ascontiguousarray(right.T))
