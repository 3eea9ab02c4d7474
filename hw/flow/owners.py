"""Names for signals of one name in a module: those of the instance or memory that each belongs to.

Amaranth calls a signal of a component what the component calls it, so that what holds several has
several signals of a name.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from amaranth.hdl import Fragment, Instance, Signal, Value
from amaranth.hdl._mem import MemoryInstance

__all__ = ["owned_names"]

_NAMELESS = "signature__"
"""What the names begin with that Amaranth gives to the signals of a memory's port."""


def owned_names(
    fragment: Fragment, names: Mapping[Signal, tuple[str, ...]]
) -> dict[str, dict[str, str]]:
    """Return other names of signals, by the name of the RTLIL module and their names there.

    ``names`` has for each signal the path of its module and its name.
    """
    counts = Counter((*path, _base(name)) for *path, name in names.values())
    result: dict[str, dict[str, str]] = {}
    for name, value in _members(fragment):
        if not isinstance(value, Signal) or value not in names:
            continue
        *path, old = names[value]
        if counts[*path, _base(old)] > 1 or old.startswith(_NAMELESS):
            result.setdefault(".".join(path), {}).setdefault(old, name)
    return result


def _base(name: str) -> str:
    """Return a name without its number among others."""
    return name[:1] + name[1:].partition("$")[0]


def _members(fragment: Any) -> Iterator[tuple[str, Value]]:
    """Yield what is connected to the instances and memories of a circuit, with a name for it."""
    for inner, name, _ in fragment.subfragments:
        found: Any = inner  # Amaranth's types do not declare these attributes.
        if isinstance(inner, Instance):
            for port, (value, _) in found.ports.items():
                yield f"{name or found.type.lower()}_{port}", value
        elif isinstance(inner, MemoryInstance):
            kinds: dict[str, list[Any]] = {"read": found._read_ports, "write": found._write_ports}
            for kind, ports in kinds.items():
                for number, port in enumerate(ports):
                    of = f"{name}_{kind}{number if len(ports) > 1 else ''}"
                    yield f"{of}_addr", port._addr
                    yield f"{of}_data", port._data
                    yield f"{of}_en", port._en
        else:
            yield from _members(inner)
