"""Which operations wait for which: engines work at the same time where nothing forbids it."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence

from ..errors import UserError
from .instructions import TOKENS
from .operations import Operation, Tensor, Window

__all__ = ["Links", "Tokens", "link", "must_follow"]

Pair = tuple[str, str]
"""Who gives a token, and who takes it."""

ROUNDS = 8
"""Repetitions of a loop within which its waits become the same in each."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Links:
    """Engines that each operation waits for, and that each gives a token to.

    ``carried`` counts the tokens that are waited for in a repetition, and given in the one before.
    """

    waits: list[list[str]]
    signals: list[list[str]]
    carried: dict[Pair, int]


class Tokens:
    """Numbers the tokens: one of each pair of engines, as many as are used."""

    def __init__(self) -> None:
        self._numbers: dict[Pair, int] = {}

    def mask(self, pairs: Sequence[Pair]) -> int:
        """Return the mask of the tokens of pairs of engines."""
        return sum(1 << self._numbers.setdefault(pair, len(self._numbers)) for pair in pairs)


def must_follow(first: Operation, second: Operation, banks: Mapping[Tensor, int]) -> bool:
    """Tell whether an operation must not begin before another has ended.

    It would read or write what is not yet written or still read, or take the only reader or the
    only writer of a bank.
    """

    def ports(windows: Sequence[Window]) -> set[int]:
        return {banks[window.tensor] for window in windows}

    def meet(some: Sequence[Window], others: Sequence[Window]) -> bool:
        return any(one.meets(other) for one in some for other in others)

    return bool(
        meet(first.targets, second.targets + second.sources)
        or meet(first.sources, second.targets)
        or ports(first.sources) & ports(second.sources)
        or ports(first.targets) & ports(second.targets)
    )


def link(operations: Sequence[Operation], banks: Mapping[Tensor, int], *, repeated: bool) -> Links:
    """Return who waits for whom so that the results are those of one operation at a time.

    Engines take operations in order. An operation waits for the last one of each other engine that
    it must follow, unless that follows from other waits. So tokens from one engine to another are
    taken in the order in which they were given. Of a loop it is the waits that stay the same from
    one repetition to the next.
    """
    count = len(operations)
    follow = [[must_follow(first, second, banks) for second in operations] for first in operations]
    engines = sorted({each.engine for each in operations})
    # Of each engine, the last operation of each that has ended when its next one begins.
    known = {engine: dict.fromkeys(engines, -1) for engine in engines}
    done: list[dict[str, int]] = []
    rounds: list[list[dict[str, int]]] = []
    while len(rounds) < 2 or rounds[-1] != rounds[-2]:
        if len(rounds) == ROUNDS:
            raise UserError("program must have waits that repeat, and has none")
        present: list[dict[str, int]] = []
        for k, operation in enumerate(operations):
            now = len(done)
            mine = known[operation.engine]
            needed: dict[str, int] = {}
            for i in range(now - 1, max(now - count - 1, -1), -1):
                other = operations[i % count].engine
                if other != operation.engine and follow[i % count][k]:
                    needed.setdefault(other, i)
            needed = {other: i for other, i in needed.items() if i > mine[other]}
            waits = {
                other: i
                for other, i in needed.items()
                if not any(done[j][other] >= i for third, j in needed.items() if third != other)
            }
            for i in waits.values():
                for engine in engines:
                    mine[engine] = max(mine[engine], done[i][engine])
            mine[operation.engine] = now
            done.append(dict(mine))
            present.append({other: i - now for other, i in sorted(waits.items())})
        rounds.append(present)
        if not repeated:
            break
    return _links(operations, rounds[-1])


def _links(operations: Sequence[Operation], waits: Sequence[Mapping[str, int]]) -> Links:
    """Return the links of waits, given as distances to the operations that are waited for."""
    count = len(operations)
    signals: list[list[str]] = [[] for _ in operations]
    carried: collections.Counter[Pair] = collections.Counter()
    for k, needed in enumerate(waits):
        for other, distance in needed.items():
            signals[(k + distance) % count].append(operations[k].engine)
            carried[other, operations[k].engine] += k + distance < 0
    return Links(waits=[list(needed) for needed in waits], signals=signals, carried=+carried)


assert TOKENS >= 12, "of four engines, one for each pair"
