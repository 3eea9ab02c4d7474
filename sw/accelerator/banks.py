"""Places of tensors in the banks of the scratchpad."""

import functools
import itertools
from collections.abc import Mapping, Sequence, Set

from ..errors import CapacityError
from .operations import Operation, Tensor
from .parameters import MOST_BANK_WORDS, AcceleratorParameters
from .schedule import overlaps

__all__ = ["Place", "place"]

Place = tuple[int, int]
"""A bank and the first word in it."""


def place(
    parameters: AcceleratorParameters, once: Sequence[Operation], loop: Sequence[Operation]
) -> dict[Tensor, Place]:
    """Return places such that no operation reads a bank twice at the same time.

    The largest tensor comes first, each into the bank for whose reader or writer operations of the
    loop would wait for the fewest cycles; or, if that leaves no room for one, into the fullest
    bank. `CapacityError` where there is none.
    """
    p = parameters
    tensors = list(
        dict.fromkeys(window.tensor for op in (*once, *loop) for window in op.windows.values())
    )
    needed = sum(tensor.words for tensor in tensors)
    if needed > p.banks * p.bank_words:
        raise CapacityError(
            f"scratchpad must have {needed} words for all tensors, and {p.banks} banks of "
            f"{p.bank_words} have {p.banks * p.bank_words}: set larger banks or a smaller batch"
        )
    pairs = (itertools.combinations(op.reads_at_once, 2) for op in (*once, *loop))
    apart = {frozenset(pair) for pair in itertools.chain.from_iterable(pairs)}
    assert all(len(pair) == 2 for pair in apart), "no operation reads a tensor twice"
    tensors.sort(key=lambda tensor: -tensor.words)
    largest = tensors[0]
    if largest.words > MOST_BANK_WORDS:
        raise CapacityError(
            f"{largest.name} must fit a bank of {MOST_BANK_WORDS} words at most, not take "
            f"{largest.words}: set more values a word or a smaller batch"
        )
    if largest.words > p.bank_words:
        raise CapacityError(
            f"bank_words must be {largest.words} or more for {largest.name}, not {p.bank_words}"
        )
    try:
        return _fill(p, tensors, apart, overlaps(p, loop))
    except CapacityError:
        return _fill(p, tensors, apart, None)


def _fill(
    p: AcceleratorParameters,
    tensors: Sequence[Tensor],
    apart: Set[frozenset[Tensor]],
    cost: Mapping[frozenset[Tensor], int] | None,
) -> dict[Tensor, Place]:
    """Place tensors where they cost least, or, without costs, in the fullest bank."""
    used = [0] * p.banks
    inside: list[list[Tensor]] = [[] for _ in used]
    places: dict[Tensor, Place] = {}

    def rank(tensor: Tensor, bank: int) -> tuple[int, int]:
        if cost is None:
            return 0, -used[bank]
        return sum(cost.get(frozenset([tensor, other]), 0) for other in inside[bank]), used[bank]

    for tensor in tensors:
        legal = [
            bank
            for bank in range(p.banks)
            if used[bank] + tensor.words <= p.bank_words
            and not any(frozenset([tensor, other]) in apart for other in inside[bank])
        ]
        if not legal:
            raise CapacityError(
                f"banks must have room for {tensor.words} words of {tensor.name} beside "
                f"{sum(used)} words of larger tensors, apart from what is read with them, and "
                f"{p.banks} banks of {p.bank_words} have not: set larger or more banks, or a "
                "smaller batch"
            )
        found = min(legal, key=functools.partial(rank, tensor))
        places[tensor] = found, used[found]
        used[found] += tensor.words
        inside[found].append(tensor)
    return places
