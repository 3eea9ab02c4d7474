"""When operations of a loop would be under way if only what they read and write held them up."""

import collections
import itertools
from collections.abc import Sequence

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

__all__ = ["first_spare", "in_time", "overlaps"]

GAP = 8
"""Cycles, about, from the end of an operation to the beginning of what waits for it."""

FREE = "vec"
"""The engine that may take operations in another order than that of the program: nothing but
tensors, in a loop, is left by one of its operations to the next."""

Use = tuple[Window, bool]
"""A window of an operation, and whether it is written."""


def _cycles(p: AcceleratorParameters, operation: Operation) -> int:
    """Return the cycles of an operation, about; those of a memory that never stalls."""
    fields, name = {"fold": 0, "more": 0, **operation.fields}, operation.name
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


class _Clock:
    """Operations one after the other, and when engines and tensors are free for them.

    A tensor has one reader and one writer at a time, and so has each engine one operation.

    Parameters
    ----------
    parameters : AcceleratorParameters
    operations : sequence of Operation

    Members
    -------
    follows : list of list of int
        For each operation the earlier ones whose results it reads, or that read or write what it
        overwrites.
    """

    def __init__(self, parameters: AcceleratorParameters, operations: Sequence[Operation]) -> None:
        self.follows: list[list[int]] = []
        self._long = [_cycles(parameters, operation) for operation in operations]
        self._needs: list[list[str | tuple[Tensor, bool]]] = []
        self._free: collections.Counter[str | tuple[Tensor, bool]] = collections.Counter()
        seen: collections.defaultdict[Tensor, list[tuple[int, Window, bool]]] = (
            collections.defaultdict(list)
        )
        for k, operation in enumerate(operations):
            uses = _uses(operation)
            tensors = [(window.tensor, writes) for window, writes in uses]
            self._needs.append([operation.engine, *tensors])
            follows = {
                i
                for window, writes in uses
                for i, other, written in seen[window.tensor]
                if (writes or written) and window.meets(other)
            }
            self.follows.append(sorted(follows))
            for window, writes in uses:
                seen[window.tensor].append((k, window, writes))

    def begin(self, k: int, since: int) -> int:
        """Return when an operation can begin that is held up until then."""
        return max(since, *(self._free[need] for need in self._needs[k]))

    def take(self, k: int, start: int) -> int:
        """Return when an operation ends that begins now."""
        end = start + self._long[k]
        for need in self._needs[k]:
            self._free[need] = end
        return end


def first_spare(
    parameters: AcceleratorParameters,
    passes: Sequence[Sequence[Operation]],
    operations: Sequence[Operation],
) -> int:
    """Return in which pass the quantizer first has time for operations; 0 if in none.

    That is while the array multiplies and the quantizer has nothing else to do.
    """

    def spent(some: Sequence[Operation], engine: str) -> int:
        return sum(_cycles(parameters, each) for each in some if each.engine == engine)

    needed = spent(operations, "quant")
    spare = (spent(each, "prod") - spent(each, "quant") for each in passes)
    return next((n for n, cycles in enumerate(spare) if cycles >= needed), 0)


def in_time(parameters: AcceleratorParameters, loop: Sequence[Operation]) -> list[Operation]:
    """Return the operations of a loop in the order in which they would begin.

    Engines take them in order, but the vector engine the first one that nothing holds up. What is
    read, and what is overwritten, is as before.
    """
    assert all(operation.name != "vec.scalar" for operation in loop), "registers are no tensors"
    clock = _Clock(parameters, loop)
    follows = [set(found) for found in clock.follows]
    last: dict[str, int] = {}
    for k, operation in enumerate(loop):
        if operation.engine != FREE:
            follows[k] |= {last[operation.engine]} if operation.engine in last else set()
            last[operation.engine] = k
    leads: list[list[int]] = [[] for _ in loop]
    for k, found in enumerate(follows):
        for i in found:
            leads[i].append(k)
    since = [0] * len(loop)
    ready = {k for k, found in enumerate(follows) if not found}
    order: list[Operation] = []
    while ready:
        start, k = min((clock.begin(k, since[k]), k) for k in ready)
        ready.remove(k)
        order.append(loop[k])
        end = clock.take(k, start)
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
    clock = _Clock(parameters, twice)
    times: list[tuple[int, int]] = []
    for k, follows in enumerate(clock.follows):
        start = clock.begin(k, max((times[i][1] for i in follows), default=0))
        times.append((start, clock.take(k, start)))
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
