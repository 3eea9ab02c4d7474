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

WIDE = 80
"""Exponents within which they are exact in two numbers of binary64."""

EXACT, ROUNDED, LEFT = range(3)
"""Of a tile: scaled sums are exact, or rounded to binary64 so that ties are to be told, or none."""

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
    state = np.empty(len(values), np.uint8)
    significand, exponent = parameters.scale
    _sum(values, sums, state, signs, significand * 2.0**exponent)
    if significand > 1:
        state = np.maximum(state, ROUNDED)
    result = np.empty(values.shape, np.uint32)
    _narrow(sums.view(np.uint64), result, state)
    done, left = result.view(np.float32), state == LEFT
    if left.any():
        done[left] = hadamard(parameters, values.view(np.float32)[left])
    return done.reshape(x.shape)


@jit
def _sum(values, sums, state, signs, scale):
    """Round to bfloat16, in place; fill with scaled sums, and tell what they are."""
    tile = values.shape[1]
    terms = np.empty(tile, np.float64)
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
        state[i] = EXACT
        if high == 255 or high - low > WIDE:
            state[i] = LEFT
        elif high - low > SPAN:
            state[i] = ROUNDED
            terms[:] = sums[i]
            for k in range(tile):
                sums[i, k] = _wide(terms, k)
        else:
            _butterflies(sums[i])
        for k in range(tile):
            # Of an exact zero the positive one.
            sums[i, k] = sums[i, k] * scale + 0.0


@jit
def _butterflies(x):
    """Transform a tile in place, without the scale."""
    step = 1
    while step < len(x):
        for k in range(len(x)):
            if k & step == 0:
                one, other = x[k], x[k + step]
                x[k] = one + other
                x[k + step] = one - other
        step *= 2


@jit
def _wide(x, k):
    """Return an element of a tile's transform rounded to binary64 (D. Knuth's sums of two)."""
    high, low = 0.0, 0.0
    for i in range(len(x)):
        odd, both = 0, i & k
        while both:
            odd ^= both & 1
            both >>= 1
        term = -x[i] if odd else x[i]
        total = high + term
        part = total - high
        low += (high - (total - part)) + (term - part)
        high = total
    return high + low


@jit
def _narrow(sums, result, state):
    """Round binary64 to bfloat16; leave out tiles in which a rounded number is close to a tie."""
    half = np.int64(1) << (PLACES - 1)
    for i in range(len(sums)):
        if state[i] == LEFT:
            continue
        for k in range(sums.shape[1]):
            bits = np.int64(sums[i, k] & np.uint64(0x7FFFFFFFFFFFFFFF))
            sign = np.uint32(sums[i, k] >> np.uint64(63)) << np.uint32(31)
            rest = bits & (2 * half - 1)
            if state[i] == ROUNDED and abs(rest - half) <= 2:
                state[i] = LEFT
                break
            bits = (bits + half - 1 + (bits >> PLACES & 1)) >> PLACES
            # Of the exponent binary32's bias counts 896 fewer.
            small = bits - (896 << 7)
            if small < 1 << 7:
                small = np.int64(0)
            elif small > 255 << 7:
                small = np.int64(255 << 7)
            result[i, k] = sign | np.uint32(small) << np.uint32(16)
