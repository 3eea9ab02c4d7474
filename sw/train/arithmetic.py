"""The arithmetic of a product in training: binary32, bfloat16 or block floating point."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import binary32
from ..bfp.quantize import Blocks
from ..core.products import OPERANDS, Layer, Product, execute
from ..core.window import Window
from ..formats import BFLOAT16, BLOCK_FORMATS, BlockFormat
from ..parameters import unknown
from .data import package

__all__ = [
    "ARITHMETICS",
    "Engine",
    "Operand",
    "Products",
    "block_format",
    "compiled",
]

Floats = npt.NDArray[np.float32]
Engine = Callable[[Blocks, Blocks], Floats]
"""Computes the product of blocks (m, k) and (k, n)."""

ARITHMETICS = ("binary32", "bfloat16", *BLOCK_FORMATS)
"""Arithmetics by name: both operands of a product are rounded so, and the sums are binary32."""


def compiled() -> Any:
    """Return `sw.bfp.fast`, which needs numba."""
    return package("sw.bfp.fast", "numba")


@dataclasses.dataclass(frozen=True, eq=False)
class Operand:
    """A tensor of a training step; square blocks are made once and serve every pass."""

    tensor: Floats
    made: dict[tuple[Window, int, BlockFormat], Blocks] = dataclasses.field(default_factory=dict)

    def blocks(self, window: Window, c: int, format: BlockFormat, random: Any) -> Blocks:
        """Return a matrix in blocks along its rows, or in square ones."""
        for place in (window, window.transposed):
            blocks = self.made.get((place, c, format))
            if blocks is not None:
                return blocks if place == window else blocks.transposed
        blocks = compiled().quantize(window.gather(self.tensor, c), format, random=random)
        if len(format.block) == 2:
            self.made[window, c, format] = blocks
        return blocks


class Products:
    """Computes the products of layers, each in the arithmetic that it is told.

    Those of a pass are `Layer.shared`: each operand is one matrix of its tensor or the transpose,
    and the gradients of overlapping windows are added in binary32.

    Parameters
    ----------
    seed : int
        Of stochastic rounding. Words are drawn operand by operand as products are computed.
    engine : callable or None
        Computes products of blocks; None is the model of an array with one partial sum a result.
    """

    def __init__(self, *, seed: int, engine: Engine | None = None) -> None:
        self.seed = seed
        self.engine = engine
        self.random: Any = None

    def run(
        self, layer: Layer, which: str, batch: int, operands: dict[str, Operand], arithmetic: Any
    ) -> Floats:
        """Return the result of a pass: ``y``, or the gradient of ``x`` or ``w``.

        ``arithmetic`` is a name of `ARITHMETICS` or a `BlockFormat`.
        """
        a, b, _ = OPERANDS[which]

        def multiply(product: Product, c: int) -> Floats:
            return self._multiply(operands[a], operands[b], product, c, arithmetic)

        products = layer.shared(which, batch)
        return execute(products, layer.shapes(batch)[OPERANDS[which][2]], multiply)

    def _multiply(
        self, a: Operand, b: Operand, product: Product, c: int, arithmetic: Any
    ) -> Floats:
        """Return one product, (m, n)."""
        if arithmetic in ("binary32", "bfloat16"):
            left, right = product.a.gather(a.tensor, c), product.b.gather(b.tensor, c)
            if arithmetic == "bfloat16":
                left, right = (binary32.rounded(x, BFLOAT16) for x in (left, right))
            return left @ right.T
        if self.random is None:
            self.random = compiled().Random(self.seed)
        format = block_format(arithmetic)
        left = a.blocks(product.a, c, format, self.random)
        right = b.blocks(product.b, c, format, self.random).transposed
        return (self.engine or compiled().gemm)(left, right)


def block_format(arithmetic: Any) -> BlockFormat:
    """Return the format of a name, or itself."""
    if isinstance(arithmetic, str) and arithmetic not in BLOCK_FORMATS:
        raise unknown("arithmetic", arithmetic, ARITHMETICS)
    return BlockFormat.read(arithmetic)
