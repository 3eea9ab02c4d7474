"""Seeded binary32 numbers that a test of arithmetic must not miss."""

import numpy as np

SPECIAL = np.array(
    [
        *(0x00000000, 0x00000001, 0x007FFFFF),  # zero, the least and the largest subnormal
        *(0x00800000, 0x00800001, 0x01000000),  # the least normal, the next, twice the least
        *(0x3F800000, 0x3F800001, 0x3F7FFFFF, 0x40000000, 0x3F000000),  # 1, its neighbours, 2, 1/2
        *(0x4B800000, 0x4B800001, 0x33800000, 0x33800001, 0x34000000),  # 2**24, 2**-24, 2**-23
        *(0x7F7FFFFF, 0x7F7FFFFE, 0x7F000000),  # the largest, the one before, 2**127
        *(0x7F800000, 0x7FC00000, 0x7F800001),  # infinity, a quiet and a signalling NaN
    ],
    np.uint32,
)


def specials() -> np.ndarray:
    """One of each special class, of both signs."""
    return np.concatenate((SPECIAL, SPECIAL | np.uint32(1 << 31))).view(np.float32)


def pairs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs to add: all pairs of specials, then random, near, halfway and cancelling ones."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 2**32, count, np.uint32)
    y = rng.integers(0, 2**32, count, np.uint32)
    kind = rng.integers(0, 5, count)
    sign = np.uint32(1 << 31)
    exponent, fraction = np.uint32(255 << 23), np.uint32((1 << 23) - 1)
    gap = rng.integers(0, 27, count, np.uint32) << np.uint32(23)
    below = np.where((x & exponent) > gap, (x & exponent) - gap, x & exponent)
    near = (y & (sign | fraction)) | below
    ones = rng.integers(0, 24, count, np.uint32)
    few = near & ~((np.uint32(1) << ones) - np.uint32(1))
    cancel = (x ^ sign) + rng.integers(0, 3, count, np.uint32) - np.uint32(1)
    y = np.choose(kind, (y, near, few, cancel, rng.permuted(few)))
    x = np.where(kind == 4, x & ~((np.uint32(1) << ones) - np.uint32(1)), x)
    every = specials().view(np.uint32)
    x = np.concatenate((np.repeat(every, len(every)), x))
    y = np.concatenate((np.tile(every, len(every)), y))
    return x.view(np.float32), y.view(np.float32)


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
