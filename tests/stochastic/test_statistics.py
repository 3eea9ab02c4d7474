"""Updates are unbiased, and as far off as random bits make them; a wrong design is neither.

Bounds hold for the seeds below, with which nothing here is left to chance.
"""

import dataclasses

import numpy as np
import pytest

from sw.stochastic import fast
from sw.stochastic.bits import SHARES, BitSource
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.outer_product import outer_product

UPDATES = 4000
STANDARD_ERRORS = 4

ERRORS = {16: 0.65, 64: 0.33, 256: 0.16}
"""Relative errors of an update by length, by ideal random numbers (`ideal_error` finds them)."""

WITHIN = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class OneWord(OuterProductParameters):
    """The wrong design: both sides compare with the same random words."""

    @property
    def d_sources(self) -> list[BitSource]:
        return self.x_sources


def bias(p: OuterProductParameters) -> float:
    """The largest deviation of the mean of many equal updates, in standard errors of the mean."""
    rng = np.random.default_rng(1)
    # Multiples of 2**-8, so that nothing is rounded.
    x, d = (rng.integers(1, 256, (2, p.columns)) / 256).astype(np.float32)
    d[::2] *= -1
    x[0] = d[1] = 255 / 256
    results = fast.outer_product(p, np.tile(x, (UPDATES, 1)), np.tile(d, (UPDATES, 1)))
    chance = np.abs(d[:, None] * x[None])
    error = np.sqrt(chance * (1 - chance) / p.length / UPDATES)
    mean = results.mean(0, dtype=np.float64)
    return float(np.abs((mean - d[:, None] * x[None]) / error).max())


def relative_error(p: OuterProductParameters, updates: int = 400) -> float:
    """Mean relative Frobenius error of single updates of rectified and of normal numbers."""
    x, d = operands(p.rows, updates)
    return mean_error(fast.outer_product(p, x, d), x, d)


def operands(side: int, updates: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = np.maximum(rng.standard_normal((updates, side)), 0).astype(np.float32)
    return x, rng.standard_normal((updates, side)).astype(np.float32)


def mean_error(results: np.ndarray, x: np.ndarray, d: np.ndarray) -> float:
    exact = d[:, :, None].astype(np.float64) * x[:, None]
    axes = (1, 2)
    return float(
        np.mean(np.linalg.norm(results - exact, axis=axes) / np.linalg.norm(exact, axis=axes))
    )


def ideal_error(length: int) -> float:
    """The same with NumPy's random numbers, one a bit for all elements of each side."""
    rng = np.random.default_rng(3)
    x, d = operands(64, 100)
    results = np.empty((100, 64, 64))
    for i, sides in enumerate(zip(x, d, strict=True)):
        scales = [2.0 ** np.ceil(np.log2(np.abs(v).max())) for v in sides]
        bits = [
            rng.random((length, 1)) < np.abs(v) / scale
            for v, scale in zip(sides, scales, strict=True)
        ]
        signed = [b * np.sign(v) for b, v in zip(bits, sides, strict=True)]
        results[i] = signed[1].T @ signed[0] * (scales[0] * scales[1] / length)
    return mean_error(results, x, d)


def single(share: str, **fields) -> OuterProductParameters:
    return OuterProductParameters(rows=8, columns=8, batch=1, share=share, **fields)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize(
    "fields",
    [
        {"length": 16},
        {"length": 64, "form": "galois"},
        {"length": 4, "parallel": 4},
        {"length": 32, "width": 32, "bits": 24},
        {"length": 8, "width": 31, "bits": 8},
    ],
    ids=lambda fields: f"{fields['length']}",
)
def test_updates_are_unbiased(fields, share):
    assert bias(single(share, **fields)) < STANDARD_ERRORS


@pytest.mark.parametrize("length", [16, 64, 256])
def test_errors_of_updates(length):
    p = OuterProductParameters(rows=64, columns=64, batch=1, length=length)
    assert abs(ideal_error(length) / ERRORS[length] - 1) < WITHIN
    assert abs(relative_error(p) / ERRORS[length] - 1) < WITHIN


@pytest.mark.parametrize("share", SHARES)
def test_errors_are_alike_however_words_are_shared(share):
    p = OuterProductParameters(rows=64, columns=64, batch=1, length=64, share=share)
    assert abs(relative_error(p, 100) / ERRORS[64] - 1) < WITHIN


def test_one_word_for_both_sides_fails_the_same_checks():
    for share in SHARES:
        p = OneWord(rows=8, columns=8, batch=1, length=16, share=share)
        assert bias(p) > 10 * STANDARD_ERRORS
    for length, error in ERRORS.items():
        p = OneWord(rows=64, columns=64, batch=1, length=length)
        assert abs(relative_error(p, 100) / error - 1) > 3 * WITHIN


def test_one_word_for_both_sides_gives_the_lesser_chance():
    p = OneWord(rows=1, columns=1, batch=1, length=256)
    x, d = (np.full((300, 1), v, np.float32) for v in (0.75, 0.625))
    wrong = outer_product(p, x, d).mean()
    right = outer_product(OuterProductParameters(**p.as_dict()), x, d).mean()
    assert abs(wrong - 0.625) < 0.005 and abs(right - 0.75 * 0.625) < 0.005
