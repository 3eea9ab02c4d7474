"""The last place on a rising curve that is still below a limit, with few looks at it."""

import math
from collections.abc import Callable, MutableMapping, Sequence

__all__ = ["last_within"]


def last_within(
    at: Sequence[float],
    value: Callable[[int], float],
    *,
    good: int,
    bad: int,
    known: MutableMapping[int, float] | None = None,
) -> int:
    """Return the place at which ``value`` is at most 1 and at the next more.

    Where to look is guessed from a line through the nearest places looked at. When a place beyond
    the limit has been looked at, every third look is in the middle, so that a curve which is no
    line is searched by bisection.

    Parameters
    ----------
    at : sequence of float
        Where the places are, rising: that over which the values are about a line.
    value : callable
        The value at a place, which costs much; an infinity where it is beyond all limits.
    good, bad : int
        Places that are known to be within and beyond the limit; -1 and ``len(at)`` if none is.
    known : mapping of int to float, optional
        Values at places looked at before, to which those found are added.
    """
    known = {} if known is None else known
    looks = 0
    while bad - good > 1:
        looks += 1
        middle = looks % 3 == 0 and bad in known
        probe = (good + bad) // 2 if middle else _guess(at, known, good, bad)
        known[probe] = value(probe)
        if known[probe] <= 1:
            good = probe
        else:
            bad = probe
    return good


def _guess(at: Sequence[float], known: MutableMapping[int, float], good: int, bad: int) -> int:
    """Return the last place between two that a line has at or below 1."""
    points = sorted(place for place, value in known.items() if math.isfinite(value))
    below = [place for place in points if place <= good][-2:]
    above = [place for place in points if place >= bad][:1]
    ends = [*below, *above][-2:]
    if not ends:
        return (good + bad) // 2
    if len(ends) == 1:
        slope, end = known[ends[0]] / at[ends[0]] if at[ends[0]] else 0.0, ends[0]
    else:
        start, end = ends
        slope = (known[end] - known[start]) / (at[end] - at[start])
    if slope <= 0:
        return (good + bad) // 2
    limit = at[end] + (1 - known[end]) / slope
    within = [place for place in range(good + 1, bad) if at[place] <= limit]
    return within[-1] if within else good + 1
