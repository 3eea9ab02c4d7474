"""Events: bits of the status of all units, and what to do about each."""

from hw.units import UNITS
from hw.units.notes.note import remedy

from .manifests import manifests
from .markdown import table

__all__ = ["events"]

STATES = ("aborting", "busy")
"""What clears itself."""


def events() -> str:
    """Return a section for each event."""
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for name, manifest in manifests().items():
        flags = UNITS[name].describe(UNITS[name].parameters()).flags
        [status] = [each for each in manifest["registers"] if each["name"] == "status"]
        for field in status["fields"]:
            if field["name"] not in STATES:
                told = field["description"], remedy(field["name"], flags)
                found.setdefault(field["name"], {}).setdefault(told, []).append(name)
    text = ""
    for event in sorted(found):
        rows = [(meaning, todo, _units(names)) for (meaning, todo), names in found[event].items()]
        text += f"\n## {event}\n" + table(("meaning", "what to do", "units"), rows)
    return text


def _units(names: list[str]) -> str:
    if len(names) == len(UNITS):
        return "all"
    return ", ".join(f"[{name}](../units/{name}.md)" for name in names)
