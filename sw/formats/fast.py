"""Quantization to blocks by compiled loops: the bits of `sw.formats.quantize`, and far faster.

numba compiles the loops when they are first called and keeps what it made.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import checks
from ..errors import UserError
from ..jit import njit
from ..words import Words, fields_of
from .block import BlockFormat
from .blocks import Blocks
from .cut import blocked_axes
from .quantize import zero_set_counts

__all__ = ["quantize", "zero_set"]

TRUNCATE, NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC = range(4)
ROUNDINGS = {
    "truncate": TRUNCATE,
    "nearest_even": NEAREST_EVEN,
    "nearest_away": NEAREST_AWAY,
    "stochastic": STOCHASTIC,
}

jit: Any = njit()


def quantize(
    x: npt.NDArray[np.float32], format: BlockFormat, *, random: Words | None = None
) -> Blocks:
    """Return a matrix in blocks along its rows, or in square ones.

    Equal to `sw.formats.quantize.quantize` with ``axis=1``; only stochastic rounding needs
    ``random``.
    """
    x = checks.array("x", x, "float32", shape=("rows", "columns"))
    down, side = _sides(format)
    keys, first, fields = [0], 0, 1
    if format.rounding == "stochastic":
        if random is None:
            raise UserError(f"random must be given: {format.name} rounds stochastically")
        keys, first, fields = random.keys, random.first, fields_of(format.random_bits)
        blocks = -(-x.shape[0] // down) * -(-x.shape[1] // side)
        random.blocks(blocks * format.block_elements, format.random_bits)
    mantissa = np.empty(x.shape, np.int32)
    codes = np.empty((-(-x.shape[0] // down), -(-x.shape[1] // side)), np.int32)
    _quantize(
        np.ascontiguousarray(x).view(np.uint32),
        (np.array(keys, np.uint16), first, fields),
        mantissa,
        codes,
        (down, side),
        format.magnitude_bits,
        (format.lowest_code, format.highest_code, format.exponent_bias, format.nan_code),
        (format.largest, -format.lowest),
        (format.exponent_rule == "ceil", ROUNDINGS[format.rounding], format.random_bits),
    )
    axis = 1 if len(format.block) == 1 else None
    return Blocks.of(mantissa, codes, format, axis=axis)


def _sides(format: BlockFormat) -> tuple[int, int]:
    """Return the extents of a matrix's blocks, of which flat ones lie along rows."""
    blocked_axes(format, 1, 2, "x")
    down, side = (1, *format.block)[-2:]
    return down, side


