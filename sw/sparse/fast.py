"""Sparse training by compiled loops: the bits of the plain models, and far faster.

`estimate` here is that of `sw.sparse.quantile_estimator`, and `scan` is that of
`sw.sparse.multiplicative`. numba compiles the loops when they are first called and keeps what it
made.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..jit import njit
from . import multiplicative
from . import quantile_estimator as quantile
from .multiplicative import Scan
from .quantile_estimator import Estimates, QuantileParameters

__all__ = ["estimate", "scan"]

jit: Any = njit()


def estimate(
    parameters: QuantileParameters,
    x: npt.ArrayLike,
    *,
    present: npt.ArrayLike | None = None,
    last: npt.ArrayLike | None = None,
    start: int | quantile.Integers | None = None,
) -> Estimates:
    """Return what `sw.sparse.quantile_estimator.estimate` returns."""
    p = parameters
    pattern, here, ends, state = quantile.beats_of(p, x, present, last, start)
    keep = np.empty(pattern.shape, np.bool_)
    bounds = p.least, p.most
    _scan(pattern, here, ends, state, p.guard, p.unit, p.down, p.start, bounds, keep)
    shape = np.shape(x)
    kept = keep.ravel()[: math.prod(shape)].reshape(shape)
    return Estimates(mask=kept, state=state, guard=p.guard)


@jit
def _scan(pattern, here, ends, state, guard, unit, down, start, bounds, keep):
    """Decide each beat by the first of the state, then move the state on."""
    least, most = bounds
    for beat in range(len(pattern)):
        bound = state[0] >> guard
        change = 0
        for lane in range(pattern.shape[1]):
            above = here[beat, lane] and np.int64(pattern[beat, lane]) > bound
            keep[beat, lane] = above
            change += (np.int64(above) << unit) - down * here[beat, lane]
        new = min(max(state[-1] + change, least), most)
        for place in range(len(state) - 1):
            state[place] = state[place + 1]
        state[-1] = new
        if ends[beat]:
            state[:] = start


def scan(values: npt.ArrayLike, *, keep: float, rate: float, first: float) -> Scan:
    """Return what `sw.sparse.multiplicative.scan` returns."""
    x, up, down = multiplicative.factors(values, keep, rate, first)
    kept = np.empty(x.size, np.bool_)
    bounds = multiplicative.SMALLEST, multiplicative.LARGEST
    last, total = _multiply(x, float(first), up, down, bounds, kept)
    return Scan(mask=kept, last=last, mean=total / x.size if x.size else last)


@jit
def _multiply(x, estimate, up, down, bounds, kept):
    """Decide each value by the estimate, then move it."""
    least, most = bounds
    total = 0.0
    for place in range(len(x)):
        kept[place] = not np.float64(x[place]) <= estimate
        estimate *= up if kept[place] else down
        estimate = min(max(estimate, least), most)
        total += estimate
    return estimate, total
