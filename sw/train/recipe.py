"""Recipes: how each operand of each pass is quantized where a network is trained in small formats.

A recipe says, of each of the three products of a layer, either a floating-point format or what
becomes of its two operands. They are transformed by Hadamard matrices along the reduction, which
leaves their product as it is, multiplied by a factor, and quantized; the product is divided by the
factors. Products of two activations (attention) are left in bfloat16, as all of the recipes do.

An operand of a gradient may be made of what the forward pass made of the tensor, instead of the
tensor: gradients are then those of the product that was computed. If that one had transformed
operands the gradient is that of a transformed tensor, and is transformed back; if it had scales by
deviation, elements that were clipped have no gradient.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bfp.array import common_step
from ..checks import choice, instance, line, number, one_of
from ..core.products import OPERANDS, PASSES, Attention, Layer
from ..errors import UserError
from ..formats import BlockFormat, read_format
from ..formats.element import FloatElement
from ..formats.scale import MxScale
from ..parameters import nested

__all__ = ["ATTENTION", "Recipe", "Rule", "Side"]

ATTENTION = "bfloat16"
"""The arithmetic of products of two activations."""

FIXED_TILE = 16
"""Elements of a tile for which TransformerEngine has signs, those of `sw.formats.hadamard`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Side:
    """What becomes of an operand of a product.

    Parameters
    ----------
    format : BlockFormat
        What it is quantized to; blocks lie along the reduction, or are square.
    source : str
        ``tensor``: it is made of the tensor; ``forward``: of what the forward pass made of it,
        where that pass has the same recipe.
    hadamard : int
        Elements of a tile that is transformed in bfloat16 before, 16 or 32; 0: none. The last tile
        is filled up with zeros. (The order of rounding and sums: `sw.formats.hadamard`.)
    signs : str
        Of the transform: ``plain``, all positive; ``fixed``, TransformerEngine's; ``drawn``, by the
        random words of the step and the layer, the same for all tiles and operands.
    factor : float
        By which it is multiplied before it is quantized, in binary32.
    scaling : str
        ``amax``: as the format says, by the largest magnitude; ``deviation``: by the standard
        deviation, see `sw.formats.quest`, and the rounding of the format has no say.
    """

    format: BlockFormat
    source: str = "tensor"
    hadamard: int = 0
    signs: str = "plain"
    factor: float = 1.0
    scaling: str = "amax"

    def __post_init__(self) -> None:
        """Check every field."""
        _ = instance("format", self.format, BlockFormat).reduction  # boxes have none
        choice("source", self.source, ("tensor", "forward"))
        one_of("hadamard", self.hadamard, (0, 16, 32))
        choice("signs", self.signs, ("plain", "fixed", "drawn"))
        object.__setattr__(self, "factor", float(number("factor", self.factor, 2**-8, 2**8)))
        choice("scaling", self.scaling, ("amax", "deviation"))
        if self.signs != "plain" and not self.hadamard:
            raise UserError(f"signs must be plain without hadamard, not {self.signs}")
        if self.signs == "fixed" and self.hadamard != FIXED_TILE:
            raise UserError(f"signs must be plain or drawn in tiles of {self.hadamard}, not fixed")
        form = self.format
        plain = isinstance(form.scale, MxScale) and isinstance(form.element, FloatElement)
        if self.scaling == "deviation" and not (plain and len(form.block) == 1):
            raise UserError(
                f"scaling must be amax in {form.name}: only small floats of MX along the reduction "
                "have a scale by deviation"
            )

    def changed(self, fields: Mapping[str, Any]) -> "Side":
        """Return a copy with fields changed: its own, and others of its format."""
        own = {field.name for field in dataclasses.fields(self)}
        given = {name: value for name, value in fields.items() if name in own}
        if "format" in given:
            given["format"] = read_format(given["format"])
        if given.get("hadamard", self.hadamard) == 0:
            given["signs"] = "plain"
        side = dataclasses.replace(self, **given)
        more = {name: value for name, value in fields.items() if name not in own}
        if not more:
            return side
        texts = (f"{name}={value}" for name, value in more.items())
        form = side.format.changed({"name": ":".join((side.format.name, *texts))} | nested(more))
        if side.scaling == "deviation" and form.element == side.format.element:
            if form.block == side.format.block:
                return side  # neither its rounding nor its scale decides anything
        return dataclasses.replace(side, format=form)


