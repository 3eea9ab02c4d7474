"""Cycles of the sparse array: every wave's way through it, without stalls outside."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ..checks import array, instance, whole
from ..errors import UserError
from ..formats.binary32 import ADDER_LATENCY
from .array_parameters import Job, SparseArrayParameters
from .load_balancer import balance, wave_time

__all__ = ["COLLECT_LATENCY", "PATCH_LATENCY", "Waves", "array_cycles", "count_waves", "waves_of"]

Integers = npt.NDArray[np.int64]

PATCH_LATENCY = 4
"""Cycles from a step to the last use of its patch."""

COLLECT_LATENCY = 4 + ADDER_LATENCY
"""Cycles from the reading of a sum to its total."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """What the time of waves depends on.

    Parameters
    ----------
    fetched : array of int, (waves,)
        Cycles in which entries are stored, for each beat of a mask at least one.
    most : array of int, (waves,)
        Entries of the line that has the most.
    """

    fetched: Integers
    most: Integers

    def __post_init__(self) -> None:
        """Check types and shapes."""
        fetched = array("fetched", self.fetched, "integer", shape=("waves",), low=0)
        most = array("most", self.most, "integer", shape=fetched.shape, low=0)
        object.__setattr__(self, "fetched", fetched)
        object.__setattr__(self, "most", most)


def waves_of(p: SparseArrayParameters, job: Job, mask: npt.ArrayLike) -> Waves:
    """Return what the time of waves of such masks, (waves, slots, rows, depth), depends on."""
    _check(p, job)
    mask = array("mask", mask, "bool", shape=("waves", p.slots, job.rows, job.depth))
    fill = job.beats(p) * p.mask_bits - job.depth
    beats = np.pad(mask, ((0, 0), (0, 0), (0, 0), (0, fill)))
    bits = beats.reshape(*mask.shape[:3], -1, p.mask_bits).sum(-1)
    return count_waves(p, job, bits)


def count_waves(p: SparseArrayParameters, job: Job, bits: npt.ArrayLike) -> Waves:
    """Return the same from the bits set in each beat of masks, (waves, slots, rows, beats)."""
    _check(p, job)
    shape = ("waves", p.slots, job.rows, "beats")
    bits = array("bits", bits, "integer", shape=shape, low=0, high=p.mask_bits).astype(np.int64)
    if not bits.size:
        raise UserError(f"bits must be those of a wave or more, not of shape {bits.shape}")
    values = bits.sum(-1)
    entries = np.maximum(values, 1).sum(-1)
    waves = len(entries)
    in_order = np.arange(p.slots).reshape(1, p.lines, p.pieces)
    lines = np.broadcast_to(in_order, (waves, p.lines, p.pieces))
    if job.mode == "sparse" and job.balanced:
        counts = np.minimum(values.sum(-1), (1 << p.balancer.count_bits) - 1)
        lines = balance(p.balancer, counts)
    return Waves(
        fetched=np.maximum(-(-bits // p.fetch), 1).sum((1, 2, 3)), most=wave_time(entries, lines)
    )


def _check(p: SparseArrayParameters, job: Job) -> None:
    """Check what all take."""
    instance("p", p, SparseArrayParameters)
    instance("job", job, Job)


def array_cycles(p: SparseArrayParameters, job: Job, waves: Waves, *, latency: int) -> int:
    """Return the cycles from the first beat taken to the last one given.

    Parameters
    ----------
    p : SparseArrayParameters
        Of the array.
    job : Job
        What it is told.
    waves : Waves
        Of the job.
    latency : int
        Cycles from a step to its sums in memory, `hw.sparse.pe_row.PeRow.latency`.
    """
    _check(p, job)
    instance("waves", waves, Waves)
    latency = whole("latency", latency, 1, 2**31 - 1)
    sparse = job.mode == "sparse"
    given = job.given(p)
    b = p.balancer
    placing = b.keys + b.latency + (b.keys if b.folds else 1)
    # Of the last waves, the latest one last: pointers, fetched, patch, applied, read.
    pointers, read = [-b.period], [-1] * 4
    fetched = patched = -1
    applied = [-PATCH_LATENCY - 1] * 2
    for most, entries in zip(waves.most.tolist(), waves.fetched.tolist(), strict=True):
        free = applied[0] + PATCH_LATENCY + 1
        begin = max(fetched + 1, free)
        if sparse:
            pointers = [max(pointers[0] + b.period, read[0] + 1)]
            begin = max(begin, pointers[0] + placing + 1)
        fetched = begin + 2 + entries
        patched = max(patched + 1, free) + job.patch - 1
        start = max(fetched + 4, patched + 1, read[-2] + 1, applied[-1])
        applied = [applied[-1], start + most * job.spacing]
        collect = max(applied[-1] + latency + 1, read[-1] + 1)
        read = [*read[1:], collect + given + COLLECT_LATENCY]
    return read[-1] + 2
