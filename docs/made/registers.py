"""Register maps: what all units have, and what each has besides."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .manifests import manifests
from .markdown import table

__all__ = ["common", "own"]

HEAD = ("address", "register", "access", "after reset", "meaning")

Registers = Iterable[Mapping[str, Any]]


def common() -> str:
    """Return the table of the registers that all units have."""
    maps = _maps()
    names = _shared(maps)
    [first, *_] = maps.values()
    rows = []
    for each in (r for r in first if r["name"] in names):
        same = {r["reset"] for registers in maps.values() for r in registers if _alike(r, each)}
        [row] = _rows([each])
        rows.append(row if len(same) == 1 else (*row[:3], "the unit's", row[4]))
    return table(HEAD, rows)


def own() -> str:
    """Return a section for each unit, with its other registers."""
    maps = _maps()
    names = _shared(maps)
    text = ""
    for unit, registers in maps.items():
        text += f"\n### {unit}\n\n[Fields, locks, events](../units/{unit}.md#register-map)\n"
        text += table(HEAD, _rows(each for each in registers if each["name"] not in names))
    return text


def _maps() -> dict[str, list[Mapping[str, Any]]]:
    return {name: manifest["registers"] for name, manifest in manifests().items()}


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one["name"] == other["name"]


def _shared(maps: Mapping[str, Registers]) -> set[str]:
    """Return the names of registers that all units have at the same address."""
    places = [{(r["name"], r["offset"]) for r in registers} for registers in maps.values()]
    return {name for name, _ in set.intersection(*places)}


def _rows(registers: Registers) -> Iterator[tuple[str, ...]]:
    for each in registers:
        place, reset = f"{each['offset']:#05x}", f"{each['reset']:#x}"
        yield place, f"`{each['name']}`", each["access"], reset, each["description"]
