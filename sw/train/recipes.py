"""Recipes by name: those by which networks are trained in MX and NVFP4.

Each is what its authors' code does to the operands; what no code says is marked (inferred). All of
them are for the layers with weights, whichever the user gives them: TransformerEngine leaves the
choice to its users, and the others' networks have embeddings and a last layer that are not
quantized. Here a recipe is of all layers, and ``nvfp4,first=bfloat16,last=bfloat16`` leaves these
out (inferred: networks of two layers have no others).

- ``mxfp8`` (TransformerEngine): E4M3, the rule ``rceil``, blocks along the reduction of each pass,
  quantized from the tensor; ``mxfp8_hybrid``: gradients in E5M2.
- ``nvfp4`` (TransformerEngine): weights in tiles of 16 x 16, whose codes serve the gradient of the
  input too; gradients are rounded stochastically; of the gradient of the weights both operands are
  transformed, by fixed signs. A tensor's scale is that of the matrix that is multiplied.
- ``mxfp4`` (Tseng et al., 2025): forward bfloat16 (or ``mxfp4,forward=mxfp8``); both operands of
  both gradients are transformed and rounded stochastically, 3/4 of them under the scale of the
  whole: for E2M1 the rule ``below`` of 3/4. Signs are drawn, for a step and a layer (inferred:
  theirs for each product); tiles of 32 instead of their 64.
- ``quartet`` (Castro et al., 2025): forward transformed, without signs, with scales by deviation;
  gradients as ``mxfp4``'s, of the operands that the forward pass made, which are then masked and
  transformed back.
- ``tetrajet`` (TetraJet-v2 as in Quartet II's code): forward nearest; gradients of the operands
  that it made, transformed by drawn signs, rounded stochastically under scales of 17/16.
"""

import functools
from typing import Any

from ..formats import MX_FORMATS, BlockFormat
from ..formats.scale import FloatScale, MxScale
from ..grammar import preset_and_fields, tight
from .recipe import Recipe, Rule, Side

__all__ = ["RECIPES", "plain", "read_recipe"]


def read_recipe(text: str) -> Recipe:
    """Return the recipe of a name and fields, ``nvfp4:weight.y.rounding=nearest_even``.

    Fields are as of `Recipe.changed`.
    """
    name, fields = preset_and_fields("recipe", text, RECIPES)
    return RECIPES[name].changed(tight(text), fields) if fields else RECIPES[name]


@functools.lru_cache(maxsize=64)
def plain(format: BlockFormat) -> Recipe:
    """Return the recipe of all operands in one format."""
    rule = Rule(Side(format=format), Side(format=format))
    return Recipe(name=format.name, forward=rule, input=rule, weight=rule)


def _format(base: str, name: str, **fields: Any) -> BlockFormat:
    """Return a format of MX with some fields changed."""
    return MX_FORMATS[base].changed({"name": name} | fields)


def _recipe(
    name: str, forward: tuple[Side, Side] | str, input: tuple[Side, Side], weight: tuple[Side, Side]
) -> dict[str, Recipe]:
    first = forward if isinstance(forward, str) else Rule(*forward)
    return {name: Recipe(name=name, forward=first, input=Rule(*input), weight=Rule(*weight))}


def _alike(name: str, forward: Side, gradient: Side) -> dict[str, Recipe]:
    """Return a recipe in which tensors are quantized alike in all passes."""
    return _recipe(name, (forward, forward), (gradient, forward), (gradient, forward))


_E4M3 = Side(format=_format("mxfp8_e4m3", "mxfp8_e4m3 rceil", scale=MxScale(rule="rceil")))
_E5M2 = Side(format=_format("mxfp8_e5m2", "mxfp8_e5m2 rceil", scale=MxScale(rule="rceil")))

_NVFP4 = MX_FORMATS["nvfp4"]
_NVFP4_STOCHASTIC = _format("nvfp4", "nvfp4 stochastic", rounding="stochastic")
_FIXED = {"hadamard": 16, "signs": "fixed"}
_TILE = Side(format=MX_FORMATS["nvfp4_16x16"])

_DRAWN = {"hadamard": 32, "signs": "drawn"}
_BELOW = Side(
    format=_format("mxfp4", "mxfp4 below", scale=MxScale(rule="below"), rounding="stochastic"),
    factor=0.75,
    **_DRAWN,
)
_DEVIATION = Side(format=MX_FORMATS["mxfp4"], hadamard=32, scaling="deviation")
_BELOW_FORWARD = Side(format=_BELOW.format, factor=_BELOW.factor, source="forward", **_DRAWN)

_HEADROOM = _format(
    "nvfp4", "nvfp4 17/16", scale=FloatScale(headroom=17 / 16), rounding="stochastic"
)

RECIPES: dict[str, Recipe] = {
    **_alike("mxfp8", _E4M3, _E4M3),
    **_alike("mxfp8_hybrid", _E4M3, _E5M2),
    **_recipe(
        "nvfp4",
        forward=(Side(format=_NVFP4), _TILE),
        input=(Side(format=_NVFP4_STOCHASTIC), _TILE),
        weight=(Side(format=_NVFP4_STOCHASTIC, **_FIXED), Side(format=_NVFP4, **_FIXED)),
    ),
    **_recipe("mxfp4", "bfloat16", (_BELOW, _BELOW), (_BELOW, _BELOW)),
    **_recipe(
        "quartet", (_DEVIATION, _DEVIATION), (_BELOW, _BELOW_FORWARD), (_BELOW, _BELOW_FORWARD)
    ),
    **_recipe(
        "tetrajet",
        (Side(format=_NVFP4), Side(format=_NVFP4)),
        *[
            (
                Side(format=_HEADROOM, **_DRAWN),
                Side(format=_HEADROOM, source="forward", **_DRAWN),
            )
        ]
        * 2,
    ),
}
"""Recipes by name, see above."""
