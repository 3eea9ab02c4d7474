"""Parts of matrices, and what ranges are cut in."""

import dataclasses
import itertools

__all__ = ["Part", "halves", "pieces"]


def pieces(count: int, most: int, unit: int = 1) -> list[range]:
    """Return at most so many ranges that follow each other up to a count.

    All are of whole units, but perhaps the last, and as long as each other, or shorter by a unit.
    """
    units = -(-count // unit)
    number = max(1, min(most, units))
    ends = [min(count, units * n // number * unit) for n in range(number + 1)]
    return [range(*pair) for pair in itertools.pairwise(ends)]


def halves(count: int, most: int, unit: int = 1, least: int = 1) -> list[range]:
    """Return at most so many ranges that follow each other up to a count.

    Each but the last is half of what is left, of whole units, or half a unit more; the first one is
    of ``least`` units or more.
    """
    ranges: list[range] = []
    start = 0
    while start < count:
        units = -(-(count - start) // unit)
        half = -(-units // 2) if ranges else max(least, -(-units // 2))
        stop = count if len(ranges) + 1 == most else min(count, start + half * unit)
        ranges.append(range(start, stop))
        start = stop
    return ranges


@dataclasses.dataclass(frozen=True)
class Part:
    """Words ``columns`` of the rows ``rows`` of a tensor whose rows have so many words."""

    pitch: int
    rows: range
    columns: range

    def meets(self, other: "Part") -> bool:
        """Tell whether a word may be in both, parts of one tensor."""
        if self.pitch != other.pitch:
            return True
        pairs = (self.rows, other.rows), (self.columns, other.columns)
        return all(a.start < b.stop and b.start < a.stop for a, b in pairs)