@jit
def _fill(words, keys, block, fields, mask):
    """Fill with the words of a stream from a block on, all blocks round after round."""
    count = len(words) // fields
    x = np.empty(count, np.uint16)
    y = np.empty(count, np.uint16)
    for i in range(count):
        x[i] = (block + i) >> 16
        y[i] = block + i
    for key in keys:
        for i in range(count):
            a = np.uint16((x[i] >> 7 | x[i] << 9) + y[i] ^ key)
            x[i] = a
            y[i] = (y[i] << 2 | y[i] >> 14) ^ a
    for field in range(fields):
        turn = np.uint32(32 // fields * field)
        for i in range(count):
            enciphered = np.uint32(x[i]) << np.uint32(16) | np.uint32(y[i])
            words[i * fields + field] = enciphered >> turn & mask


@jit
def _quantize(bits, random, mantissa, codes, block, m, code_range, limits, rules):
    """Quantize block after block, as `sw.formats.quantize.quantize_groups` says."""
    lowest, highest, bias, nan_code = code_range
    ceil, rounding, random_bits = rules
    keys, first, fields = random
    mask = np.uint32((1 << random_bits) - 1)
    lines, columns = bits.shape
    elements = block[0] * block[1]
    # Elements of a row of blocks, but for what fills up the last block of a single row.
    used = columns if block[0] == 1 else codes.shape[1] * elements
    words = np.empty((used + 2 * fields - 2) // fields * fields, np.uint32)
    for i in range(codes.shape[0]):
        place = first + i * codes.shape[1] * elements
        if rounding == STOCHASTIC:
            _fill(words, keys, place // fields, fields, mask)
        place %= fields
        for j in range(codes.shape[1]):
            down = range(i * block[0], min((i + 1) * block[0], lines))
            across = range(j * block[1], min((j + 1) * block[1], columns))
            top = np.int64(0)
            for r in down:
                for c in across:
                    top = max(top, np.int64(bits[r, c] & np.uint32(0x7FFFFFFF)))
            largest = top >> 23
            if largest == 255:
                codes[i, j] = nan_code
                for r in down:
                    for c in across:
                        mantissa[r, c] = 0
                continue
            code = largest - 127 + bias
            if ceil and top & 0x7FFFFF == 0:
                code -= 1
            code = min(max(code, lowest), highest)
            if largest == 0:
                code = np.int64(lowest)
            codes[i, j] = code
            for r in down:
                # Of the row's first element in this block, less that element's column.
                start = place + j * elements + (r - i * block[0]) * block[1] - j * block[1]
                for c in across:
                    word = bits[r, c]
                    field = np.int64(word >> np.uint32(23)) & 255
                    value = np.int64(0)
                    if field > 0:
                        value = np.int64(word & np.uint32(0x7FFFFF)) | 0x800000
                    shift = code + 1 - bias - m - (field - 150)
                    # Two places to the left put the hidden one beyond the largest magnitude.
                    value <<= min(max(-shift, 0), 2)
                    shift = min(max(shift, 0), 62)
                    if rounding == STOCHASTIC:
                        value = ((value << random_bits) >> shift) + np.int64(words[start + c])
                        value >>= random_bits
                    else:
                        truncated = value >> shift
                        rest = value - (truncated << shift)
                        half = (np.int64(1) << shift) >> 1
                        if rounding != TRUNCATE and half > 0:
                            away = rounding == NEAREST_AWAY or truncated & 1 == 1
                            truncated += rest > half or (rest == half and away)
                        value = truncated
                    if word >> np.uint32(31):
                        mantissa[r, c] = -min(value, limits[1])
                    else:
                        mantissa[r, c] = min(value, limits[0])


def zero_set(x: npt.NDArray[np.float32], format: BlockFormat) -> int:
    """Return how many elements of a tensor `sw.formats.quantize` counts as set to zero.

    Blocks of one dimension lie along its last axis.
    """
    x = checks.array("x", x, "float32")
    blocked_axes(format, -1, x.ndim, "x")
    *more, down, deep, side = (1, 1, *format.block)
    if math.prod(more) > 1:
        return zero_set_counts(x, format)[0]
    shape = (1, 1, *x.shape)
    cut = np.ascontiguousarray(x).view(np.uint32).reshape(math.prod(shape[:-3]), *shape[-3:])
    return int(_zero_set(cut, (down, deep, side), format.magnitude_bits))


@jit
def _zero_set(bits, block, m):
    """Count exponents that are ``m`` or more below the largest of their block, and zeros."""
    count = 0
    for n in range(bits.shape[0]):
        for i in range(0, bits.shape[1], block[0]):
            for j in range(0, bits.shape[2], block[1]):
                for k in range(0, bits.shape[3], block[2]):
                    box = bits[n, i : i + block[0], j : j + block[1], k : k + block[2]]
                    count += _zeros(box, m)
    return count


@jit
def _zeros(box, m):
    """Count those of a block."""
    largest = np.int64(0)
    for word in box.flat:
        largest = max(largest, np.int64(word >> np.uint32(23)) & 255)
    count = 0
    if 0 < largest < 255:
        for word in box.flat:
            field = np.int64(word >> np.uint32(23)) & 255
            count += field == 0 or largest - field >= m
    return count
