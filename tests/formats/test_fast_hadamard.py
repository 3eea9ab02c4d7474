"""Compiled Hadamard transforms against the plain model, every bit."""

import numpy as np
import pytest

from sw.formats import BFLOAT16, binary32
from sw.formats.fast_hadamard import transform
from sw.formats.hadamard import HadamardParameters, hadamard


def stimuli() -> np.ndarray:
    """Rows of 64: normal, sparse, of all exponents, ties, infinities and NaN."""
    rng = np.random.default_rng(3)
    normal = rng.standard_normal((400, 64))
    sparse = np.where(rng.random((400, 64)) < 0.1, normal, 0)
    whole = rng.integers(-300, 300, (600, 64)) * 2.0 ** rng.integers(-140, 120, (600, 1))
    near = np.ldexp(normal, rng.integers(-30, 30, (400, 64)))
    x = np.concatenate([normal, sparse, whole, near, np.zeros((2, 64))]).astype(np.float32)
    bits = rng.integers(0, 1 << 32, (400, 64), np.uint32)
    x = np.concatenate([x, bits.view(np.float32), -np.zeros((2, 64), np.float32)])
    x[::50, 3], x[::60, 40] = np.inf, -np.inf
    return x


@pytest.mark.parametrize(("tile", "signs"), [(16, 0xD7E8), (32, 0), (32, 0x9E3779B9)])
def test_the_compiled_loops(tile, signs):
    x = stimuli()
    parameters = HadamardParameters(tile=tile, signs=signs)
    with np.errstate(invalid="ignore"):
        rounded = binary32.rounded(x, BFLOAT16)
    expected = hadamard(parameters, rounded.reshape(-1, tile)).reshape(x.shape)
    got = transform(x, tile, signs)
    assert np.array_equal(got.view(np.uint32), expected.view(np.uint32))
