"""Smaller configurations of a unit that is too large for a board."""

import itertools
import math
from collections.abc import Callable

from hw.units import Unit
from sw.errors import UserError
from sw.parameters import Parameters

__all__ = ["nearest", "smaller"]


def _steps(value: int) -> list[int]:
    """Return values from ``value`` down to 1, not more than nine of them."""
    return sorted({max(1, value * eighth // 8) for eighth in range(9)}, reverse=True)


def smaller(unit: Unit, parameters: Parameters) -> list[dict[str, int]]:
    """Return which fields to change to what, from a little smaller to the smallest.

    Of changes that keep as much of the product of the sizes the one with the fewest fields is
    given; those that the unit does not allow are left out.
    """
    known = {name: getattr(parameters, name) for name in unit.sizes}
    found: dict[int, dict[str, int]] = {}
    for values in itertools.product(*map(_steps, known.values())):
        change = {n: v for n, v in zip(known, values, strict=True) if v != known[n]}
        kept = math.prod(values)
        if not change or (kept in found and len(found[kept]) <= len(change)):
            continue
        try:
            parameters.replace(**change)
        except UserError:
            continue
        found[kept] = change
    return [found[kept] for kept in sorted(found, reverse=True)]


def nearest(
    unit: Unit, parameters: Parameters, fits: Callable[[Parameters], bool], *, share: float
) -> dict[str, int] | None:
    """Return the first of the `smaller` changes that fits; None if none does.

    What is smaller than one that fits is assumed to fit too: few are tried, beginning with the one
    that keeps ``share`` of the sizes' product.
    """
    changes = smaller(unit, parameters)
    kept = [
        math.prod(value / getattr(parameters, name) for name, value in change.items())
        for change in changes
    ]
    bad, good = -1, len(changes)
    probe = sum(each > share for each in kept)
    step = 1
    while good - bad > 1:
        probe = max(bad + 1, min(good - 1, probe))
        if fits(parameters.replace(**changes[probe])):
            good = probe
            probe -= step
        else:
            bad = probe
            probe += step
        step *= 2
    return changes[good] if good < len(changes) else None
