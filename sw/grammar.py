"""The grammar of the texts of command lines and tables: formats, arithmetics, updates, ``--set``.

    text  = spec ("," place "=" spec)*       the arithmetics of a network
    place = pass | layer ["." pass]          forward, input, weight; 0, 1, ..., first, last
    spec  = name [":" value] (":" field)*    a format, an arithmetic, a controller
          | name [":" field ("," field)*]    an update, a sparse training
          | "lut:" file
    field = name "=" value                   TOML's values, or else texts

Spaces around ``=``, ``:``, ``,`` and ``/`` are of no account, but for those inside a file's name.
"""

import dataclasses
import math
import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any

from .checks import unknown
from .errors import UserError

__all__ = [
    "FILE",
    "Spec",
    "by_place",
    "kind_and_fields",
    "literal",
    "named_fields",
    "place",
    "preset_and_fields",
    "tight",
]

FILE = "lut"
"""The name that a file follows, whose own name may have any of the signs."""


@dataclasses.dataclass(frozen=True)
class Spec:
    """A name and what follows it.

    Parameters
    ----------
    name : str
        What stands before the first colon.
    rest : str or None
        What stands behind it, None without a colon.
    """

    name: str
    rest: str | None

    @classmethod
    def read(cls, text: str) -> "Spec":
        """Split a text at its first colon, without spaces that are of no account."""
        name, colon, rest = tight(text).partition(":")
        return cls(name, rest if colon else None)

    @property
    def value(self) -> str | None:
        """A value that follows the name at once."""
        first = None if self.rest is None else self.rest.partition(":")[0]
        return None if first is None or "=" in first else first

    @property
    def fields(self) -> list[str]:
        """Fields behind the name and its value, such as ``block=8``."""
        items = [] if self.rest is None else self.rest.split(":")
        return items[self.value is not None :]


def tight(text: str) -> str:
    """Return ``text`` without the spaces that are of no account."""
    kind, _, file = text.partition(":")
    if kind.strip() == FILE:
        return f"{FILE}:{file.strip()}"
    return re.sub(r"\s*([=:,/])\s*", r"\1", text.strip())


def literal(text: str) -> Any:
    """Read ``text`` as a TOML value; what is none is a string, and so is NaN.

    No field takes the number, and ``element.specials`` the word.
    """
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, float) and math.isnan(value) else value


def field(what: str, text: str) -> tuple[str, str]:
    """Split ``name=value``."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise UserError(f"{what} needs field=value, not {text!r}")
    return name, value


def _fields(what: str, texts: Iterable[str], where: str) -> dict[str, str]:
    """Return the texts of values by their names; ``where`` is named if one stands there twice."""
    values: dict[str, str] = {}
    for text in texts:
        name, value = field(what, text)
        if name in values:
            raise UserError(f"{name} is given twice in {where}")
        values[name] = value
    return values


def named_fields(what: str, texts: Iterable[str]) -> dict[str, Any]:
    """Return the values of fields by their names."""
    return {name: literal(value) for name, value in _fields(what, texts, what).items()}


def kind_and_fields(what: str, text: str, kinds: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Split ``kind:field=value,...`` into the kind and the fields' texts by their names.

    The first of the kinds has no fields.
    """
    spec = Spec.read(text)
    if spec.name not in kinds:
        raise unknown(what, spec.name, kinds)
    if spec.rest is None:
        return spec.name, {}
    if spec.name == kinds[0]:
        raise UserError(f"{what} {spec.name} has no fields, not {spec.rest!r}")
    values = _fields(f"{what} {spec.name}", spec.rest.split(","), text)
    return spec.name, {name: f"{name}={value}" for name, value in values.items()}


def preset_and_fields(what: str, text: str, presets: Iterable[str]) -> tuple[str, dict[str, Any]]:
    """Read ``preset`` or ``preset:field=value:...``."""
    spec = Spec.read(text)
    if spec.name not in presets:
        raise unknown(what, spec.name, presets)
    texts = [] if spec.rest is None else spec.rest.split(":")
    return spec.name, named_fields(f"{what} {tight(text)!r}", texts)


def place(text: Any, passes: Sequence[str]) -> tuple[str | None, str | None] | None:
    """Return the layer and the pass that ``text`` names, None for each that it does not.

    An empty text names neither; what is no place gives None.
    """
    layer = r"(?:([0-9]{1,9}|first|last)(?:\.(?=.)|$))?"
    found = re.fullmatch(f"{layer}({'|'.join(passes)})?", text) if isinstance(text, str) else None
    return None if found is None else (found[1], found[2])


def by_place(what: str, text: str, passes: Sequence[str]) -> dict[str, str]:
    """Split ``spec,place=spec,...`` into the specs by their places; the first one's is empty."""
    places: dict[str, str] = {}
    where = ""
    for part in text.split(","):
        # An = before any colon.
        placed = "=" in part.partition(":")[0]
        named = part.partition("=")[0].strip() if placed else ""
        if Spec.read(places.get(where, "")).name == FILE and not (named and place(named, passes)):
            places[where] += f",{part}"  # of the file's name
            continue
        where, spec = (named, part.partition("=")[2]) if placed else ("", part)
        if where in places:
            raise UserError(f"{what} of {where or 'all products'} is given twice in {text!r}")
        places[where] = spec
    return {where: tight(spec) for where, spec in places.items()}
