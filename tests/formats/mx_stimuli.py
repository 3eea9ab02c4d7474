"""Seeded tensors that a test of small formats must not miss."""

import numpy as np

from sw.formats import MxFormat
from tests import stimuli

KINDS = 9


def blocks(count: int, elements: int, format: MxFormat, seed: int) -> np.ndarray:
    """Blocks (count, elements) of every kind: every ninth is of the same one."""
    rng = np.random.default_rng(seed)
    shape = (-(-count // KINDS), elements)
    exponent = rng.integers(-127, 128, (shape[0], 1))
    fraction = (rng.integers(0, 1 << 23, shape) | 1 << 23) / 2.0**23
    sign = rng.choice([-1.0, 1.0], shape)
    gap = rng.integers(0, 14, shape)
    normal = rng.standard_normal(shape)
    few = rng.integers(0, 128, shape) * 2.0**-6
    kinds = [
        normal * 2.0**exponent,
        normal / rng.standard_normal(shape) * 2.0**exponent,  # heavy tails
        sign * 2.0 ** (exponent - gap),
        sign * fraction * 2.0 ** (exponent - gap),
        sign * few * 2.0**exponent,  # ties
        sign * fraction * 2.0 ** (rng.integers(-127, -110, (shape[0], 1)) - 2 * gap),
        sign * fraction * 2.0 ** (rng.integers(120, 128, (shape[0], 1)) - gap),
        np.where(rng.random(shape) < 0.7, 0, normal) * 2.0**exponent,
        normal * 2.0**exponent,  # tops are replaced
    ]
    with np.errstate(over="ignore", under="ignore"):
        x = np.stack(kinds, 1).reshape(-1, elements)[:count].astype(np.float32)
    x[KINDS - 1 :: KINDS] = _tops(x[KINDS - 1 :: KINDS], format, rng)
    strange = rng.random(count) < 0.03
    x[strange, rng.integers(0, elements, strange.sum())] = rng.choice(
        stimuli.specials(), strange.sum()
    )
    nothing = rng.random(count) < 0.01
    x[nothing] = np.copysign(np.float32(0), x[nothing])
    return x


def _tops(x: np.ndarray, format: MxFormat, rng: np.random.Generator) -> np.ndarray:
    """Blocks whose largest magnitude is near where a rule changes its mind."""
    element = format.element
    largest = element.largest / 2.0**element.places
    power = 2.0 ** np.floor(np.log2(largest))
    edges = [1.0, largest / power, 2 - 2.0 ** -(element.fraction_bits + 1)]
    top = np.float32(rng.choice(edges, len(x)) * 2.0 ** rng.integers(-125, 127, len(x)))
    bits = top.view(np.uint32) + rng.integers(-2, 3, len(x)).astype(np.uint32)
    top = bits.view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.where(np.abs(x) < 2 * top[:, None], x / 2, top[:, None] / np.float32(3))
    x[np.arange(len(x)), rng.integers(0, x.shape[1], len(x))] = top
    return x
