"""Circuits in trainings by recipes: they make the operands of products and multiply them."""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sw.bfp.array import ArrayParameters
from sw.errors import UserError
from sw.formats import BFLOAT16, BlockFormat, binary32
from sw.formats.blocks import Blocks
from sw.formats.converter import ConverterParameters
from sw.formats.cut import blocked_axes, cut, join
from sw.formats.hadamard import HadamardParameters
from sw.formats.stages import has_tensor_scale
from sw.formats.tensor_amax import TensorAmaxParameters
from sw.formats.tensor_amax import tensor_amax as amax_model
from sw.parameters import Parameters
from sw.train.engine import Engine, Multiply
from sw.train.recipe import Recipe, Rule
from sw.words import Words

from .bench import Result, Session
from .bfp import array
from .circuits import Watch
from .formats import converter, hadamard, tensor_amax

__all__ = ["RecipeCircuit", "check_recipe"]

LANES = 4
"""Elements a cycle that are quantized, as far as a block has them: models of few are made soon."""

Floats = npt.NDArray[np.float32]


class RecipeCircuit(Engine):
    """Quantizes, transforms and multiplies by the RTL; an engine of `sw.train.loop.train`.

    Operands go through a ``bfp_converter`` of their format, and before it, where a tensor has a
    scale, through ``tensor_amax``; tiles are transformed by ``hadamard``, and products go through a
    ``bfp_array``. Used by ``with``: each of these is a session, so that nothing but the first run
    of each resets it. ``watch`` compares every result with the model's for the same operands, and
    ``report`` gets the number of products done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.report: Callable[[int], None] = lambda done: None
        self.products = self.quantizations = self.transforms = self.cycles = 0
        self.watch = Watch()
        self._sessions: dict[Parameters, Session] = {}
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sessions.clear()
        self._open.close()

    def quantize(self, x: Floats, format: BlockFormat, random: Words | None) -> Blocks:
        """Return a matrix in blocks along its rows, or in square ones."""
        self.quantizations += 1
        what = f"quantization {self.quantizations}"
        p = _converter(format)
        amax = None
        if has_tensor_scale(format):
            amax = self._amax(x, f"{what}, amax")
        axes = blocked_axes(format, 1, x.ndim, "x")
        groups = cut(x, axes, format.block)
        blocks = groups.reshape(-1, format.block_elements)
        code, exponent, _ = self._run(converter.simulate, p, blocks, random=random, amax=amax)
        made = Blocks(
            code=join(code.reshape(groups.shape), axes, format.block, x.shape),
            exponent=exponent.reshape(groups.shape[:-1]),
            format=format,
            axis=axes[0] if len(axes) == 1 else None,
            amax=np.float32(0) if amax is None else amax,
        )
        model = super().quantize(x, format, random)
        self.watch.see(f"{what}, elements", made.code, model.code)
        self.watch.see(f"{what}, scales", made.exponent, model.exponent)
        return made

    def _amax(self, x: Floats, what: str) -> np.float32:
        """Return the largest magnitude of a matrix."""
        p = TensorAmaxParameters(lanes=LANES)
        found = self._run(tensor_amax.simulate, p, [x])
        self.watch.see(what, found, np.array([amax_model(p, x)]))
        return found[0]

    def transform(self, x: Floats, tile: int, signs: int) -> Floats:
        """Return a matrix whose rows are transformed in tiles."""
        tiles = binary32.rounded(x, BFLOAT16).reshape(-1, tile)
        got = self._run(hadamard.simulate, HadamardParameters(tile=tile), tiles, signs=signs)
        self.transforms += 1
        got = got.reshape(x.shape)
        self.watch.see(f"transform {self.transforms}", got, super().transform(x, tile, signs))
        return got

    def multiply(
        self, a: Blocks | Floats, b: Blocks | Floats, model: Multiply | None = None
    ) -> Floats:
        """Return the product of (m, k) and (k, n) in blocks of one format."""
        if not isinstance(a, Blocks) or not isinstance(b, Blocks):
            raise UserError("operands must be blocks for a circuit, not arrays")
        p = _array(a.format, b.format)
        product = self._run(array.simulate, p, _as(a, p.format, 1), _as(b, p.format, 0))
        self.products += 1
        self.watch.see(f"product {self.products}", product, super().multiply(a, b))
        self.report(self.products)
        return product

    def _run(
        self, simulate: Callable[..., tuple[Any, Result]], p: Parameters, *inputs: Any, **more: Any
    ) -> Any:
        """Return what a unit makes of its inputs, in the session of its configuration."""
        if p not in self._sessions:
            self._sessions[p] = self._open.enter_context(Session())
        found, result = simulate(p, *inputs, session=self._sessions[p], **more)
        self.cycles += result.cycles
        return found


def check_recipe(recipe: Recipe, passes: Iterable[str]) -> None:
    """Raise `UserError` for passes of a recipe that `RecipeCircuit` does not compute.

    Factors of operands and products stay with NumPy, as all that is done element by element.
    """
    for which in passes:
        rule = recipe.passes[which]
        if not isinstance(rule, Rule):
            continue
        for side in rule.sides:
            if side.scaling != "amax":
                raise UserError(
                    f"scaling must be amax for a circuit, not {side.scaling} as in {recipe.name}"
                )
            _converter(side.format)
        _array(rule.a.format, rule.b.format)


def _converter(format: BlockFormat) -> ConverterParameters:
    """Return the parameters of a format's converter, the same whatever the format's name."""
    lanes = math.gcd(LANES, format.block_elements)
    return ConverterParameters(format=format.changed({"name": "operand"}), lanes=lanes)


def _array(a: BlockFormat, b: BlockFormat) -> ArrayParameters:
    """Return the parameters of the array of operands in two formats, which must be alike."""
    format = _rows(a)
    if format != _rows(b):
        raise UserError(f"operands must have one format for a circuit, not {a.name} and {b.name}")
    # With few lanes most blocks are long enough for one partial sum a result, as the model has.
    p = ArrayParameters(format=format, rows=4, columns=4, lanes=math.gcd(2, format.reduction))
    if p.accumulators > 1:
        raise UserError(
            f"block must be longer for a circuit than the {format.reduction} of {a.name}"
        )
    return p


def _rows(format: BlockFormat) -> BlockFormat:
    """Return a format with blocks along the reduction, rounded to nearest, as a product sees it."""
    return format.changed(
        {"name": "operand", "block": (format.reduction,), "rounding": "nearest_even"}
    )


def _as(blocks: Blocks, format: BlockFormat, axis: int) -> Blocks:
    """Return blocks along an axis, of which square ones are made by rows or columns."""
    return dataclasses.replace(blocks, exponent=blocks.codes(1 - axis), format=format, axis=axis)
