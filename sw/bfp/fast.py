"""Matrix products of blocks by compiled loops: the bits of `sw.bfp.array`, and far faster.

numba compiles the loops when they are first called and keeps what it made.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..formats.blocks import Blocks
from ..jit import njit
from . import array
from .stages import has_tensor_scale
from .sums import EXACT_BITS
from .window import Window

__all__ = ["gemm"]

jit: Any = njit()

INTEGER_BITS = 62
"""Sums of up to so many bits are made of two that are exact in binary64."""

REST_BITS = INTEGER_BITS - EXACT_BITS
"""What binary64 has no room for."""


def gemm(
    a: Blocks, b: Blocks, *, accumulators: int = 1, window: Window | None = None
) -> npt.NDArray[np.float32]:
    """Return what `sw.bfp.array.gemm` returns; sums beyond 62 bits or in windows are left to it.

    Under scales with significands those beyond 45 are, too.
    """
    step = array.common_block(a, b)
    pair = (a.format, b.format)
    array.check_accumulators(accumulators)
    # Bits of sums of the right operand's elements, and of those of products.
    right = pair[1].magnitude_bits + step.bit_length()
    width = pair[0].magnitude_bits + right
    # What sums are multiplied by is below 2**8 where scales have significands.
    most = EXACT_BITS - 8 if has_tensor_scale(pair[0]) else INTEGER_BITS
    if accumulators > 1 or window or width > most or right > EXACT_BITS - REST_BITS:
        return array.gemm(a, b, accumulators=accumulators, window=window)
    (m, k), n = a.shape, b.shape[1]
    blocks = -(-k // step)
    wide = np.float32 if width <= 24 else np.float64
    qa = np.zeros((m, blocks * step), wide)
    qb = np.zeros((blocks * step, n), wide)
    qa[:, :k], qb[:k] = a.mantissa, b.mantissa
    qa, qb = qa.reshape(m, blocks, step).swapaxes(0, 1), qb.reshape(blocks, step, n)
    totals = qa @ qb if width <= EXACT_BITS else _long_totals(qa, qb, EXACT_BITS - right)
    scales = []
    for blocks_of, axis in ((a, 0), (b, 1)):
        format = blocks_of.format
        codes = blocks_of.codes(axis).repeat(format.reduction // step, 1 - axis)
        scale = np.ldexp(format.factor(codes).astype(np.float64), format.last_place(codes))
        scales.append(np.where(codes == format.nan_code, np.nan, scale))
    result = np.zeros((m, n), np.float32)
    _accumulate(result, totals, *scales)
    return array.scaled(result, a, b)


def _long_totals(a: npt.NDArray[Any], b: npt.NDArray[Any], places: int) -> npt.NDArray[Any]:
    """Return products of matrices of integers, block after block, cut to 53 bits.

    The last bit of one that was cut tells whether there is a rest. Sums of the lowest ``places``
    of the left elements are exact, and so are those of the others.
    """
    low = np.remainder(a, 1 << places)
    high = (a - low) * 2.0**-places
    return _joined(high @ b, low @ b, places)


@jit
def _joined(high, low, places):
    """Return ``high * 2**places + low`` as `_long_totals` does."""
    result = np.empty(high.shape, np.float64)
    for block in range(high.shape[0]):
        for i in range(high.shape[1]):
            for j in range(high.shape[2]):
                total = (np.int64(high[block, i, j]) << places) + np.int64(low[block, i, j])
                if abs(total) < np.int64(1) << 53:
                    result[block, i, j] = total
                else:
                    cut = total >> REST_BITS
                    rest = total - (cut << REST_BITS)
                    result[block, i, j] = np.ldexp(np.float64(cut | (rest > 0)), REST_BITS)
    return result


@jit
def _accumulate(result, totals, scale_a, scale_b):
    """Round the sums of each block and add them."""
    least = np.float64(2.0**-126)
    small = np.float32(least)
    for block in range(len(totals)):
        for i in range(result.shape[0]):
            for j in range(result.shape[1]):
                # Exact in binary64 wherever binary32 is not left at either end.
                value = np.float64(totals[block, i, j]) * scale_a[i, block] * scale_b[block, j]
                if value == 0:
                    value = 0.0
                # Of 24 bits with any exponent, what is nearer to 2**-126 than to the next below.
                elif abs(value) < least * (1 - 2.0**-25):
                    value = math.copysign(0.0, value)
                added = result[i, j] + np.float32(value)
                if abs(added) < small:
                    added = np.float32(math.copysign(0.0, added))
                if math.isnan(added):
                    added = np.float32(np.nan)
                result[i, j] = added
