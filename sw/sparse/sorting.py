"""Sorting by insertion: the order it gives, and its network of compare-exchanges."""

import numpy as np
import numpy.typing as npt

from ..checks import array

__all__ = ["Network", "descending", "exchange", "insertion_network"]

Network = tuple[tuple[tuple[int, int], ...], ...]
"""Passes of compare-exchanges between two places; after each the first place has the larger key."""


def _keys(keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Check keys."""
    most = 2**63 - 1
    found = array("keys", keys, "integer", shape=(..., "keys"), low=-most, high=most)
    return found.astype(np.int64)


def descending(keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the places of the last axis's keys from the largest down; of equal ones the first."""
    return np.argsort(-_keys(keys), axis=-1, kind="stable")


def insertion_network(keys: int) -> Network:
    """Return the network that `hw.sparse.sorter.FoldingSorter` goes through, a pass a key.

    In pass ``k`` key ``k`` meets the ``k`` keys sorted before, from the largest down, and goes on
    with the smaller one of the two. A circuit that knows them sorted need not wait for one meeting
    to have the next: the key comes before all keys that it exceeds. Equal keys, which the network
    distinguishes by their places, leave it in the order of `descending`.
    """
    return tuple(tuple((place, k) for place in range(k)) for k in range(1, keys))


def exchange(network: Network, keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the keys of the first axis as a network leaves them, all of the others at once."""
    sorted_keys = _keys(keys).copy()
    for one_pass in network:
        for first, second in one_pass:
            pair = sorted_keys[[first, second]]
            sorted_keys[first], sorted_keys[second] = pair.max(0), pair.min(0)
    return sorted_keys
