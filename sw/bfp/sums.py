"""Exact integer sums of products, of any width that a block format allows."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..arrays import Integers

__all__ = ["EXACT_BITS", "reduced", "sum_of_products"]

EXACT_BITS = 53
"""Sums of up to so many bits are exact in binary64, whose matrix product is far the faster."""

KEPT_BITS = 60
"""Bits of a sum that are kept of a larger one."""


def sum_of_products(
    a: npt.NDArray[np.integer],
    b: npt.NDArray[np.integer],
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    bits: tuple[int, int],
) -> tuple[Integers, npt.NDArray[np.integer] | int]:
    """Return integers ``q`` and exponents of which ``q * 2**exponent`` rounds as the sums do.

    A sum of more than 53 bits is made of several, of parts of ``a`` that are narrow enough. One
    that is too large for an integer loses its lowest bits but for whether any is set, which is all
    that rounding to the 24 bits of a binary32 asks.

    Parameters
    ----------
    a, b : array of integers
        Mantissas of up to 32 bits.
    multiply : callable
        Multiplies and sums arrays of binary64.
    bits : tuple of int
        Of the largest of ``a``, and of the largest sum of as many of ``b`` as are added, 52 at
        most; without signs.
    """
    right = b.astype(np.float64)
    if sum(bits) <= EXACT_BITS:
        return multiply(a.astype(np.float64), right).astype(np.int64), 0
    size = min(EXACT_BITS - bits[1], KEPT_BITS // 2)
    mask, a = (1 << size) - 1, a.astype(np.int64)
    digits = []
    carry: Integers = np.zeros((), np.int64)
    for _ in range((bits[0] - 1) // size):
        low = multiply((a & mask).astype(np.float64), right).astype(np.int64) + carry
        digits.append(low & mask)
        carry, a = low >> size, a >> size
    q = multiply(a.astype(np.float64), right).astype(np.int64) + carry
    exponent, rest = np.full(q.shape, size * len(digits)), np.zeros(q.shape, np.bool_)
    for digit in reversed(digits):
        small = np.abs(q) < 1 << (KEPT_BITS - size)
        rest |= ~small & (digit > 0)
        q, exponent = np.where(small, q << size | digit, q), exponent - np.where(small, size, 0)
    return _sticky(q, exponent, rest)


def reduced(total: npt.NDArray[np.object_]) -> tuple[Integers, Integers]:
    """Return what `sum_of_products` does of sums that are Python's integers."""
    sums = total.ravel().tolist()
    cut = [max(0, abs(t).bit_length() - KEPT_BITS) for t in sums]
    pairs = list(zip(sums, cut, strict=True))
    q = np.array([t >> n for t, n in pairs], np.int64)
    rest = np.array([t & ((1 << n) - 1) != 0 for t, n in pairs], np.bool_)
    shape = total.shape
    return _sticky(q.reshape(shape), np.array(cut).reshape(shape), rest.reshape(shape))


def _sticky(
    q: Integers, exponent: Integers, rest: npt.NDArray[np.bool_]
) -> tuple[Integers, Integers]:
    """Return sums whose last bit says whether there is a rest, where there may be one."""
    cut = exponent > 0
    return np.where(cut, 2 * q | rest, q), np.where(cut, exponent - 1, 0)
