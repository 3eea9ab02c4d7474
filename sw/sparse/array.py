"""Model of the sparse array: rows of non-zeros by a dense operand, binary32."""

import numpy as np
import numpy.typing as npt

from ..arrays import Floats, Integers
from ..checks import array, instance
from ..errors import UserError
from ..formats import binary32
from .array_parameters import Job, SparseArrayParameters

__all__ = ["apply"]

Mask = npt.NDArray[np.bool_]


def apply(
    parameters: SparseArrayParameters,
    job: Job,
    *,
    mask: Mask,
    values: npt.ArrayLike,
    x: npt.ArrayLike,
    offsets: npt.ArrayLike,
    bases: npt.ArrayLike,
    shifts: npt.ArrayLike,
) -> Floats:
    """Return the sums of jobs, binary32 of shape (tiles, pass_subtiles, rows, pixels, columns).

    The products of a row are added up in the order of its places, from +0; so are then
    the passes of a tile. What a mask leaves out is not multiplied, not even by an infinity.

    Parameters
    ----------
    parameters : SparseArrayParameters
        Of the array.
    job : Job
        Job descriptor.
    mask : array of bool, (passes, pass_subtiles, rows, depth)
        Places of the values; all in mode ``dense``.
    values : array of float32, (non-zeros,)
        In the order of the mask.
    x : array of float32, (passes, patch, columns)
        The dense operand.
    offsets : array of int, (depth,)
        Rows of the patch from a position's first.
    bases : array of int, (pixels,)
        First row of the patch of each position.
    shifts : array of int, (pass_subtiles * rows,)
        Rows of the patch to be added for each row of a pass, so that rows may have channels of
        their own.
    """
    p = instance("parameters", parameters, SparseArrayParameters)
    instance("job", job, Job).check(p)
    mask = array("mask", mask, "bool", shape=("passes", p.pass_subtiles, job.rows, job.depth))
    values = array("values", values, "float32", shape=(int(mask.sum()),))
    x = array("x", x, "float32", shape=(len(mask), job.patch, p.columns))
    steps = {"shifts": (shifts, p.pass_subtiles * job.rows), "offsets": (offsets, job.depth)}
    shift, offset, base = (
        array(name, value, "integer", shape=(count,), low=0, high=job.patch - 1).astype(np.int64)
        for name, (value, count) in (steps | {"bases": (bases, job.pixels)}).items()
    )
    places = shift[:, None, None] + offset[:, None] + base
    _check(p, job, mask, places)
    passes = len(mask)
    rows = p.pass_subtiles * job.rows
    dense = np.zeros(mask.shape, np.float32)
    dense[mask] = values
    dense, mask = dense.reshape(passes, rows, -1), mask.reshape(passes, rows, -1)
    sums = np.zeros((passes // job.passes, rows, job.pixels, p.columns), np.float32)
    for number in range(passes):
        part = np.zeros(sums.shape[1:], np.float32)
        for place in np.flatnonzero(mask[number].any(0)):
            on = mask[number, :, place]
            products = binary32.multiply(
                dense[number, on, place][:, None, None], x[number, places[on, place]]
            )
            part[on] = binary32.add(part[on], products)
        sums[number // job.passes] = binary32.add(sums[number // job.passes], part)
    return sums.reshape(-1, p.pass_subtiles, job.rows, job.pixels, p.columns)


def _check(p: SparseArrayParameters, job: Job, mask: Mask, places: Integers) -> None:
    """Raise `UserError` unless passes, rows of the patch and masks fit the job."""
    passes = len(mask)
    if not passes or passes % job.passes:
        raise UserError(f"mask must have a multiple of {job.passes} passes, not {passes}")
    if places.max() >= job.patch:
        raise UserError(
            f"shifts, offsets and bases must stay inside the patch of {job.patch} rows, "
            f"not reach {places.min()} to {places.max()}"
        )
    if job.mode == "dense" and not mask.all():
        raise UserError("mask must have all bits set in mode dense")
    if job.mode == "structured":
        kept = mask.reshape(*mask.shape[:-1], -1, p.group).sum(-1)
        if (kept != job.keep).any():
            raise UserError(f"mask must have {job.keep} bits set in each group of {p.group}")