@dataclasses.dataclass(frozen=True)
class Rule:
    """What becomes of both operands of a product, as `OPERANDS` names them.

    Raises `UserError` for operands that cannot be multiplied.
    """

    a: Side
    b: Side

    def __post_init__(self) -> None:
        """Check that the operands fit."""
        common_step((self.a.format, self.b.format))
        if (self.a.hadamard, self.a.signs) != (self.b.hadamard, self.b.signs):
            raise UserError("hadamard and signs must be the same for both operands of a product")

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both operands."""
        return self.a, self.b

    @property
    def back(self) -> np.float32:
        """What the product is multiplied by, in binary32."""
        return np.float32(1 / (self.a.factor * self.b.factor))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """The arithmetic of the three products of a layer.

    The forward pass quantizes its operands first; the others may take what it made of them.

    Parameters
    ----------
    name : str
        For messages and records.
    forward, input, weight : Rule or str
        Of each pass: what becomes of its operands, or a name of `FLOAT_FORMATS`.
    """

    name: str
    forward: Rule | str
    input: Rule | str
    weight: Rule | str

    def __post_init__(self) -> None:
        """Check what the forward pass leaves to the others."""
        line("name", self.name)
        if isinstance(self.forward, Rule) and any(s.source != "tensor" for s in self.forward.sides):
            raise UserError("source must be tensor in the forward pass, not forward")
        for which in PASSES[1:]:
            rule = self.passes[which]
            if not isinstance(rule, Rule):
                continue
            if rule.a.source == "forward":
                raise UserError("source must be tensor for y, which no forward pass makes")
            if rule.b.source == "forward" and isinstance(self.forward, str):
                raise UserError(f"source must be tensor where the forward pass is {self.forward}")

    @property
    def passes(self) -> dict[str, Rule | str]:
        """The passes by name."""
        return {which: getattr(self, which) for which in PASSES}

    def of(self, layer: Layer, which: str) -> Rule | str:
        """Return what a pass of a layer is computed by."""
        return ATTENTION if isinstance(layer, Attention) else self.passes[which]

    @property
    def keeps_forward(self) -> bool:
        """Whether gradients are made of what the forward pass made."""
        rules = (self.input, self.weight)
        return any(isinstance(rule, Rule) and rule.b.source == "forward" for rule in rules)

    @property
    def alone(self) -> "Recipe":
        """The recipe where the forward pass is another's: gradients are made of the tensors."""
        passes = {
            which: Rule(rule.a, dataclasses.replace(rule.b, source="tensor"))
            for which, rule in self.passes.items()
            if isinstance(rule, Rule)
        }
        return dataclasses.replace(self, **passes)

    def changed(self, name: str, fields: Mapping[str, Any]) -> "Recipe":
        """Return a copy of another name with fields of operands changed.

        A field is one of `Side` or of its format, ``rounding`` or ``scale.rule``, of all operands
        or those of a pass and a tensor: ``weight.rounding``, ``y.rounding``, ``weight.y.rounding``.
        Raises `UserError` for one that changes nothing.
        """
        changes: dict[tuple[str, int], dict[str, Any]] = {}
        places: dict[str, list[tuple[Side, tuple[str, int]]]] = {}
        for text, value in fields.items():
            which, tensor, field = _split(text)
            places[text] = [
                (rule.sides[side], (each, side))
                for each, rule in self.passes.items()
                if isinstance(rule, Rule) and which in (None, each)
                for side in range(2)
                if tensor in (None, OPERANDS[each][side])
            ]
            for _, place in places[text]:
                changes.setdefault(place, {})[field] = value
        for text, found in places.items():
            field = _split(text)[2]
            if not any(_decides(side, changes[place], field) for side, place in found):
                raise UserError(f"{text}={fields[text]} has no effect in {self.name}")
        passes = {
            which: Rule(*(s.changed(changes.get((which, i), {})) for i, s in enumerate(rule.sides)))
            for which, rule in self.passes.items()
            if isinstance(rule, Rule)
        }
        return dataclasses.replace(self, name=name, **passes)


def _decides(side: Side, fields: Mapping[str, Any], field: str) -> bool:
    """Tell whether one of the fields that are changed makes a difference."""
    result = side.changed(fields)
    try:
        return result != side.changed({n: v for n, v in fields.items() if n != field})
    except UserError:
        return True


def _split(text: str) -> tuple[str | None, str | None, str]:
    """Split ``weight.y.rounding`` into a pass, a tensor and a field; the former two may lack."""
    which = tensor = None
    head, dot, rest = text.partition(".")
    if dot and head in PASSES:
        which, text = head, rest
        head, dot, rest = text.partition(".")
    if dot and head in ("x", "w", "y"):
        tensor, text = head, rest
    return which, tensor, text
