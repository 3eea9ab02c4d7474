"""Circuits in trainings by recipes: they transform operands and multiply them."""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sw.bfp.array import ArrayParameters
from sw.errors import UserError
from sw.formats import BFLOAT16, BlockFormat, MxFormat, binary32
from sw.formats.blocks import Blocks
from sw.formats.hadamard import HadamardParameters
from sw.train.engine import Engine, Multiply

from .bfp import array
from .circuits import Watch
from .formats import hadamard

__all__ = ["RecipeCircuit"]

Floats = npt.NDArray[np.float32]


class RecipeCircuit(Engine):
    """Transforms and multiplies by the RTL; an engine of `sw.train.loop.train`.

    Products go through a ``bfp_array`` of the operands' format, whose blocks are those of rows;
    tiles are transformed by ``hadamard``. Operands are quantized by the model. ``watch`` compares
    every result, and ``report`` gets the number of products done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.report: Callable[[int], None] = lambda done: None
        self.products = self.transforms = self.cycles = 0
        self.watch = Watch()

    def transform(self, x: Floats, tile: int, signs: int) -> Floats:
        """Return a matrix whose rows are transformed in tiles."""
        parameters = HadamardParameters(tile=tile)
        tiles = binary32.rounded(x, BFLOAT16).reshape(-1, tile)
        got, result = hadamard.simulate(parameters, tiles, signs=signs)
        self.transforms += 1
        self.cycles += result.cycles
        got = got.reshape(x.shape)
        self.watch.see(f"transform {self.transforms}", got, super().transform(x, tile, signs))
        return got

    def multiply(
        self, a: Blocks | Floats, b: Blocks | Floats, model: Multiply | None = None
    ) -> Floats:
        """Return the product of (m, k) and (k, n) in blocks of one format."""
        if not isinstance(a, Blocks) or not isinstance(b, Blocks):
            raise UserError("operands must be blocks for a circuit, not arrays")
        format = _rows(a.format)
        if format != _rows(b.format):
            raise UserError(
                f"operands must have one format for a circuit, not {a.format.name} and "
                f"{b.format.name}"
            )
        # With few lanes every block is long enough for one partial sum a result.
        parameters = ArrayParameters(format=format, rows=4, columns=4, lanes=2)
        product, result = array.simulate(parameters, _as(a, format, 1), _as(b, format, 0))
        self.products += 1
        self.cycles += result.cycles
        self.watch.see(f"product {self.products}", product, super().multiply(a, b))
        self.report(self.products)
        return product


def _rows(format: BlockFormat) -> BlockFormat:
    """Return a format with blocks along the reduction, rounded to nearest, as a product sees it."""
    plain = {"block": (format.reduction,), "rounding": "nearest_even"}
    assert isinstance(format, MxFormat)
    return dataclasses.replace(format, name=f"{format.name} by rows", **plain)


def _as(blocks: Blocks, format: BlockFormat, axis: int) -> Blocks:
    """Return blocks along an axis, of which square ones are made by rows or columns."""
    return dataclasses.replace(blocks, exponent=blocks.codes(1 - axis), format=format, axis=axis)
