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
from ..core.products import PASSES
from ..formats import BLOCK_FORMATS, BlockFormat
from .arithmetic import Arithmetic
from .loop import Run
from .places import computed

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
    passes = {
        which: _described(run.precision.arithmetic(number, which)) if done[which] else None
        for which in PASSES
    }
    if update != "exact" and number in run.network.weighted:
        passes["weight"] = update
    return passes | {"storage": "binary32" if storage is None else _described(storage)}


def _described(arithmetic: Arithmetic) -> Any:
    """Return an arithmetic by its fields, or by a name that has no others."""
    if isinstance(arithmetic, BlockFormat):
        if BLOCK_FORMATS.get(arithmetic.name) == arithmetic:
            return arithmetic.name
        return dataclasses.asdict(arithmetic)
    if isinstance(arithmetic, Datapath):
        return {"multiplier": arithmetic.name, "bits": arithmetic.bits}
    if isinstance(arithmetic, Table):
        entries = hashlib.sha256(arithmetic.entries.tobytes()).hexdigest()[:16]
        return {"table": arithmetic.name, "bits": arithmetic.bits, "entries": entries}
    return str(arithmetic)
