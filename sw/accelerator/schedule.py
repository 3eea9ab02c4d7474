"""When operations of a loop would be under way if only what they read and write held them up."""

import collections
import itertools
from collections.abc import Iterator, Sequence

from .operations import Operation, Tensor, Window
from .parameters import AcceleratorParameters
from .timing import (
    FACTOR,
    SCALAR,
    product_cycles,
    quantize_cycles,
    search_cycles,
    vector_cycles,
)

__all__ = ["in_time", "overlaps"]

GAP = 8
"""Cycles, about, from the end of an operation to the beginning of what waits for it."""

FREE = "vec"
"""The engine that may take operations in another order than that of the program: nothing but
tensors, in a loop, is left by one of its operations to the next."""

Use = tuple[Window, bool]
"""A window of an operation, and whether it is written."""


def _cycles(p: AcceleratorParameters, operation: Operation) -> int:
    """Return the cycles of an operation, about; those of a memory that never stalls."""
    fields, name = {"fold": 0, **operation.fields}, operation.name
    if operation.engine == "dma":
        once = fields["rows"] * fields["words"] * p.word_bits // p.port_bits
    elif name in ("vec.scalar", "prod.alpha"):
        once = SCALAR if name == "vec.scalar" else FACTOR
    else:
        once = {
            "vec.map": vector_cycles,
            "quant.quantize": quantize_cycles,
            "quant.amax": search_cycles,
            "prod.multiply": product_cycles,
        }[name](p, fields)
    return operation.times * (once + GAP)


def _uses(operation: Operation) -> list[Use]:
    """Return the windows of an operation."""
    uses = [(window, True) for window in operation.targets]
    return uses + [(window, False) for window in operation.sources]


def _earlier(operations: Sequence[Operation]) -> Iterator[list[int]]:
    """Give for each operation the earlier ones that it must follow.

    It reads what they write, or writes what they read or write.
    """
    seen: collections.defaultdict[Tensor, list[tuple[int, Window, bool]]] = collections.defaultdict(
        list
    )
    for k, operation in enumerate(operations):
        uses = _uses(operation)
        yield [
            i
            for window, writes in uses
            for i, other, written in seen[window.tensor]
            if (writes or written) and window.meets(other)
        ]
        for window, writes in uses:
            seen[window.tensor].append((k, window, writes))


class _Clock:
    """When engines, and the reader and the writer of each tensor, are free.

    Parameters
    ----------
    parameters : AcceleratorParameters
    """

    def __init__(self, parameters: AcceleratorParameters) -> None:
        self._parameters = parameters
        self._free: collections.Counter[str | tuple[Tensor, bool]] = collections.Counter()

    @staticmethod
    def _needs(operation: Operation) -> list[str | tuple[Tensor, bool]]:
        return [operation.engine, *((window.tensor, writes) for window, writes in _uses(operation))]

    def begin(self, operation: Operation, since: int) -> int:
        """Return when an operation can begin that is held up until then."""
        return max(since, *(self._free[need] for need in self._needs(operation)))

    def take(self, operation: Operation, start: int) -> int:
        """Return when an operation ends that begins now."""
        end = start + _cycles(self._parameters, operation)
        for need in self._needs(operation):
            self._free[need] = end
        return end


def in_time(parameters: AcceleratorParameters, loop: Sequence[Operation]) -> list[Operation]:
    """Return the operations of a loop in the order in which they would begin.

    Engines take them in order, but the vector engine the first one that nothing holds up. What is
    read, and what is overwritten, is as before.
    """
    follows = [set(found) for found in _earlier(loop)]
    last: dict[str, int] = {}
    for k, operation in enumerate(loop):
        if operation.engine != FREE:
            follows[k] |= {last[operation.engine]} if operation.engine in last else set()
            last[operation.engine] = k
    leads: list[list[int]] = [[] for _ in loop]
    for k, found in enumerate(follows):
        for i in found:
            leads[i].append(k)
    clock = _Clock(parameters)
    since = [0] * len(loop)
    ready = {k for k, found in enumerate(follows) if not found}
    order: list[Operation] = []
    while ready:
        start, k = min((clock.begin(loop[k], since[k]), k) for k in ready)
        ready.remove(k)
        order.append(loop[k])
        end = clock.take(loop[k], start)
        for i in leads[k]:
            since[i] = max(since[i], end)
            follows[i].remove(k)
            if not follows[i]:
                ready.add(i)
    return order


def overlaps(
    parameters: AcceleratorParameters, loop: Sequence[Operation]
) -> collections.Counter[frozenset[Tensor]]:
    """Return the cycles in which operations of a loop read, or write, two tensors at once.

    Engines take them in order, again and again.
    """
    twice = [*loop, *loop]
    times: list[tuple[int, int]] = []
    clock = _Clock(parameters)
    for operation, follows in zip(twice, _earlier(twice), strict=True):
        start = clock.begin(operation, max((times[i][1] for i in follows), default=0))
        times.append((start, clock.take(operation, start)))
    cost: collections.Counter[frozenset[Tensor]] = collections.Counter()
    active: list[int] = []
    for k in sorted(range(len(twice)), key=times.__getitem__):
        start, end = times[k]
        active = [i for i in active if times[i][1] > start]
        for i in active:
            one, other = twice[k], twice[i]
            both = min(end, times[i][1]) - start
            for pair in itertools.chain(
                itertools.product(one.reads, other.reads),
                itertools.product(one.writes, other.writes),
            ):
                cost[frozenset(pair)] += both
        active.append(k)
    return cost
