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


def gemm(
    a: Blocks, b: Blocks, *, accumulators: int = 1, window: Window | None = None
) -> npt.NDArray[np.float32]:
    """Return what `sw.bfp.array.gemm` returns; sums beyond 53 bits or in windows are left to it."""
    step = array.common_block(a, b)
    pair = (a.format, b.format)
    array.check_accumulators(accumulators)
    width = sum(f.magnitude_bits for f in pair) + step.bit_length()
    # What sums are multiplied by is below 2**8 where scales have significands.
    factors = 8 * has_tensor_scale(pair[0])
    if accumulators > 1 or window or width + factors > EXACT_BITS:
        return array.gemm(a, b, accumulators=accumulators, window=window)
    (m, k), n = a.shape, b.shape[1]
    blocks = -(-k // step)
    wide = np.float32 if width <= 24 else np.float64
    qa = np.zeros((m, blocks * step), wide)
    qb = np.zeros((blocks * step, n), wide)
    qa[:, :k], qb[:k] = a.mantissa, b.mantissa
    # Block after block a product of matrices, which are exact.
    totals = qa.reshape(m, blocks, step).swapaxes(0, 1) @ qb.reshape(blocks, step, n)
    scales = []
    for blocks_of, axis in ((a, 0), (b, 1)):
        format = blocks_of.format
        codes = blocks_of.codes(axis).repeat(format.reduction // step, 1 - axis)
        scale = np.ldexp(format.factor(codes).astype(np.float64), format.last_place(codes))
        scales.append(np.where(codes == format.nan_code, np.nan, scale))
    result = np.zeros((m, n), np.float32)
    _accumulate(result, totals, *scales)
    return array.scaled(result, a, b)


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
