"""The streaming estimate of a quantile as Procrustes' authors have it, in software only.

The estimate is multiplied by ``1 + rate * (1 - keep)`` for each value that is above it, and by
``1 - rate * keep`` for each other one, so that a step is exactly its share of the estimate
(A. Yazidi and H. Hammer, "Multiplicative update methods for incremental quantile estimation", IEEE
Trans. Cybernetics 49(3), 2019; the authors' repository ``qe-cpp``). `sw.sparse.quantile_estimator`,
which is the circuit's, takes steps of half to all of that. All is computed in binary64: in the
authors' binary32 their usual rate of 1e-6 is off by several per cent, for ``1 + rate`` then has one
or two bits of it.
"""

import dataclasses

import numpy as np
import numpy.typing as npt

from ..checks import array, number

__all__ = ["LARGEST", "SMALLEST", "Scan", "scan"]

SMALLEST, LARGEST = (float(each) for each in (2.0**-126, np.finfo(np.float32).max))
"""Bounds of an estimate: those of a normal binary32."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Scan:
    """What a pass over values found.

    Parameters
    ----------
    mask : array of bool
        Which values were above the estimate before they moved it.
    last, mean : float
        The last estimate, and the mean of the estimates after each value.
    """

    mask: npt.NDArray[np.bool_]
    last: float
    mean: float


def scan(values: npt.ArrayLike, *, keep: float, rate: float, first: float) -> Scan:
    """Return which values are above the estimate, one after the other.

    Parameters
    ----------
    values : array of float32, of one dimension
        Not negative; a NaN is above every estimate.
    keep : float
        Share of the values that is to be kept.
    rate : float
        By what share of itself the estimate moves.
    first : float
        First estimate.
    """
    x, up, down = factors(values, keep, rate, first)
    kept = np.zeros(x.size, np.bool_)
    estimate, total = float(first), 0.0
    for place, value in enumerate(x.tolist()):
        kept[place] = not value <= estimate
        estimate *= up if kept[place] else down
        estimate = min(max(estimate, SMALLEST), LARGEST)
        total += estimate
    return Scan(mask=kept, last=estimate, mean=total / x.size if x.size else estimate)


def factors(
    values: npt.ArrayLike, keep: float, rate: float, first: float
) -> tuple[npt.NDArray[np.float32], float, float]:
    """Check the arguments of `scan`; return values, and the factors up and down."""
    x = array("values", values, "float32", shape=("values",))
    number("keep", keep, 0, 1)
    number("rate", rate, 0, 1)
    number("first", first, SMALLEST, LARGEST)
    return x, 1 + rate * (1 - keep), 1 - rate * keep
