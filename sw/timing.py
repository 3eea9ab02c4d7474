"""When units give results: what parameters own, and circuits, cycle models and tests read."""

import dataclasses

__all__ = ["Timing"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """Cycles of a unit that nothing stalls.

    A unit with jobs gives a tile of results for a tile of beats. For others a tile is a beat, or
    what several beats carry, such as a vector, where their parameters say so.

    Parameters
    ----------
    latency : int
        From a beat to the first results that it completes.
    interval : int
        From a tile's first beat to that of the next, at least.
    drain : int
        From the first results that a beat completes to the last.
    fixed : bool
        Whether that is so for all data; else these are the least, and another function counts.
    """

    latency: int
    interval: int = 1
    drain: int = 0
    fixed: bool = True

    def job(self, tiles: int, beats: int) -> int:
        """Return the cycles of a job of ``tiles``, of ``beats`` each.

        From the first beat accepted to the last result given, both counted: a tile takes a cycle a
        beat, but no fewer than `interval`, and the next follows at once.
        """
        return (tiles - 1) * max(beats, self.interval) + beats + self.latency + self.drain
