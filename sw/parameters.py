"""The base of every parameter object: checked fields, presets, TOML, ``field=value`` overrides."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from .checks import known, shown, unknown
from .errors import UserError
from .files import read_toml
from .grammar import field as split_field
from .grammar import literal

__all__ = ["TARGETS", "Checked", "Parameters", "nested", "table_fields", "table_record"]

TARGETS = ("generic", "ecp5", "xilinx")
"""Whose primitives circuits may be built of; ``generic`` has none."""


def table_fields(cls: type, field: str, value: object, *more: str) -> dict[str, Any]:
    """Check that a table in ``field`` has a dataclass's fields, and perhaps ``more``, alone."""
    if not isinstance(value, Mapping):
        raise UserError(f"{field} must be a preset's name or a table, not {shown(value)}")
    allowed = [each.name for each in dataclasses.fields(cls)]
    for name in value:
        if name not in (*allowed, *more):
            raise unknown("field", f"{field}.{name}", [f"{field}.{k}" for k in allowed])
    for each in dataclasses.fields(cls):
        if each.default is dataclasses.MISSING and each.name not in value:
            raise UserError(f"{field}.{each.name} must be given")
    return dict(value)


def table_record(
    field: str,
    value: Any,
    presets: Mapping[str, Any],
    kind: Callable[[Mapping[str, Any]], type],
) -> Any:
    """Return one of records of several classes by a preset's name, from a table, or as it is.

    A table may have a ``preset`` whose other fields it keeps; ``kind`` is the class of one without.
    """
    if isinstance(value, tuple({type(each) for each in presets.values()})):
        return value
    if isinstance(value, str):
        return known(field, value, presets)
    if not isinstance(value, Mapping):
        raise UserError(f"{field} must be a preset's name or a table, not {shown(value)}")
    base = table_record(field, value["preset"], presets, kind) if "preset" in value else None
    cls = kind(value) if base is None else type(base)
    start = {} if base is None else {f.name: getattr(base, f.name) for f in dataclasses.fields(cls)}
    given = {name: part for name, part in value.items() if name != "preset"}
    return cls(**table_fields(cls, field, start | given))


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields whose names may be ``field.part`` as tables inside one another.

    Raises `UserError` for a part that a later field overrides.
    """
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name in values:
            lost = next(each for each in fields if each.startswith(f"{name}."))
            raise UserError(f"{lost} is given twice: {name} overrides it")
        Parameters._set(values, name, value)
    return values


class Checked:
    """The base of data classes that check their fields: these hold no scalars of NumPy.

    Before a subclass's ``__post_init__`` sees them, fields become the Python numbers, truth values
    and texts that represent them, in tuples and lists too, so that JSON, TOML and digests have
    them.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Put the conversion before the check of a class's own."""
        super().__init_subclass__(**options)
        check = cls.__dict__.get("__post_init__")
        if check is not None:

            @functools.wraps(check)
            def checked(self: Checked) -> None:
                for name, value in vars(self).items():
                    object.__setattr__(self, name, _plain(value))
                check(self)

            cls.__post_init__ = checked  # pyright: ignore[reportAttributeAccessIssue]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(_plain, value)) if type(value) in (tuple, list) else value


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameters(Checked):
    """A frozen, checked set of fields from which a model and a component are both built.

    A subclass checks its fields in ``__post_init__`` and raises `UserError`. ``PRESETS`` maps
    names to the fields that they set. ``LATER`` are fields that came later, with None for what was
    before: then the digest is that of before, too.
    """

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    LATER: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Check every field; here there is none."""

    @classmethod
    def make(
        cls,
        *,
        preset: str | None = None,
        config: str | Path | None = None,
        overrides: Iterable[str] = (),
        defaults: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Self:
        """Build from ``defaults``, a preset, a TOML file, ``field=value`` texts, then ``fields``.

        A later source wins. Raises `UserError` for an unknown preset, field or unreadable file, and
        for a text that another one overrides.
        """
        values: dict[str, Any] = dict(defaults or {})
        if preset is not None:
            values |= known("preset", preset, cls.PRESETS)
        if config is not None:
            values |= read_toml(config)
        given: list[str] = []
        for text in overrides:
            name, value = split_field("--set", text)
            lost = [each for each in given if f"{each}.".startswith(f"{name}.")]
            if lost:
                raise UserError(f"{lost[0]} is given twice: {text!r} overrides it")
            given.append(name)
            cls._set(values, name, literal(value))
        values |= fields
        allowed = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in allowed:
                raise unknown("field", name, allowed)
        return cls(**values)

    @staticmethod
    def _set(values: dict[str, Any], name: str, value: Any) -> None:
        """Set ``name``, or ``field.part`` inside a nested table; a string there is its preset."""
        field, dot, part = name.partition(".")
        if not dot:
            values[field] = value
            return
        table = values.get(field, {})
        base = dict(table) if isinstance(table, Mapping) else {"preset": table}
        Parameters._set(base, part, value)
        values[field] = base

    def replace(self, **fields: Any) -> Self:
        """Return a copy with some fields changed, checked anew."""
        return dataclasses.replace(self, **fields)

    def as_dict(self) -> dict[str, Any]:
        """Return the resolved fields, nested objects as tables, ready for JSON or TOML.

        Those of ``LATER`` that are None are left out.
        """
        fields = dataclasses.asdict(self)
        return {n: v for n, v in fields.items() if v is not None or n not in self.LATER}

    @property
    def digest(self) -> str:
        """The first 16 hex digits of the SHA-256 of the resolved fields."""
        text = json.dumps([type(self).__name__, self.as_dict()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
