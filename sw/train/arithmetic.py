"""The arithmetic of a product in training: floating point, of blocks, or approximate."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..approx.names import KINDS, fractions
from ..approx.product import Fractions
from ..arrays import Floats
from ..checks import array, choice, shown, unknown
from ..core.products import OPERANDS, PASSES, Layer, Product, execute
from ..core.window import Window
from ..errors import UserError
from ..formats import (
    BINARY32,
    BLOCK_FORMATS,
    BOX_FORMATS,
    FLOAT_FORMATS,
    BlockFormat,
    binary32,
    float_name,
    read_format,
)
from ..formats.blocks import Blocks
from ..grammar import Spec, tight
from ..words import Words, stream_key
from .data import package

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

Engine = Callable[[Any, Any], Floats]
"""Computes the product of (m, k) and (k, n), of blocks or of binary32."""

Arithmetic = str | BlockFormat | Fractions
"""A name of `FLOAT_FORMATS`, blocks of a format, or approximate multipliers of fractions."""

ARITHMETICS = (*FLOAT_FORMATS, *BLOCK_FORMATS, *KINDS)
"""Arithmetics by name: how the operands of a product are rounded and multiplied.

Sums are binary32, in the order of the reduction, so that results are the same on every processor.
"""

USES = {(which, side): 2 * place + side for place, which in enumerate(PASSES) for side in range(2)}
"""What random words are for in a layer: the first or the second operand of a pass, 0 to 5."""

STORED = 6
"""What they are for where weights are stored."""

EVALUATION = 8
"""What is added to the use where a network is only evaluated."""


def read(arithmetic: Any) -> Arithmetic:
    """Return the arithmetic of a name, or itself.

    Fields of a block format may follow its name, ``hbfp4:block=8:rounding=truncate``, or a table of
    fields define it, see `read_format`.
    """
    if isinstance(arithmetic, BlockFormat):
        return effective(arithmetic)
    if isinstance(arithmetic, Mapping):
        return effective(read_format(arithmetic), arithmetic)
    if isinstance(arithmetic, str):
        arithmetic, spec = float_name(tight(arithmetic)), Spec.read(arithmetic)
        if spec.name in BLOCK_FORMATS or spec.name in BOX_FORMATS:
            given = [text.partition("=")[0] for text in spec.fields]
            return effective(read_format(arithmetic), given)
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
    _ = format.reduction  # boxes have none
    return format


def compiled(wing: str) -> Any:
    """Return ``fast`` of a wing, such as `sw.bfp`, which needs numba."""
    return package(f"sw.{wing}.fast", "numba")


@dataclasses.dataclass(frozen=True, eq=False)
class Operand:
    """A tensor of a training step; square blocks are made once and serve every pass."""

    tensor: Floats
    made: dict[tuple[Window, int, BlockFormat], Blocks] = dataclasses.field(default_factory=dict)

    def blocks(self, window: Window, c: int, format: BlockFormat, key: int) -> Blocks:
        """Return a matrix in blocks along its rows, or in square ones.

        ``key`` is that of the stream of random words of all ``c``, which they take in turn.
        """
        blocks = self.made.get((window, c, format))
        if blocks is None:
            side = format.reduction
            down = side if format.shape.is_square else 1
            count = -(-window.rows // down) * -(-window.columns // side)
            random = None
            if format.rounding == "stochastic":
                random = Words(key=key, first=c * count * format.block_elements)
            blocks = compiled("formats").quantize(
                window.gather(self.tensor, c), format, random=random
            )
            if format.shape.is_square:
                self.made[window, c, format] = blocks
        return blocks


@dataclasses.dataclass(frozen=True)
class _Use:
    """The use of a tensor as an operand of a product: what `USES` says, and which product."""

    window: Window
    use: int
    part: int


@functools.lru_cache(maxsize=256)
def _uses(layer: Layer, batch: int) -> dict[tuple[str, Window], _Use]:
    """Return the first use, in the order of `PASSES`, of each matrix of a tensor.

    That of the transpose is the same one.
    """
    found: dict[tuple[str, Window], _Use] = {}
    for which in PASSES:
        for part, product in enumerate(layer.shared(which, batch)):
            for side, window in enumerate((product.a, product.b)):
                name = OPERANDS[which][side]
                use = _Use(window, USES[which, side], part)
                use = found.get((name, window.transposed), use)
                found.setdefault((name, window), use)
    return found


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
    engine : callable or None
        Computes products other than binary32's; None is the model of an array that adds up the
        products of a result, or the sums of its blocks, one after the other.

    Members
    -------
    step : int
        Of the training, or number of the batch that is evaluated; to be counted by the caller.
    """

    def __init__(
        self, *, seed: int, evaluation: bool = False, engine: Engine | None = None
    ) -> None:
        self.seed = seed
        self.evaluation = evaluation
        self.engine = engine
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

        def blocks(product: Product, side: int, c: int, format: BlockFormat) -> Blocks:
            window, name = (product.a, product.b)[side], OPERANDS[which][side]
            use = _Use(window, USES[which, side], products.index(product))
            if format.shape.is_square:
                use = _uses(layer, batch)[name, window]
            key = stream_key(
                self.seed,
                step=self.step,
                layer=number,
                use=use.use + EVALUATION * self.evaluation,
                part=use.part,
            )
            found = operands[name].blocks(use.window, c, format, key)
            return found if use.window == window else found.transposed

        def multiply(product: Product, c: int) -> Floats:
            if isinstance(arithmetic, BlockFormat):
                left, right = (blocks(product, side, c, arithmetic) for side in (0, 1))
                return (self.engine or compiled("bfp").gemm)(left, right.transposed)
            return self._multiply(operands[a], operands[b], product, c, arithmetic)

        return execute(products, layer.shapes(batch)[result], multiply)

    def _multiply(
        self, a: Operand, b: Operand, product: Product, c: int, arithmetic: str | Fractions
    ) -> Floats:
        """Return one product of floating point, (m, n)."""
        left, right = product.a.gather(a.tensor, c), product.b.gather(b.tensor, c)
        if not isinstance(arithmetic, str):
            engine = self.engine or functools.partial(compiled("approx").gemm, arithmetic)
            return engine(left, right.T)
        format = FLOAT_FORMATS[arithmetic]
        if format != BINARY32:
            left, right = (binary32.rounded(x, format) for x in (left, right))
        return compiled("train").gemm(left, right.T)
