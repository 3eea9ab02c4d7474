"""Errors of approximate multipliers, over all pairs of fractions."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..arrays import Integers
from ..checks import instance, shown, whole
from ..errors import UserError
from .multipliers import LARGEST_BITS, Multiplier

__all__ = ["EXHAUSTIVE_BITS", "Errors", "measure", "untruncated"]

EXHAUSTIVE_BITS = 12
CLASSES_OF_ONE = 1000


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Errors:
    """Relative errors of products, (product - exact) / exact, of equally likely fractions.

    Parameters
    ----------
    bias, mean, rms : float
        Their mean, the mean of their magnitudes, and the root of the mean of their squares.
    least, largest : float
        The ends of their range.
    edges, shares : arrays of float, (n + 1,) and (n,)
        Their distribution: the share of pairs in each class, a tenth of a percent wide.
    """

    bias: float
    mean: float
    rms: float
    least: float
    largest: float
    edges: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]

    @property
    def peak(self) -> float:
        """The largest magnitude."""
        return max(-self.least, self.largest)


def measure(
    codes: Callable[[Integers, Integers], Any], bits: int, *, fraction_bits: int | None = None
) -> Errors:
    """Return the errors of a function of fractions, `Multiplier.codes` or `Table.codes`.

    All pairs are tried up to 12 bits; beyond, 4096 x 4096 pairs, evenly spaced.

    Parameters
    ----------
    codes : callable
        Takes fractions x and y and returns ``carry << p | fraction``.
    bits : int
        Of the sampled fractions.
    fraction_bits : int or None
        Of the fraction returned, p; None for as many.
    """
    if not callable(codes):
        raise UserError(f"codes must be a function of fractions, not {shown(codes)}")
    whole("bits", bits, 1, LARGEST_BITS)
    point = bits if fraction_bits is None else whole("fraction_bits", fraction_bits, 1, 62)
    step = max(bits - EXHAUSTIVE_BITS, 0)
    fractions = (np.arange(1 << (bits - step), dtype=np.int64) << step) + (1 << step >> 1)
    exact = 1 + np.ldexp(fractions, -bits)
    count = 0
    total = magnitude = square = 0.0
    least, largest = np.inf, -np.inf
    # Products are of 1 up to 4, and so are the exact ones.
    edges = np.arange(-CLASSES_OF_ONE, 3 * CLASSES_OF_ONE + 1) / CLASSES_OF_ONE
    shares = np.zeros(len(edges) - 1)
    for rows in np.array_split(fractions, max(1, len(fractions) // 128)):
        code = codes(rows[:, None], fractions)
        carry, fraction = code >> point, code & ((1 << point) - 1)
        value = np.ldexp(1 + np.ldexp(fraction, -point), carry)
        error = value / np.multiply.outer(1 + np.ldexp(rows, -bits), exact) - 1
        count += error.size
        total += error.sum()
        magnitude += np.abs(error).sum()
        square += (error**2).sum()
        least, largest = min(least, error.min()), max(largest, error.max())
        shares += np.histogram(error, edges)[0]
    used = np.flatnonzero(shares)
    first, stop = used[0], used[-1] + 1
    return Errors(
        bias=total / count,
        mean=magnitude / count,
        rms=float(np.sqrt(square / count)),
        least=float(least),
        largest=float(largest),
        edges=edges[first : stop + 1],
        shares=shares[first:stop] / count,
    )


def untruncated(multiplier: Multiplier, bits: int) -> Errors:
    """Return the errors of a multiplier's products before they are cut to ``bits``."""
    bits = instance("multiplier", multiplier, Multiplier).check(bits)
    one = 1 << bits

    def codes(x: Integers, y: Integers) -> Integers:
        product = multiplier.product(x + one, y + one, bits)
        carry = product >> (2 * bits + 1)
        return carry << (2 * bits + 1) | (product << (1 - carry)) & ((2 << 2 * bits) - 1)

    return measure(codes, bits, fraction_bits=2 * bits + 1)
