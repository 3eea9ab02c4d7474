"""Exact integer sums of products, of any width that a block format allows."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..arrays import Integers

__all__ = ["EXACT_BITS", "sum_of_products"]

EXACT_BITS = 53
"""Sums of up to so many bits are exact in binary64, whose matrix product is far the faster."""

LOW_BITS = 12
"""Bits of a mantissa's lower part; of 24 bits so many are left to the upper one."""


def sum_of_products(
    a: npt.NDArray[np.integer],
    b: npt.NDArray[np.integer],
    multiply: Callable[[np.ndarray, np.ndarray], np.ndarray],
    bits: int,
) -> tuple[Integers, npt.NDArray[np.integer] | int]:
    """Return integers ``q`` and exponents of which ``q * 2**exponent`` rounds as the sums do.

    A sum of more than 53 bits is made of two, of the upper and the lower parts of ``a``. One that
    is larger than 2**52 then loses its lowest bits but for whether any is set, which is all that
    rounding to the 24 bits of a binary32 asks.

    Parameters
    ----------
    a, b : array of integers
        Mantissas of up to 24 bits.
    multiply : callable
        Multiplies and sums arrays of binary64, up to 65,536 products a sum.
    bits : int
        Of the largest sum, without its sign.
    """
    right = b.astype(np.float64)
    if bits <= EXACT_BITS:
        return multiply(a.astype(np.float64), right).astype(np.int64), 0
    parts = a >> LOW_BITS, a & ((1 << LOW_BITS) - 1)
    high, low = (multiply(part.astype(np.float64), right).astype(np.int64) for part in parts)
    high += low >> LOW_BITS
    low &= (1 << LOW_BITS) - 1
    small = np.abs(high) < 1 << 40
    whole = (np.where(small, high, 0) << LOW_BITS) + low
    return np.where(small, whole, 2 * high | (low > 0)), np.where(small, 0, LOW_BITS - 1)
