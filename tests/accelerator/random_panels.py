"""Panels that operations at random have made, and several products of them."""

import dataclasses
import random

from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.window import Counter

from .random_windows import Place

__all__ = ["Panel", "several"]


@dataclasses.dataclass(frozen=True)
class Panel:
    """A panel that an operation has made."""

    side: int
    rows: int
    blocks: int
    place: Place


def several(
    rng: random.Random, p: AcceleratorParameters, panel: Panel, slices: int, count: int
) -> Place:
    """Return a panel's place with a distance by which so many panels of ``slices`` lie in it."""
    side = p.columns if panel.side else p.rows
    # Blocks of groups that are whole, and those that are needed.
    there, needed = (groups * panel.blocks for groups in (panel.rows // side, -(-slices // side)))
    most = max(there - needed, 0) // max(count - 1, 1)
    counters = list(panel.place.window.counters)
    counters[3] = Counter(rng.randint(2, 9), rng.randint(0, most) * p.beats * p.values)
    made = dataclasses.replace(panel.place.window, counters=counters)
    return dataclasses.replace(panel.place, window=made)
