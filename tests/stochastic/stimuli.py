"""Vectors of every kind for the stochastic units, and small parameters of every kind."""

from typing import Any

import numpy as np

from tests import stimuli


def vectors(count: int, elements: int, seed: int, *, special: bool = True) -> np.ndarray:
    """Vectors of differing scales, among them zeros, powers of two, subnormals, NaN, infinity."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((count, elements)) * np.ldexp(1.0, rng.integers(-9, 9, (count, 1)))
    x = np.where(rng.random(x.shape) < 0.3, 0, x).astype(np.float32)
    powers = np.ldexp(rng.choice([-1.0, 1.0], x.shape), rng.integers(-4, 1, x.shape))
    x = np.where(rng.random((count, 1)) < 0.15, powers, x).astype(np.float32)
    if special:
        every = stimuli.blocks(count, elements, seed)
        x = np.where(rng.random((count, 1)) < 0.15, every, x)
    return x


def random_fields(rng: np.random.Generator) -> dict[str, Any]:
    """Fields of a small `OuterProductParameters`, any of their kinds."""
    rows, columns = (int(n) for n in rng.integers(1, 6, 2))
    width = int(rng.choice([8, 11, 17, 24, 32]))
    length = 1 << int(rng.integers(0, 6))
    lanes = int(rng.choice([n for n in range(1, 6) if rows % n == 0 and columns % n == 0]))
    return {
        "rows": rows,
        "columns": columns,
        "length": length,
        "parallel": 1 << int(rng.integers(0, length.bit_length())),
        "share": str(rng.choice(["shared", "rotated", "independent"])),
        "width": width,
        "bits": min(24, int(rng.choice([2, 5, 8, 16, width])), width),
        "form": str(rng.choice(["fibonacci", "galois"])),
        "rounding": str(rng.choice(["truncate", "nearest_even"])),
        "lanes": lanes,
        "seed": int(rng.integers(1, 1 << width)),
        "scale": str(rng.choice(["vector", "vector", "batch"])),
        "batch": int(rng.integers(1, 6)),
        "guard": int(rng.choice([0, 3, 8, 16])),
        "rate": str(rng.choice(["shift", "free"])),
    }
