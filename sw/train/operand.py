"""The operands of the products of a layer: which random words they take, and how they are made."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..arrays import Flags, Floats
from ..core.products import OPERANDS, PASSES, Layer, Product
from ..core.window import Window
from ..formats import MxFormat, binary32
from ..formats.blocks import Blocks
from ..formats.hadamard import HadamardParameters
from ..formats.quantize import dequantize
from ..words import Words
from .data import package
from .engine import Engine
from .recipe import Recipe, Rule, Side

__all__ = ["EVALUATION", "SIGNS", "STORED", "USES", "Making", "Operand"]

USES = {(which, side): 2 * place + side for place, which in enumerate(PASSES) for side in range(2)}
"""What random words are for in a layer: the first or the second operand of a pass, 0 to 5."""

STORED = 6
"""What they are for where weights are stored."""

SIGNS = 7
"""What they are for where the signs of Hadamard transforms are drawn."""

EVALUATION = 8
"""What is added to the use where a network is only evaluated."""

Made = tuple[Blocks, Flags | None]
"""An operand, and which of its elements were not clipped, where that matters."""


@dataclasses.dataclass(frozen=True, eq=False)
class Operand:
    """A tensor of a training step; what several passes take is made once."""

    tensor: Floats
    made: dict[tuple[Window, int, Side], Made] = dataclasses.field(default_factory=dict)


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Making:
    """Makes the operands of a layer's products in a step.

    Parameters
    ----------
    layer, batch
        The layer, and its samples.
    operands : mapping of str to Operand
        Its tensors.
    recipe : Recipe
        What becomes of them.
    engine : Engine
        Quantizes and transforms.
    key : callable
        Returns the key of a stream of random words, given the use and the part.
    """

    layer: Layer
    batch: int
    operands: Mapping[str, Operand]
    recipe: Recipe
    engine: Engine
    key: Callable[[int, int], int]

    def operand(self, which: str, part: int, product: Product, side: int, c: int) -> Blocks:
        """Return an operand of a product, whose number in the pass is ``part``."""
        rule = self.recipe.passes[which]
        assert isinstance(rule, Rule)
        name, wanted = OPERANDS[which][side], rule.sides[side]
        window = (product.a, product.b)[side]
        use = _Use(window, USES[which, side], part)
        if wanted.source == "forward":
            blocks, _ = self._forward(name, window, c)
            values = dequantize(blocks)
            values = values if self._first(name, window).window == window else values.T
            return self._make(values, wanted, use, c)[0]
        if not wanted.format.shape.is_square or wanted.hadamard:
            return self._made(name, wanted, use, c)[0]
        use = self._first(name, window)
        blocks, _ = self._made(name, wanted, use, c)
        return blocks if use.window == window else blocks.transposed

    def result(self, which: str, product: Product, c: int, values: Floats) -> Floats:
        """Return the result of a product, given that of its operands."""
        rule = self.recipe.passes[which]
        assert isinstance(rule, Rule)
        if rule.back != 1:
            values = binary32.multiply(values, rule.back)
        if rule.b.source != "forward":
            return values
        name = OPERANDS[which][2]
        forward = self._side(name)
        kept = self._forward(name, product.out, c)[1]
        if kept is not None:
            values = np.where(kept, values, np.float32(0))
        if forward.hadamard:
            values = self._transform(values, forward, back=True)[:, : product.out.columns]
        return values

    def _first(self, name: str, window: Window) -> _Use:
        """Return the first use of a matrix."""
        return _uses(self.layer, self.batch)[name, window]

    def _side(self, name: str) -> Side:
        """Return what becomes of a tensor in the forward pass."""
        rule = self.recipe.forward
        assert isinstance(rule, Rule)
        return rule.sides[OPERANDS["forward"].index(name)]

    def _forward(self, name: str, window: Window, c: int) -> Made:
        """Return what the forward pass made of a matrix of a tensor."""
        return self._made(name, self._side(name), self._first(name, window), c)

    def _made(self, name: str, side: Side, use: _Use, c: int) -> Made:
        """Return a matrix of a tensor as an operand; keep what other passes may take."""
        operand = self.operands[name]
        place = (use.window, c, side)
        found = operand.made.get(place)
        if found is None:
            found = self._make(use.window.gather(operand.tensor, c), side, use, c)
            square = side.format.shape.is_square and not side.hadamard
            if square or (self.recipe.keeps_forward and use.use in (0, 1)):
                operand.made[place] = found
        return found

    def _make(self, x: Floats, side: Side, use: _Use, c: int) -> Made:
        """Return a matrix as an operand."""
        if side.hadamard:
            x = np.pad(x, ((0, 0), (0, -x.shape[1] % side.hadamard)))
            x = self._transform(x, side)
        if side.factor != 1:
            x = binary32.multiply(x, np.float32(side.factor))
        format = side.format
        if side.scaling == "deviation":
            assert isinstance(format, MxFormat)
            return package("sw.formats.fast_quest", "numba").quantize_by_deviation(x, format)
        random = None
        if format.rounding == "stochastic":
            down = format.reduction if format.shape.is_square else 1
            blocks = -(-x.shape[0] // down) * -(-x.shape[1] // format.reduction)
            key = self.key(use.use, use.part)
            random = Words(key=key, first=c * blocks * format.block_elements)
        return self.engine.quantize(np.ascontiguousarray(x), format, random), None

    def _transform(self, x: Floats, side: Side, *, back: bool = False) -> Floats:
        """Return the transform of the rows of a matrix of whole tiles, or what it was made of."""
        tile, signs = side.hadamard, self._signs(side)
        if not back:
            return self.engine.transform(x, tile, signs)
        # The matrix is its own inverse, but for the signs.
        negative = np.tile(signs >> np.arange(tile) & 1, x.shape[1] // tile) == 1
        x = self.engine.transform(x, tile, 0)
        return np.where(negative, -x, x)

    def _signs(self, side: Side) -> int:
        """Return which elements of a tile change their sign, bit 0 the first."""
        if side.signs == "plain":
            return 0
        if side.signs == "fixed":
            signs: Any = HadamardParameters(tile=side.hadamard).signs
            return signs
        drawn = Words(key=self.key(SIGNS, 0)).draw((side.hadamard,), 1)
        return sum(int(bit) << place for place, bit in enumerate(drawn))
