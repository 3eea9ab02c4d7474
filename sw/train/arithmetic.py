"""The arithmetic of a product in training: floating point, of blocks, or approximate."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import binary32
from ..approx.names import KINDS, fractions
from ..approx.product import Fractions
from ..bfp.quantize import Blocks
from ..checks import shown, unknown
from ..core.products import OPERANDS, Layer, Product, execute
from ..core.window import Window
from ..errors import UserError
from ..formats import BINARY32, BLOCK_FORMATS, BOX_FORMATS, FLOAT_FORMATS, BlockFormat
from .data import package

__all__ = [
    "ARITHMETICS",
    "Arithmetic",
    "Engine",
    "Operand",
    "Products",
    "compiled",
    "effective",
    "read",
]

Floats = npt.NDArray[np.float32]
Engine = Callable[[Any, Any], Floats]
"""Computes the product of (m, k) and (k, n), of blocks or of binary32."""

Arithmetic = str | BlockFormat | Fractions
"""A name of `FLOAT_FORMATS`, blocks of a format, or approximate multipliers of fractions."""

ARITHMETICS = (*FLOAT_FORMATS, *BLOCK_FORMATS, *KINDS)
"""Arithmetics by name: how the operands of a product are rounded and multiplied.

Sums are binary32.
"""


def read(arithmetic: Any) -> Arithmetic:
    """Return the arithmetic of a name, or itself.

    Fields of a block format may follow its name, ``hbfp4:block=8:rounding=truncate``, or a table of
    fields stand for it, see `BlockFormat.read`.
    """
    if isinstance(arithmetic, BlockFormat):
        return effective(arithmetic)
    if isinstance(arithmetic, Mapping):
        return effective(BlockFormat.read(arithmetic), arithmetic)
    if isinstance(arithmetic, str):
        preset, *texts = arithmetic.split(":")
        if preset in BLOCK_FORMATS or preset in BOX_FORMATS:
            given = [text.partition("=")[0] for text in texts]
            return effective(BlockFormat.read(arithmetic), given)
        found = arithmetic if arithmetic in FLOAT_FORMATS else fractions(arithmetic)
        if found is None:
            raise unknown("arithmetic", arithmetic, ARITHMETICS)
        return found
    if not isinstance(arithmetic, Fractions):
        raise UserError(f"arithmetic must be a name or a format, not {shown(arithmetic)}")
    return arithmetic


def effective(format: BlockFormat, given: Iterable[str] = ()) -> BlockFormat:
    """Return a format that products are computed in, if all fields that were given decide on it."""
    if "random_bits" in given and format.rounding != "stochastic":
        raise UserError(
            f"random_bits of {format.name!r} has no effect: its rounding is {format.rounding}"
        )
    # Boxes have none.
    _ = format.reduction
    return format


def compiled(wing: str = "bfp") -> Any:
    """Return ``fast`` of a wing, `sw.bfp` or another, which needs numba."""
    return package(f"sw.{wing}.fast", "numba")


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
        Computes products other than binary32's; None is the model of an array that adds up the
        products of a result, or the sums of its blocks, one after the other.
    """

    def __init__(self, *, seed: int, engine: Engine | None = None) -> None:
        self.seed = seed
        self.engine = engine
        self.random: Any = None

    def run(
        self,
        layer: Layer,
        which: str,
        batch: int,
        operands: dict[str, Operand],
        arithmetic: Arithmetic,
    ) -> Floats:
        """Return the result of a pass: ``y``, or the gradient of ``x`` or ``w``.

        ``arithmetic`` is what `read` takes.
        """
        a, b, _ = OPERANDS[which]
        arithmetic = read(arithmetic)

        def multiply(product: Product, c: int) -> Floats:
            return self._multiply(operands[a], operands[b], product, c, arithmetic)

        products = layer.shared(which, batch)
        return execute(products, layer.shapes(batch)[OPERANDS[which][2]], multiply)

    def _multiply(
        self, a: Operand, b: Operand, product: Product, c: int, arithmetic: Arithmetic
    ) -> Floats:
        """Return one product, (m, n)."""
        if isinstance(arithmetic, BlockFormat):
            if self.random is None:
                self.random = compiled().Random(self.seed)
            left = a.blocks(product.a, c, arithmetic, self.random)
            right = b.blocks(product.b, c, arithmetic, self.random).transposed
            return (self.engine or compiled().gemm)(left, right)
        left, right = product.a.gather(a.tensor, c), product.b.gather(b.tensor, c)
        if not isinstance(arithmetic, str):
            engine = self.engine or partial(compiled("approx").gemm, arithmetic)
            return engine(left, right.T)
        format = FLOAT_FORMATS[arithmetic]
        if format != BINARY32:
            left, right = (binary32.rounded(x, format) for x in (left, right))
        return left @ right.T
