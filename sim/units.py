"""The bench of each unit, found by the unit's record."""

from typing import Any

from hw.units import unit
from hw.units.own import load_module
from sw.errors import UserError

from .report import Bench

__all__ = ["bench"]


def bench(name: str) -> Bench:
    """Return the bench of the unit called ``name``, as on a command line.

    Raises `UserError` if there is no such unit, or if it has no bench.
    """
    path = unit(name).bench
    if not path:
        raise UserError(f"{name} has no bench: its record names a module by bench")
    module: Any = load_module(path)
    if not hasattr(module, "regress"):
        raise UserError(f"{path}, the bench of {name}, has no function regress")
    return module
