"""Seeded binary32 numbers that a test of arithmetic must not miss."""

import numpy as np

from sw.formats import BINARY32, FloatFormat
from sw.formats.binary32 import from_bits


def special_bits(format: FloatFormat = BINARY32) -> np.ndarray:
    """Patterns of each special class, of both signs."""
    point, one = format.fraction_bits, format.bias
    half = point + 1
    least, top = 1 << point, format.exponent_ones << point
    bits = [
        *(0, 1, least - 1),  # zero, the least and the largest subnormal
        *(least, least + 1, 2 * least),  # the least normal, the next, twice the least
        *((one << point) + i for i in (0, 1, -1)),  # 1 and its neighbours
        *((one + i) << point for i in (1, -1)),  # 2, 1/2
        *((one + half << point) + i for i in (0, 1)),  # a place above the last one of 1
        *((one - half << point) + i for i in (0, 1, least)),  # the same below, the last one
        *(top - 1, top - 2, top - least),  # the largest, the one before, its power of two
        *(top, top + least // 2, top + 1),  # infinity, a quiet and a signalling NaN
    ]
    return np.array(bits + [b | 1 << format.width - 1 for b in bits], np.uint32)


def edge_bits(format: FloatFormat = BINARY32) -> np.ndarray:
    """64 patterns: the special ones and some whose squares are near either end."""
    point, one = format.fraction_bits, format.bias
    root = format.bias // 2
    more = [(one + i) << point for i in (root, root + 1, -root, 1 - root)]
    more += [(1 << point) - 1 + m for m in more[:3]]
    more += [(0b11 << point - 1) + i - (1 << point) for i in (one << point, (one + root) << point)]
    more += [(one << point) + (1 << point) // 3]
    bits = np.array(more + [b | 1 << format.width - 1 for b in more], np.uint32)
    return np.concatenate((special_bits(format), bits))


def specials() -> np.ndarray:
    """One binary32 of each special class, of both signs."""
    return special_bits().view(np.float32)


def pair_bits(
    count: int, seed: int, format: FloatFormat = BINARY32
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs to add: all pairs of specials, then random, near, halfway and cancelling ones."""
    rng = np.random.default_rng(seed)
    point = format.fraction_bits
    x = rng.integers(0, 1 << format.width, count, np.uint32)
    y = rng.integers(0, 1 << format.width, count, np.uint32)
    kind = rng.integers(0, 5, count)
    sign = np.uint32(1 << format.width - 1)
    exponent, fraction = np.uint32(format.exponent_ones << point), np.uint32((1 << point) - 1)
    gap = rng.integers(0, point + 4, count, np.uint32) << np.uint32(point)
    below = np.where((x & exponent) > gap, (x & exponent) - gap, x & exponent)
    near = (y & (sign | fraction)) | below
    ones = rng.integers(0, point + 1, count, np.uint32)
    few = near & ~((np.uint32(1) << ones) - np.uint32(1))
    cancel = (x ^ sign) + rng.integers(0, 3, count, np.uint32) - np.uint32(1)
    y = np.choose(kind, (y, near, few, cancel & (sign | sign - np.uint32(1)), rng.permuted(few)))
    x = np.where(kind == 4, x & ~((np.uint32(1) << ones) - np.uint32(1)), x)
    return _with_every(special_bits(format), x, y)


def pairs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Binary32 pairs to add, as `pair_bits`."""
    x, y = pair_bits(count, seed)
    return x.view(np.float32), y.view(np.float32)


def factor_bits(
    count: int, seed: int, format: FloatFormat = BINARY32
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs to multiply: all pairs of edges, then random, halfway ones and near the ends."""
    rng = np.random.default_rng(seed)
    point, width = np.uint32(format.fraction_bits), format.width
    x, y = rng.integers(0, 1 << width, (2, count), np.uint32)
    kind = rng.integers(0, 3, count)
    # A factor of few places makes a tie likely.
    ones = rng.integers(0, format.fraction_bits + 1, count, np.uint32)
    few = y >> ones << ones
    # Reciprocals, times the least or the largest power of two and some places beside.
    with np.errstate(all="ignore"):
        ratio = 1 / np.abs(from_bits(x, format).astype(np.float64))
        ratio = np.where(np.isfinite(ratio), ratio, 1)
    fraction, exponent = np.frexp(ratio)
    ends = np.where(rng.random(count) < 0.5, 2 - format.bias, format.bias + 2) + format.bias - 2
    field = np.clip(exponent + ends - rng.integers(0, 3, count), 0, format.exponent_ones - 1)
    ends = field << int(point) | ((2 * fraction - 1) * (1 << int(point))).astype(np.int64)
    ends = np.maximum(ends + rng.integers(-2, 3, count), 0).astype(np.uint32)
    ends |= y & np.uint32(1 << width - 1)
    return _with_every(edge_bits(format), x, np.choose(kind, (y, few, ends)))


def _with_every(every: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of some patterns and then those of ``x`` and ``y``."""
    x = np.concatenate((np.repeat(every, len(every)), x))
    y = np.concatenate((np.tile(every, len(every)), y))
    return x, y


def blocks(count: int, elements: int, seed: int) -> np.ndarray:
    """Blocks (count, elements) of every kind, most of them of ordinary numbers."""
    rng = np.random.default_rng(seed)
    shape = (count, elements)
    scale = rng.integers(-20, 20, (count, 1))
    x = np.ldexp(rng.standard_normal(shape), scale + rng.integers(-8, 1, shape))
    x = x.astype(np.float32)
    kinds = [
        lambda row: np.zeros_like(row),
        lambda row: np.copysign(np.float32(1e-40), row),
        lambda row: np.where(rng.random(elements) < 0.5, 0, row),
        lambda row: np.where(rng.random(elements) < 0.1, np.float32(np.nan), row),
        lambda row: np.where(np.arange(elements) == 0, -np.float32(np.inf), row),
        lambda row: np.ldexp(np.sign(row), rng.integers(-4, 4, elements)),
        lambda row: np.ldexp(rng.integers(-64, 65, elements), rng.integers(-12, -4)),
        lambda row: rng.integers(0, 2**32, elements, np.uint32).view(np.float32),
        lambda row: np.copysign(np.float32(np.finfo(np.float32).max), row),
        lambda row: np.ldexp(np.copysign(rng.random(elements) + 1, row), 127),
        lambda row: np.ldexp(np.copysign(rng.random(elements) + 1, row), -126),
        lambda row: np.ldexp(row, rng.integers(-100, 30, elements)),
        lambda row: np.ldexp(np.sign(row), rng.integers(-148, -120, elements)),
    ]
    for index in range(count):
        if index < len(kinds) or index % 4 == 0:
            row = x[index].astype(np.float64)
            with np.errstate(all="ignore"):
                if index % len(kinds) == 7:
                    x[index] = kinds[7](row)
                else:
                    x[index] = kinds[index % len(kinds)](row)
    return x


def words(shape: tuple[int, ...], bits: int, seed: int) -> np.ndarray:
    """Random words, a few of them all zeros and all ones."""
    rng = np.random.default_rng(seed)
    word = rng.integers(0, 1 << bits, shape, np.uint32)
    edge = rng.random(shape)
    return np.where(edge < 0.02, 0, np.where(edge > 0.98, (1 << bits) - 1, word)).astype(np.uint32)
