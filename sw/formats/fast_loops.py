"""The compiled loops of `sw.formats.fast`, and the random words that they take."""

from typing import Any

import numpy as np

from ..jit import njit

__all__ = ["ROUNDINGS", "elements", "error", "tops"]

TRUNCATE, NEAREST_EVEN, NEAREST_AWAY, STOCHASTIC = range(4)
ROUNDINGS = {
    "truncate": TRUNCATE,
    "nearest_even": NEAREST_EVEN,
    "nearest_away": NEAREST_AWAY,
    "stochastic": STOCHASTIC,
}

jit: Any = njit()


@jit
def tops(bits, block, top):
    """Fill with the largest magnitude of each block of a matrix of binary32's bits."""
    for i in range(bits.shape[0]):
        for j in range(top.shape[1]):
            largest = top[i // block[0], j]
            for c in range(j * block[1], min((j + 1) * block[1], bits.shape[1])):
                largest = max(largest, bits[i, c] & np.uint32(0x7FFFFFFF))
            top[i // block[0], j] = largest


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
def _rounded(value, shift, rounding, random_bits, word):
    """Return ``value / 2**shift`` rounded as `sw.formats.quantize` does."""
    # Two places to the left put the hidden one beyond the largest magnitude.
    value <<= min(max(-shift, 0), 2)
    shift = min(max(shift, 0), 62)
    if rounding == STOCHASTIC:
        return (((value << random_bits) >> shift) + word) >> random_bits
    truncated = value >> shift
    rest = value - (truncated << shift)
    half = (np.int64(1) << shift) >> 1
    if rounding != TRUNCATE and half > 0:
        away = rounding == NEAREST_AWAY or truncated & 1 == 1
        truncated += rest > half or (rest == half and away)
    return truncated


@jit
def elements(bits, random, code, block, blocks, numbers, rules):
    """Fill with the codes of a matrix's elements, as `sw.formats.quantize` says.

    ``blocks`` are the place and the factor of each; ``numbers`` the bits of a code's fraction (-1:
    it is an integer), of an exponent field and of what stands below the sign, and the largest codes
    above and below zero.
    """
    place, factor = blocks
    fraction_bits, exponent_bits, sign_bit, twos_complement, largest, lowest = numbers
    rounding, random_bits, scaled = rules
    keys, first, fields = random
    mask = np.uint32((1 << random_bits) - 1)
    lines, columns = bits.shape
    count = block[0] * block[1]
    # Elements of a row of blocks, but for what fills up the last block of a single row.
    used = columns if block[0] == 1 else place.shape[1] * count
    words = np.empty((used + 2 * fields - 2) // fields * fields, np.uint32)
    for r in range(lines):
        i, row = r // block[0], r % block[0]
        start = first + i * place.shape[1] * count
        if rounding == STOCHASTIC and row == 0:
            _fill(words, keys, start // fields, fields, mask)
        start = start % fields + row * block[1]
        for j in range(place.shape[1]):
            for c in range(j * block[1], min((j + 1) * block[1], columns)):
                negative = bits[r, c] >> np.uint32(31) == 1
                word = np.uint32(bits[r, c] & np.uint32(0x7FFFFFFF))
                if scaled and word >= np.uint32(1 << 23):
                    word = np.float32(word.view(np.float32) * factor[i, j]).view(np.uint32)
                field = np.int64(word >> np.uint32(23))
                value = np.int64(0)
                if field > 0:
                    value = np.int64(word & np.uint32(0x7FFFFF)) | 0x800000
                shift = place[i, j] - (field - 150)
                binade = np.int64(0)
                if fraction_bits >= 0 and field > 0:
                    binade = min(max(23 - shift - fraction_bits, 0), 1 << exponent_bits)
                    if binade > 0:
                        shift = np.int64(23 - fraction_bits)
                drawn = np.int64(0)
                if rounding == STOCHASTIC:
                    drawn = np.int64(words[start + j * (count - block[1]) + c])
                value = _rounded(value, shift, rounding, random_bits, drawn)
                if fraction_bits >= 0:
                    value += binade << fraction_bits
                value = min(value, lowest if negative else largest)
                if negative:
                    if fraction_bits < 0 and (twos_complement or value == 0):
                        value = -value & ((2 << sign_bit) - 1)
                    else:
                        value |= 1 << sign_bit
                code[r, c] = value


@jit
def error(x, code, numbers, scale, amax, full, block, result):
    """Fill with what `sw.formats.tensor_scale.error` returns of each block.

    ``scale`` are the values of the scales. A subnormal of ``x`` has the code of zero, so that its
    difference is none.
    """
    least = np.float32(2.0**-126)
    zero = np.float32(0)
    rows = 1
    while rows < block[0]:
        rows *= 2
    total = np.empty(rows, np.float32)
    for i in range(scale.shape[0]):
        for j in range(scale.shape[1]):
            total[:] = zero
            for r in range(i * block[0], min((i + 1) * block[0], x.shape[0])):
                added = zero
                for c in range(j * block[1], min((j + 1) * block[1], x.shape[1])):
                    value = np.float32(np.float32(numbers[code[r, c]] * scale[i, j]) * amax)
                    value = np.float32(value / full)
                    difference = np.float32(abs(np.float32(value - x[r, c])))
                    if difference >= least:
                        added = np.float32(added + difference)
                total[r - i * block[0]] = added
            half = rows // 2
            while half > 0:
                for r in range(half):
                    total[r] = np.float32(total[r] + total[r + half])
                half //= 2
            result[i, j] = total[0]
