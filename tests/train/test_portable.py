"""The same arguments give the same weights, whatever the processor."""

import hashlib
import os
import platform
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from sw.train import fast
from sw.train.data import load
from sw.train.fast import gemm
from sw.train.loop import train
from sw.train.loss import cross_entropy, exponential, logarithm, softmax
from sw.train.settings import Settings

CASES = [
    ("mlp", "binary32"),
    ("lenet", "bfloat16"),
    ("resnet8", "binary32"),
    ("transformer", "hbfp6"),
]
OLD = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "NUMBA_CPU_NAME": "nehalem",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR AVX2 FMA3 AVX512F AVX512_SKX",
}
"""A processor without AVX, in the words of OpenBLAS, numba and any NumPy."""


def digests() -> list[str]:
    """What each case trains to in a few steps, loss included."""
    data, found = load("digits"), []
    for model, arithmetic in CASES:
        run = train(data, Settings(model=model, arithmetic=arithmetic, batch=40), steps=3)
        arrays = b"".join(array.tobytes() for array in run.network.arrays.values())
        found.append(f"{hashlib.sha256(arrays).hexdigest()} {run.epochs[0]!r}")
    return found


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of processors of this kind")
def test_weights_of_another_processor():
    """Before, none of twelve cases came out alike: BLAS, and NumPy's exponential."""
    code = "from tests.train.test_portable import digests; print(*digests(), sep='\\n')"
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, env=os.environ | OLD, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.splitlines() == digests()


def plain(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One product after another, each sum rounded."""
    total = np.zeros((len(a), b.shape[1]), np.float32)
    for k in range(a.shape[1]):
        total = total + a[:, k, None] * b[k]
    return total


@pytest.mark.parametrize("shape", [(3, 7, 5), (1, 1, 1), (70, 9, 3), (2, 100, 130), (64, 64, 64)])
def test_sums_are_in_order(shape):
    m, k, n = shape
    rng = np.random.default_rng(1)
    a = (rng.standard_normal((m, k)) * 10.0 ** rng.integers(-6, 6, (m, k))).astype(np.float32)
    b = rng.standard_normal((k, n)).astype(np.float32)
    assert np.array_equal(gemm(a, b).view(np.uint32), plain(a, b).view(np.uint32))


def test_sums_by_hand():
    ones = np.ones((4, 1), np.float32)
    far = 2.0**24
    for row, total in (
        ((far, 1, 1, -far), 0.0),
        ((1, 1, far, -far), 2.0),
        ((far, -far, 1, 1), 2.0),
        ((1e-45, 0, 0, 0), 1e-45),
        ((3e38, 3e38, -3e38, 0), np.inf),
        ((-0.0, -0.0, -0.0, -0.0), 0.0),
    ):
        got = gemm(np.array([row], np.float32), ones)
        assert got.view(np.uint32)[0, 0] == np.float32(total).view(np.uint32)


def test_a_planted_fault_is_seen(monkeypatch):
    add = fast._add
    monkeypatch.setattr(fast, "_add", lambda a, b, n, r: add(a[:, ::-1].copy(), b, n, r))
    with pytest.raises(AssertionError):
        test_sums_by_hand()
    with pytest.raises(AssertionError):
        test_sums_are_in_order((3, 7, 5))


def test_functions():
    """e**-1, e**-100 and the logarithms of 2 and 10, as binary32 and binary64 have them."""
    x = np.array([0, -1, -100, -np.inf, np.nan], np.float32)
    words = exponential(x).view(np.uint32).tolist()
    assert words[:4] == [0x3F800000, 0x3EBC5AB2, 0x0000001B, 0] and np.isnan(exponential(x)[4])
    logs = logarithm(np.array([1, 2, 10, 0.5, 1e-30]))
    exact = [0, 0.6931471805599453, 2.302585092994046, -0.6931471805599453, -69.07755278982137]
    assert np.abs(logs - exact).max() <= 2**-47
    x = -np.random.default_rng(1).exponential(20, 10_000).astype(np.float32)
    wide = np.exp(x.astype(np.longdouble))
    assert np.array_equal(exponential(x), wide.astype(np.float32))
    double: Any = x.astype(np.float64)
    assert np.abs(exponential(double) / wide - 1).max() < 2**-51
    # The slowest of the series is at the root of 2.
    y: Any = np.random.default_rng(1).uniform(0.5, 2, 10_000)
    assert np.abs(logarithm(y) - np.log(y.astype(np.longdouble))).max() < 2**-51
    root: Any = np.array([1.4142135])
    assert abs(logarithm(root)[0] - 0.3465735461755332) < 2**-52


def test_shares_and_their_loss():
    outputs = np.array([[0, 0], [0, np.log(3)]], np.float32)
    assert np.abs(softmax(outputs) - [[0.5, 0.5], [0.25, 0.75]]).max() < 1e-7
    loss, gradient = cross_entropy(outputs, np.array([1, 1]))
    assert loss == pytest.approx((np.log(2) + np.log(4 / 3)) / 2, abs=1e-7)
    assert np.abs(gradient - [[0.25, -0.25], [0.125, -0.125]]).max() < 1e-7


def test_a_share_of_nothing():
    """It counts as the binary32 next to 1e-30, of which math.log gives the logarithm."""
    outputs = np.array([[0, -1000]], np.float32)
    loss, gradient = cross_entropy(outputs, np.array([1]))
    assert loss == 69.07755278665029
    assert gradient.tolist() == [[1, -1]]
