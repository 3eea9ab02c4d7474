"""Parameters and model of the load balancer: sub-tiles paired so that PE rows end together.

A tile is the work of a row of processing elements (PE row) and takes a cycle for each of its
non-zero weights; a pass, a tile for each PE row, ends with its slowest PE row. Yang et al.,
"Procrustes", MICRO 2020 (arXiv 2009.10976), cut each tile in two and give each PE row one of the
larger halves with one of the smaller.
"""

import dataclasses
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ..arrays import Flags, Integers
from ..checks import array, divides, flag, instance, is_number, number, one_of, shown, whole
from ..errors import UserError
from ..parameters import Parameters
from ..timing import Timing
from .sorting import descending

__all__ = ["BalancerParameters", "balance", "counts", "imbalance", "pass_time"]

SUBTILES = (1, 2, 4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BalancerParameters(Parameters):
    """Parameters of ``load_balancer``.

    Parameters
    ----------
    pe_rows : int
        Rows of processing elements, 1..64.
    subtiles : int
        Sub-tiles of a tile: 1 (nothing is balanced), 2 (halves) or 4 (quarters).
    pointer_bits : int
        Bits of a pointer to a subtile's first value, 4..32.
    count_bits : int
        Bits of a subtile's number of values, 1..``pointer_bits``; a larger number counts as the
        largest that there is.
    wraps : bool
        Whether pointers count on from 0 behind the largest. Otherwise one that is less than the
        one before is an error.
    """

    PRESETS: ClassVar = {
        "halves": {},
        "quarters": {"pe_rows": 8, "subtiles": 4},
        "in_order": {"pe_rows": 4, "subtiles": 1},
    }

    pe_rows: int = 16
    subtiles: int = 2
    pointer_bits: int = 20
    count_bits: int = 12
    wraps: bool = False

    def __post_init__(self) -> None:
        """Check every field."""
        whole("pe_rows", self.pe_rows, 1, 64)
        one_of("subtiles", self.subtiles, SUBTILES)
        whole("pointer_bits", self.pointer_bits, 4, 32)
        whole("count_bits", self.count_bits, 1, self.pointer_bits)
        flag("wraps", self.wraps)

    @property
    def keys(self) -> int:
        """Sub-tiles of a pass."""
        return self.pe_rows * self.subtiles

    @property
    def pointers(self) -> int:
        """Pointers of a pass: where each sub-tile begins, and where the last one ends."""
        return self.keys + 1

    @property
    def number_bits(self) -> int:
        """Bits of a subtile's number."""
        return max(1, (self.keys - 1).bit_length())

    @property
    def folds(self) -> int:
        """How often a pass is sorted and folded."""
        return self.subtiles.bit_length() - 1

    @property
    def total_bits(self) -> int:
        """Bits of a PE row's number of values."""
        return self.count_bits + self.folds

    @property
    def timing(self) -> Timing:
        """Cycles from a pass's last pointer to its first PE row, and of a pass.

        Where nothing is sorted, from the pointer behind a PE row's sub-tile to the PE row.
        """
        collecting = sum((self.keys >> fold) - 1 for fold in range(1, self.folds))
        return Timing(
            latency=1 + 2 * self.folds + collecting,
            interval=self.period,
            drain=self.pe_rows - 1 if self.folds else 0,
        )

    @property
    def period(self) -> int:
        """Cycles from one pass to the next, without stalls."""
        return self.pointers if self.folds == 0 else self.keys + self.keys // 2

    def cycles(self, passes: int) -> int:
        """Cycles without stalls, from the first pointer accepted to the last PE row given."""
        return self.timing.job(passes, self.pointers)


def counts(
    parameters: BalancerParameters, pointers: npt.ArrayLike
) -> tuple[Integers, Flags, Flags]:
    """Return the values of each sub-tile, and which sub-tiles are flagged.

    Parameters
    ----------
    parameters : BalancerParameters
        Of the balancer.
    pointers : array of int, (passes, keys + 1)
        Where sub-tiles begin.

    Returns
    -------
    counts, decreasing, saturated : arrays, (passes, keys)
        Differences of pointers: 0, and ``decreasing``, where a pointer is less than the one before;
        the largest count, and ``saturated``, where there are more values.
    """
    p = instance("parameters", parameters, BalancerParameters)
    pointers = _passes("pointers", pointers, p.pointers, p.pointer_bits)
    difference = np.diff(pointers, axis=1)
    if p.wraps:
        difference %= 1 << p.pointer_bits
    most = (1 << p.count_bits) - 1
    return np.clip(difference, 0, most), difference < 0, difference > most


def balance(parameters: BalancerParameters, counts: npt.ArrayLike) -> Integers:
    """Return the numbers of each PE row's sub-tiles, (passes, pe_rows, subtiles).

    Halves are sorted, larger ones first and of equal ones that with the lower number, and PE row
    ``l`` takes the ``l``-th of them from either end: they are folded. Quarters are folded to pairs,
    these sorted by their sums and folded again. Of each fold the larger part is first.

    Parameters
    ----------
    parameters : BalancerParameters
        Of the balancer.
    counts : array of int, (passes, keys)
        Values of each sub-tile, those of PE row 0's tile first.
    """
    p = instance("parameters", parameters, BalancerParameters)
    total = _passes("counts", counts, p.keys, p.count_bits)
    subtiles = np.broadcast_to(np.arange(p.keys)[:, None], (*total.shape, 1))
    for _ in range(p.folds):
        order = descending(total)
        half = order.shape[1] // 2
        ends = order[:, :half], order[:, : half - 1 : -1]
        larger, smaller = (np.take_along_axis(total, end, 1) for end in ends)
        total = larger + smaller
        subtiles = np.concatenate(
            [np.take_along_axis(subtiles, end[:, :, None], 1) for end in ends], axis=2
        )
    return np.ascontiguousarray(subtiles)


def pass_time(counts: npt.ArrayLike, assignment: npt.ArrayLike) -> Integers:
    """Return the values of each pass's slowest PE row, (passes,)."""
    counts = array("counts", counts, "integer", shape=("passes", "keys"), low=0).astype(np.int64)
    shape, most = (len(counts), "pe_rows", "subtiles"), counts.shape[1] - 1
    assignment = array("assignment", assignment, "integer", shape=shape, low=0, high=most)
    if assignment[:1].size != counts[:1].size:
        raise UserError(
            f"assignment must name each of the {counts.shape[1]} sub-tiles of a pass, "
            f"not {assignment[:1].size}"
        )
    flat = assignment.reshape(len(counts), -1)
    of_pieces = np.take_along_axis(counts, flat, 1).reshape(assignment.shape)
    return of_pieces.sum(2).max(1)


def imbalance(
    *,
    tile: int,
    density: float,
    spread: float = 0.0,
    pe_rows: int = 16,
    subtiles: int = 2,
    passes: int = 20_000,
    seed: int = 1,
) -> float:
    """Return the time of random passes over that of PE rows which all end together, on average.

    Parameters
    ----------
    tile : int
        Weights of a tile; ``subtiles`` divides it.
    density : float
        Median of the tiles' shares of weights that are not zero, above 0 to 1.
    spread : float
        Standard deviation of the logarithm of a tile's density, 0..10; densities end at 1.
    pe_rows, subtiles : int
        As of `BalancerParameters`.
    passes : int
        Random passes, 1..1000000.
    seed : int
        Of the random numbers, from 0 on.
    """
    p = BalancerParameters(pe_rows=pe_rows, subtiles=subtiles)
    whole("tile", tile, 1, (1 << p.count_bits) - 1)
    divides("subtiles", subtiles, tile, f"the tile of {tile}")
    if not is_number(density) or not 0 < density <= 1:
        raise UserError(f"density must be a number above 0 to 1, not {shown(density)}")
    number("spread", spread, 0, 10)
    whole("passes", passes, 1, 10**6)
    whole("seed", seed, 0, 2**32 - 1)
    rng = np.random.default_rng(seed)
    of_tile = density * np.exp(rng.normal(0, spread, (passes, pe_rows)))
    chance = np.repeat(np.minimum(of_tile, 1.0), subtiles, axis=1)
    values = rng.binomial(tile // subtiles, chance)
    together = np.maximum(values.sum(1), 1) / pe_rows
    return float((pass_time(values, balance(p, values)) / together).mean())


def _passes(field: str, value: npt.ArrayLike, count: int, bits: int) -> Integers:
    """Check that ``value`` is an array of passes of so many numbers of so many bits."""
    most = (1 << bits) - 1
    return array(field, value, "integer", shape=("passes", count), low=0, high=most).astype(
        np.int64
    )
