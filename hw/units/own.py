"""Units by name: those of a table, and users' own, as ``module:NAME``."""

import importlib
from collections.abc import Mapping
from types import ModuleType

from sw.checks import instance, known, unknown
from sw.errors import UserError

from .unit import Unit

__all__ = ["load", "load_module"]


def load(name: str, table: Mapping[str, Unit]) -> Unit:
    """Return the unit of the table, or the record in a module; `UserError` if there is none."""
    if not isinstance(name, str) or ":" not in name:
        return known("unit", name, table)
    path, _, attribute = name.partition(":")
    if not attribute.isidentifier():
        raise UserError(
            f"a unit of your own is module:NAME, such as my_package.my_file:UNIT, not {name!r}"
        )
    module = load_module(path)
    if not hasattr(module, attribute):
        records = [n for n, value in vars(module).items() if isinstance(value, Unit)]
        if not records:
            raise UserError(f"{path} has no {attribute}, and no other record of a unit")
        raise unknown(f"unit of {path}", attribute, records)
    return instance(name, getattr(module, attribute), Unit)


def load_module(path: str) -> ModuleType:
    """Import a module; `UserError` if there is none of the name, or if it fails."""
    if not all(part.isidentifier() for part in path.split(".")):
        raise UserError(f"a module has a name such as my_package.my_file, not {path!r}")
    try:
        return importlib.import_module(path)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{path}.".startswith(f"{missing}."):
            raise UserError(
                f"there is no module {missing}, neither here nor on PYTHONPATH"
            ) from None
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path} fails on import: {text}") from error
