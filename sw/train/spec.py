"""The arithmetic of a training as text: what ``--arith`` of the command line takes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..bfp.epoch_schedule import BoostRule
from ..bfp.pairs import MOST_LAYERS
from ..bfp.zse_controller import ZseRule
from ..checks import shown, unknown
from ..core.products import PASSES
from ..errors import UserError
from ..formats import BfpFormat
from ..grammar import Spec, by_place, literal, named_fields
from .moded import Boosted, Controlled
from .precision import Fixed, Precision

__all__ = ["read"]

THRESHOLDS = ("lo", "hi", "warmup", "hold")
DEFAULT_RULE = {"lo": 0.1, "hi": 0.2, "warmup": 0, "hold": 1}
"""The authors' thresholds for ImageNet without a warm-up: theirs is longer than trainings here."""

FORMAT_FIELDS = tuple(
    field.name
    for field in dataclasses.fields(BfpFormat)
    if field.name not in ("name", "mantissa_bits")
)
"""Of the formats of modes, what may be changed: all but what makes them modes."""


def read(text: str, *, layers: int | None, epochs: int) -> Precision:
    """Return what ``text`` names, for a network of ``layers``; None: of any number up to 256.

    An arithmetic for all products, and others for a place: a pass (``forward``, ``input`` or
    ``weight``), a layer, counted from 0 or ``first`` or ``last``, or a pass of a layer:
    ``fb12,input=fb16,0=fb24,2.weight=fb16``. See `sw.train.arithmetic.read` for arithmetics;
    fields of a block format follow its name, ``hbfp4:block=8:rounding=truncate``, and those of a
    recipe's operands the recipe's, ``nvfp4:weight.y.rounding=nearest_even``. The grammar is that of
    `sw.grammar`.

    In the place of the first one two controllers, whose formats take fields likewise:

    ``boosters`` or ``boosters:5``: HBFP4, in the last 5 epochs (1 if not said), and always in the
    first and last layer, HBFP6; also ``boosted=5`` and the other fields of `BoostRule`. Blocks are
    of 256 and 128 elements; ``boosters:5:block=64`` chooses.

    ``flexblock`` or ``flexblock:0.6/0.8/0/1``: FB12, FB16 or FB24 by zero-setting error, with the
    thresholds, the warm-up and the hold of `ZseRule`, or its fields by name, ``initial=0/2/0`` too;
    ``every=500``: a control step of 500 steps of training instead of an epoch; ``group=24``:
    channels of a group, see `sw.train.moded.Controlled`.

    Raises `UserError` for anything else, and for what has no effect in such a network.
    """
    if not isinstance(text, str):
        raise UserError(f"arithmetic must be a text, not {shown(text)}")
    places = by_place("arithmetic", text, PASSES)
    count = MOST_LAYERS if layers is None else layers
    spec = Spec.read(places.get("", ""))
    if spec.name not in ("boosters", "flexblock"):
        return Fixed(text, places, count)
    del places[""]
    make = _boosters if spec.name == "boosters" else _flexblock
    return make(text, spec, places, count, epochs)


def _boosters(text: str, spec: Spec, places: dict[str, str], layers: int, epochs: int) -> Precision:
    """Return Accuracy Boosters."""
    given = {} if spec.value is None else {"boosted": literal(spec.value)}
    known = [field.name for field in dataclasses.fields(BoostRule) if field.name != "epochs"]
    rule, changes = _fields(text, given, spec.fields, known)
    return Boosted(text, layers, BoostRule(epochs=epochs, **rule), fields=changes, places=places)


def _flexblock(
    text: str, spec: Spec, places: dict[str, str], layers: int, epochs: int
) -> Precision:
    """Return FlexBlock's controller."""
    given: dict[str, Any] = {}
    if spec.value is not None:
        values = spec.value.split("/")
        if len(values) != len(THRESHOLDS):
            raise UserError(f"flexblock must be followed by LO/HI/WARMUP/HOLD, not {spec.value!r}")
        given |= zip(THRESHOLDS, map(literal, values), strict=True)
    known = [field.name for field in dataclasses.fields(ZseRule)]
    rule, changes = _fields(text, given, spec.fields, (*known, "every", "group"))
    more = {name: rule.pop(name) for name in ("every", "group") if name in rule}
    zse = ZseRule(**DEFAULT_RULE | rule)
    return Controlled(text, layers, zse, fields=changes, places=places, **more)


def _fields(
    text: str, given: dict[str, Any], texts: Sequence[str], known: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a rule, of which some are given, and those of its formats."""
    rule, changes = dict(given), {}
    for name, value in named_fields(repr(text), texts).items():
        if name in rule:
            raise UserError(f"{name} is given twice in {text!r}")
        if name not in (*known, *FORMAT_FIELDS):
            raise unknown("field", name, (*known, *FORMAT_FIELDS))
        (rule if name in known else changes)[name] = value
    return rule, changes
