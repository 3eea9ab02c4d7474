"""Notes of a unit whose record has none: of its core's docstring and timing."""

import inspect

from ...engine.core import Core
from .note import Notes, Port, packets
from .plain import plain

__all__ = ["default_notes"]


def default_notes(summary: str, core: Core) -> Notes:
    """Return notes of what a core says of itself."""
    text = inspect.getdoc(type(core)) or ""
    paragraphs = text.partition("\nMembers\n---")[0].partition("\nParameters\n---")[0].split("\n\n")
    told = tuple(line for each in paragraphs if (line := " ".join(plain(each).split())))
    timing = core.timing

    def port(name: str) -> Port:
        given = name.startswith("o")
        return Port(
            order="Field by field from bit 0 up, of several the first lowest; beats in order.",
            last="Given as the unit's description says." if given else "As the description says.",
            ready="" if given else "When there is room; see the description.",
        )

    return Notes(
        does=(f"{summary[0].upper()}{summary[1:]}.", *told),
        ports={name: port(name) for name in core.streams},
        order=("As the description says.",),
        sums=("As the description says.",),
        cycles=packets(timing, "tiles", timing.interval),
    )
