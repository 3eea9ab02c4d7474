"""Hadamard transforms in bfloat16 by compiled loops: the bits of `sw.formats.hadamard`, and faster.

numba compiles the loops when they are first called and keeps what it made.
"""

from typing import Any

import numpy as np

from ..arrays import Floats
from ..checks import array, one_of, whole
from ..jit import njit
from .hadamard import HadamardParameters, hadamard

__all__ = ["transform"]

jit: Any = njit()

SPAN = 53 - 8 - 5
"""Exponents of a tile within which sums of 32 elements of bfloat16 are exact in binary64."""

PLACES = 52 - 7
"""Of binary64 behind those of bfloat16."""


def transform(x: Floats, tile: int, signs: int) -> Floats:
    """Return a matrix whose rows are rounded to bfloat16 and transformed in tiles, to bfloat16.

    ``tile`` is 16 or 32 and divides the extent of a row; ``signs`` are as of `hadamard`.
    """
    one_of("tile", tile, (16, 32))
    whole("signs", signs, 0, (1 << tile) - 1)
    x = array("x", x, "float32", shape=("rows", "columns"))
    parameters = HadamardParameters(tile=tile, signs=signs)
    values = np.ascontiguousarray(x).view(np.uint32).reshape(-1, tile).copy()
    sums = np.empty(values.shape, np.float64)
    left = np.empty(len(values), np.bool_)
    significand, exponent = parameters.scale
    _sum(values, sums, left, signs, significand * 2.0**exponent)
    result = np.empty(values.shape, np.uint32)
    _narrow(sums.view(np.uint64), result, left, significand > 1)
    done = result.view(np.float32)
    if left.any():
        done[left] = hadamard(parameters, values.view(np.float32)[left])
    return done.reshape(x.shape)


@jit
def _sum(values, sums, left, signs, scale):
    """Round to bfloat16, in place; fill with scaled sums, and tell which are not exact enough."""
    tile = values.shape[1]
    for i in range(len(values)):
        low, high = 255, 0
        for k in range(tile):
            word = values[i, k]
            field = np.int64(word >> np.uint32(23)) & 255
            if field == 255:
                if word & np.uint32(0x7FFFFF):
                    word = np.uint32(0x7FC00000)
            elif field == 0:
                word = word & np.uint32(0x80000000)
            else:
                last = word >> np.uint32(16) & np.uint32(1)
                word = np.uint32(word + np.uint32(0x7FFF) + last) & np.uint32(0xFFFF0000)
            values[i, k] = word
            field = np.int64(word >> np.uint32(23)) & 255
            if field > 0:
                low, high = min(low, field), max(high, field)
            number = np.float64(np.uint32(word).view(np.float32))
            sums[i, k] = -number if signs >> k & 1 else number
        left[i] = high == 255 or high - low > SPAN
        if left[i]:
            continue
        step = 1
        while step < tile:
            for k in range(tile):
                if k & step == 0:
                    one, other = sums[i, k], sums[i, k + step]
                    sums[i, k] = one + other
                    sums[i, k + step] = one - other
            step *= 2
        for k in range(tile):
            # Of an exact zero the positive one.
            sums[i, k] = sums[i, k] * scale + 0.0


@jit
def _narrow(sums, result, left, inexact):
    """Round binary64's bits to bfloat16; tell too where a rounded product lies close to a tie."""
    half = np.int64(1) << (PLACES - 1)
    for i in range(len(sums)):
        if left[i]:
            continue
        for k in range(sums.shape[1]):
            bits = np.int64(sums[i, k] & np.uint64(0x7FFFFFFFFFFFFFFF))
            sign = np.uint32(sums[i, k] >> np.uint64(63)) << np.uint32(31)
            rest = bits & (2 * half - 1)
            if inexact and abs(rest - half) <= 1:
                left[i] = True
            bits = (bits + half - 1 + (bits >> PLACES & 1)) >> PLACES
            # Of the exponent binary32's bias counts 896 fewer.
            small = bits - (896 << 7)
            if small < 1 << 7:
                small = np.int64(0)
            elif small > 255 << 7:
                small = np.int64(255 << 7)
            result[i, k] = sign | np.uint32(small) << np.uint32(16)
