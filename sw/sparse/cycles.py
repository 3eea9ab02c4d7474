"""Cycles of the sparse array: every pass's way through it, without stalls outside."""

import dataclasses

import numpy as np
import numpy.typing as npt

from ..checks import array, instance
from ..errors import UserError
from .array_parameters import Job, SparseArrayParameters
from .load_balancer import balance, pass_time
from .stages import COLLECT_LATENCY, PATCH_LATENCY, pe_row_latency

__all__ = ["Passes", "array_cycles", "count_passes", "passes_of"]

Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Passes:
    """What the time of passes depends on.

    Parameters
    ----------
    fetched : array of int, (passes,)
        Cycles in which nonzeros are stored, for each beat of a mask at least one.
    most : array of int, (passes,)
        Nonzeros of the PE row that has the most.
    """

    fetched: Integers
    most: Integers

    def __post_init__(self) -> None:
        """Check types and shapes."""
        fetched = array("fetched", self.fetched, "integer", shape=("passes",), low=0)
        most = array("most", self.most, "integer", shape=fetched.shape, low=0)
        object.__setattr__(self, "fetched", fetched)
        object.__setattr__(self, "most", most)


def passes_of(p: SparseArrayParameters, job: Job, mask: npt.ArrayLike) -> Passes:
    """Return what the time depends on of passes of masks (passes, pass_subtiles, rows, depth)."""
    _check(p, job)
    mask = array("mask", mask, "bool", shape=("passes", p.pass_subtiles, job.rows, job.depth))
    fill = job.beats(p) * p.mask_bits - job.depth
    beats = np.pad(mask, ((0, 0), (0, 0), (0, 0), (0, fill)))
    bits = beats.reshape(*mask.shape[:3], job.beats(p), p.mask_bits).sum(-1)
    return count_passes(p, job, bits)


def count_passes(p: SparseArrayParameters, job: Job, bits: npt.ArrayLike) -> Passes:
    """Return the same from the bits set in each beat of a mask.

    ``bits`` has the shape (passes, pass_subtiles, rows, beats).
    """
    _check(p, job)
    shape = ("passes", p.pass_subtiles, job.rows, "beats")
    bits = array("bits", bits, "integer", shape=shape, low=0, high=p.mask_bits).astype(np.int64)
    if not bits.size:
        raise UserError(f"bits must be those of a pass or more, not of shape {bits.shape}")
    values = bits.sum(-1)
    nonzeros = np.maximum(values, 1).sum(-1)
    passes = len(nonzeros)
    in_order = np.arange(p.pass_subtiles).reshape(1, p.pe_rows, p.subtiles)
    pe_rows = np.broadcast_to(in_order, (passes, p.pe_rows, p.subtiles))
    if job.mode == "sparse" and job.balanced:
        counts = np.minimum(values.sum(-1), (1 << p.balancer.count_bits) - 1)
        pe_rows = balance(p.balancer, counts)
    return Passes(
        fetched=np.maximum(-(-bits // p.issue_width), 1).sum((1, 2, 3)),
        most=pass_time(nonzeros, pe_rows),
    )


def _check(p: SparseArrayParameters, job: Job) -> None:
    """Check what all take."""
    instance("p", p, SparseArrayParameters)
    instance("job", job, Job)


def array_cycles(p: SparseArrayParameters, job: Job, passes: Passes) -> int:
    """Return the cycles from the first beat taken to the last one given.

    Parameters
    ----------
    p : SparseArrayParameters
        Of the array.
    job : Job
        What it is told.
    passes : Passes
        Of the job.
    """
    _check(p, job)
    instance("passes", passes, Passes)
    latency = pe_row_latency(p.target)
    sparse = job.mode == "sparse"
    given = job.given(p)
    b = p.balancer
    placing = b.keys + b.timing.latency + (b.keys if b.folds else 1)
    # Of the last passes, the latest one last: pointers, fetched, patch, applied, read.
    pointers, read = [-b.period], [-1] * 4
    fetched = patched = -1
    applied = [-PATCH_LATENCY - 1] * 2
    for most, nonzeros in zip(passes.most.tolist(), passes.fetched.tolist(), strict=True):
        free = applied[0] + PATCH_LATENCY + 1
        begin = max(fetched + 1, free)
        if sparse:
            pointers = [max(pointers[0] + b.period, read[0] + 1)]
            begin = max(begin, pointers[0] + placing + 1)
        fetched = begin + 2 + nonzeros
        patched = max(patched + 1, free) + job.patch - 1
        start = max(fetched + 4, patched + 1, read[-2] + 1, applied[-1])
        applied = [applied[-1], start + most * job.spacing]
        collect = max(applied[-1] + latency + 1, read[-1] + 1)
        read = [*read[1:], collect + given + COLLECT_LATENCY]
    return read[-1] + 2
