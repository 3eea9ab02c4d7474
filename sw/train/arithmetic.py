"""The arithmetic of a product in training: floating point, of blocks, or approximate."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..approx.names import KINDS, fractions
from ..approx.product import Fractions
from ..arrays import Floats
from ..checks import array, choice, shown, unknown
from ..core.products import OPERANDS, PASSES, Layer, Product, execute
from ..errors import UserError
from ..formats import (
    BINARY32,
    BLOCK_FORMATS,
    BOX_FORMATS,
    FLOAT_FORMATS,
    MX_FORMATS,
    BlockFormat,
    binary32,
    float_name,
    read_format,
)
from ..grammar import Spec, tight
from ..words import stream_key
from .engine import Engine, Multiply, compiled
from .operand import EVALUATION, STORED, USES, Making, Operand
from .recipe import Recipe
from .recipes import RECIPES, plain, read_recipe

__all__ = [
    "ARITHMETICS",
    "STORED",
    "USES",
    "Arithmetic",
    "Engine",
    "Operand",
    "Products",
    "compiled",
    "effective",
    "read",
]

Arithmetic = str | BlockFormat | Recipe | Fractions
"""A name of `FLOAT_FORMATS`, blocks of a format or a recipe, or multipliers of fractions."""

PLAIN = {f"{name}_plain" if name in RECIPES else name: name for name in MX_FORMATS}
"""Formats of MX by the names that they have among arithmetics, where recipes come first."""

ARITHMETICS = (*FLOAT_FORMATS, *BLOCK_FORMATS, *PLAIN, *RECIPES, *KINDS)
"""Arithmetics by name: how the operands of a product are rounded and multiplied.

Sums are binary32, in the order of the reduction, so that results are the same on every processor.
"""


def read(arithmetic: Any) -> Arithmetic:
    """Return the arithmetic of a name, or itself.

    Fields of a block format may follow its name, ``hbfp4:block=8:rounding=truncate``, or a table of
    fields define it, see `read_format`. ``mxfp4`` and ``nvfp4`` are recipes; the formats alone, of
    both operands of a product, are ``mxfp4_plain`` and ``nvfp4_plain``.
    """
    if isinstance(arithmetic, BlockFormat):
        return effective(arithmetic)
    if isinstance(arithmetic, Mapping):
        return effective(read_format(arithmetic), arithmetic)
    if isinstance(arithmetic, str):
        arithmetic, spec = float_name(tight(arithmetic)), Spec.read(arithmetic)
        if spec.name in RECIPES:
            return read_recipe(arithmetic)
        if spec.name in (*BLOCK_FORMATS, *BOX_FORMATS, *PLAIN):
            given = [text.partition("=")[0] for text in spec.fields]
            name = PLAIN.get(spec.name, spec.name)
            return effective(read_format(name + arithmetic[len(spec.name) :]), given)
        found = arithmetic if arithmetic in FLOAT_FORMATS else fractions(arithmetic)
        if found is None:
            raise unknown("arithmetic", arithmetic, ARITHMETICS)
        return found
    if not isinstance(arithmetic, Fractions | Recipe):
        raise UserError(f"arithmetic must be a name or a format, not {shown(arithmetic)}")
    return arithmetic


def effective(format: BlockFormat, given: Iterable[str] = ()) -> BlockFormat:
    """Return a format that products are computed in, if all fields that were given decide on it."""
    if "random_bits" in given and format.rounding != "stochastic":
        raise UserError(
            f"random_bits of {format.name!r} has no effect: its rounding is {format.rounding}"
        )
    _ = format.reduction  # boxes have none
    return format


def _resolved(arithmetic: Arithmetic, layer: Layer, which: str) -> Recipe | str | Fractions:
    """Return what a pass of a layer is computed by: blocks are all by a recipe."""
    if isinstance(arithmetic, BlockFormat):
        return plain(arithmetic)
    if isinstance(arithmetic, Recipe):
        rule = arithmetic.of(layer, which)
        return rule if isinstance(rule, str) else arithmetic
    return arithmetic


class Products:
    """Computes the products of layers, each in an arithmetic of its own.

    Those of a pass are `Layer.shared`: each operand is one matrix of its tensor or the transpose,
    and the gradients of overlapping windows are added in binary32.

    Parameters
    ----------
    seed : int
        Of stochastic rounding. Random words depend on the seed, the step, the layer and the operand
        of the pass alone (`sw.words.stream_key`, with `USES`), not on what was computed before.
        Square blocks, which serve all passes, take the words of the matrix's first use in the order
        of `PASSES`.
    evaluation : bool
        Whether the words are those of evaluations, which no training has.
    engine : Engine, callable or None
        Quantizes, transforms and multiplies; a function computes products other than binary32's
        alone. None is the models: an array adds up the products of a result, or the sums of its
        blocks, one after the other.

    Members
    -------
    step : int
        Of the training, or number of the batch that is evaluated; to be counted by the caller.
    """

    def __init__(
        self, *, seed: int, evaluation: bool = False, engine: Engine | Multiply | None = None
    ) -> None:
        self.seed = seed
        self.evaluation = evaluation
        self.engine = Engine.of(engine)
        self.step = 0

    def run(
        self,
        layer: Layer,
        which: str,
        batch: int,
        operands: dict[str, Operand],
        arithmetic: Arithmetic,
        number: int = 0,
    ) -> Floats:
        """Return the result of a pass: ``y``, or the gradient of ``x`` or ``w``.

        ``arithmetic`` is what `read` takes, and ``number`` the layer's, for random words.
        """
        a, b, result = OPERANDS[choice("which", which, PASSES)]
        arithmetic = read(arithmetic)
        tensors = {name: array(name, operands[name].tensor, "float32") for name in (a, b)}
        layer.check(batch, tensors)
        products = layer.shared(which, batch)

        found = _resolved(arithmetic, layer, which)
        multiply: Callable[[Product, int], Floats]
        if isinstance(found, Recipe):
            making = Making(
                layer=layer,
                batch=batch,
                operands=operands,
                recipe=found,
                engine=self.engine,
                key=functools.partial(self._key, number),
            )
            multiply = functools.partial(self._blocks, making, which, products)
        else:
            multiply = functools.partial(self._floats, operands[a], operands[b], found)
        return execute(products, layer.shapes(batch)[result], multiply)

    def _key(self, number: int, use: int, part: int) -> int:
        """Return the key of a stream of random words of a layer."""
        use += EVALUATION * self.evaluation
        return stream_key(self.seed, step=self.step, layer=number, use=use, part=part)

    def _blocks(
        self, making: Making, which: str, products: list[Product], product: Product, c: int
    ) -> Floats:
        """Return one product of blocks, (m, n)."""
        part = products.index(product)
        left, right = (making.operand(which, part, product, side, c) for side in (0, 1))
        return making.result(which, product, c, self.engine.multiply(left, right.transposed))

    def _floats(
        self, a: Operand, b: Operand, arithmetic: str | Fractions, product: Product, c: int
    ) -> Floats:
        """Return one product of floating point, (m, n)."""
        left, right = product.a.gather(a.tensor, c), product.b.gather(b.tensor, c)
        if not isinstance(arithmetic, str):
            model = functools.partial(compiled("approx").gemm, arithmetic)
            return self.engine.multiply(left, right.T, model)
        format = FLOAT_FORMATS[arithmetic]
        if format != BINARY32:
            left, right = (binary32.rounded(x, format) for x in (left, right))
        return compiled("train").gemm(left, right.T)
