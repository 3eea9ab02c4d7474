"""What makes and multiplies the operands of blocks in training: the models, or circuits."""

from collections.abc import Callable
from typing import Any

from ..arrays import Floats
from ..checks import instance
from ..errors import UserError
from ..formats import BlockFormat
from ..formats.blocks import Blocks
from ..words import Words
from .data import package

__all__ = ["Engine", "Multiply", "compiled"]

Multiply = Callable[[Any, Any], Floats]
"""Computes the product of (m, k) and (k, n), of blocks or of binary32."""


def compiled(wing: str) -> Any:
    """Return ``fast`` of a wing, such as `sw.bfp`, which needs numba."""
    return package(f"sw.{wing}.fast", "numba")


class Engine:
    """Quantizes, transforms and multiplies, by the models.

    A circuit is a subclass that computes one or more of the three otherwise: the training asks for
    nothing else between a tensor in binary32 and the product of two in blocks, but for recipes
    whose operands have a factor or a scale by deviation (`sw.train.recipe.Side`).

    Parameters
    ----------
    multiply : callable or None
        Computes products other than binary32's in the place of the models.
    """

    def __init__(self, multiply: Multiply | None = None) -> None:
        if multiply is not None and not callable(multiply):
            raise UserError(f"engine must be a function or an Engine, not {multiply!r}")
        self._multiply = multiply

    @classmethod
    def of(cls, engine: "Engine | Multiply | None") -> "Engine":
        """Return an engine, or that which multiplies by a function."""
        return engine if isinstance(engine, Engine) else cls(engine)

    def quantize(self, x: Floats, format: BlockFormat, random: Words | None) -> Blocks:
        """Return a matrix in blocks along its rows, or in square ones.

        ``random`` is for stochastic rounding; a scale a tensor is that of ``x``.
        """
        return compiled("formats").quantize(x, format, random=random)

    def transform(self, x: Floats, tile: int, signs: int) -> Floats:
        """Return a matrix whose rows are transformed in tiles of 16 or 32 elements.

        They are rounded to bfloat16 before, and so is the result; a row has whole tiles. ``signs``
        are the elements of a tile that change their sign, bit 0 the first.
        """
        return package("sw.formats.fast_hadamard", "numba").transform(x, tile, signs)

    def multiply(
        self, a: Blocks | Floats, b: Blocks | Floats, model: Multiply | None = None
    ) -> Floats:
        """Return the product of (m, k) and (k, n).

        ``model`` is that of other operands than blocks.
        """
        if self._multiply is not None:
            return self._multiply(a, b)
        if model is not None:
            return model(a, b)
        instance("a", a, Blocks)
        return compiled("bfp").gemm(a, b)
