"""The record of a training: what really ran, as JSON."""

import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
import platform
from typing import Any

from ..approx.product import Datapath
from ..approx.table import Table
from ..bfp.pairs import PAIRS
from ..core.products import OPERANDS, PASSES, Layer
from ..formats import BLOCK_FORMATS, MX_FORMATS, BlockFormat
from .arithmetic import Arithmetic
from .loop import Run
from .places import computed
from .recipe import Recipe

__all__ = ["record"]


def record(run: Run) -> str:
    """Return the record of a training.

    ``settings`` are as they were given, but that the arithmetic is that of the precision where one
    was given beside them. ``layers`` are what each product resolved to: its arithmetic in each pass
    at the end of the training, and where its weights were stored between steps.
    """
    course = {
        "versions": {name: _version(name) for name in ("gradgate", "numpy", "numba")}
        | {"python": platform.python_version()},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "data": {
            "name": run.data.name,
            "source": run.data.source,
            "digest": run.data.digest,
            "train": len(run.data.train_x),
            "test": len(run.data.test_x),
            "sample": run.data.sample,
        },
        "settings": dataclasses.asdict(run.settings) | {"arithmetic": run.precision.name},
        "precision": type(run.precision).__name__,
        "layers": [_layer(run, number) for number in range(len(run.network.products))],
        "steps": run.steps,
        "epochs": [dataclasses.asdict(epoch) for epoch in run.epochs],
        "pairs": PAIRS,
        **run.precision.record(),
    }
    return json.dumps(course, indent=1, allow_nan=False) + "\n"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _layer(run: Run, number: int) -> dict[str, Any]:
    """Return what a product resolved to."""
    storage = run.storage[number]
    update = run.settings.update
    done = dict(zip(PASSES, computed(number + 1)[number].tolist(), strict=True))
    layer = run.network.products[number].layer
    passes = {
        which: _described(run.precision.arithmetic(number, which), layer, which)
        if done[which]
        else None
        for which in PASSES
    }
    if update != "exact" and number in run.network.weighted:
        passes["weight"] = update
    return passes | {"storage": "binary32" if storage is None else _format(storage)}


def _format(format: BlockFormat) -> Any:
    """Return a format by its fields, or by a name that has no others."""
    if (BLOCK_FORMATS | MX_FORMATS).get(format.name) == format:
        return format.name
    return dataclasses.asdict(format)


def _recipe(recipe: Recipe, layer: Layer, which: str) -> Any:
    """Return what becomes of the operands of a pass under a recipe."""
    rule = recipe.of(layer, which)
    if isinstance(rule, str):
        return {"recipe": recipe.name, "format": rule}
    sides = {
        name: {each.name: getattr(side, each.name) for each in dataclasses.fields(side)}
        | {"format": _format(side.format)}
        for name, side in zip(OPERANDS[which], rule.sides, strict=False)
    }
    return {"recipe": recipe.name, **sides}


def _described(arithmetic: Arithmetic, layer: Layer, which: str) -> Any:
    """Return an arithmetic by its fields, or by a name that has no others."""
    if isinstance(arithmetic, BlockFormat):
        return _format(arithmetic)
    if isinstance(arithmetic, Recipe):
        return _recipe(arithmetic, layer, which)
    if isinstance(arithmetic, Datapath):
        return {"multiplier": arithmetic.name, "bits": arithmetic.bits}
    if isinstance(arithmetic, Table):
        entries = hashlib.sha256(arithmetic.entries.tobytes()).hexdigest()[:16]
        return {"table": arithmetic.name, "bits": arithmetic.bits, "entries": entries}
    return str(arithmetic)
