"""Gradients of the layers against slopes of their outputs, and planted faults."""

import numpy as np
import pytest

from sw.train import layers
from sw.train.layers import BatchNorm, Mean, Pool
from sw.train.network import MODELS, mlp

from .slopes import Plain, slopes_off


def test_gradients_of_dense_layers_are_slopes():
    assert slopes_off(mlp(5, 3, np.random.default_rng(1), (7, 6)), 5) < 1e-6


@pytest.mark.parametrize(
    ("model", "every"), [("lenet", 97), ("resnet8", 2501), ("transformer", 61)]
)
def test_gradients_are_slopes(model, every):
    network = MODELS[model](64, 3, np.random.default_rng(1))
    assert slopes_off(network, 64, every=every) < 1e-6


@pytest.mark.parametrize(
    ("layer", "model"), [("Rectifier", "mlp"), ("Pool", "lenet"), ("BatchNorm", "resnet8")]
)
def test_planted_fault(monkeypatch, layer, model):
    kind = getattr(layers, layer)
    backward = kind.backward
    monkeypatch.setattr(kind, "backward", lambda self, g, run: 1.01 * backward(self, g, run))
    network = MODELS[model](64, 3, np.random.default_rng(1))
    assert slopes_off(network, 64, every=97 if model != "resnet8" else 2501) > 1e-5


def test_pool_takes_the_first_of_equal_pixels():
    pool = Pool()
    x = np.array([[1, 1, 5], [0, 1, 6], [7, 8, 9]], np.float32)[None, None]
    assert pool.forward(x, Plain()).tolist() == [[[[1]]]]
    back = pool.backward(np.full((1, 1, 1, 1), 2, np.float32), Plain())
    assert back[0, 0].tolist() == [[2, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_mean():
    x = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    assert Mean().forward(x, Plain()).tolist() == [[1.5, 5.5], [9.5, 13.5]]


def test_batch_norm_keeps_running_statistics():
    norm, run = BatchNorm(channels=2), Plain()
    x = np.random.default_rng(1).standard_normal((50, 2, 3, 3)).astype(np.float32) * 3 + 1
    for _ in range(199):
        norm.forward(x, run)
    y = norm.forward(x, run)
    assert np.abs(y.mean((0, 2, 3))).max() < 1e-5
    assert np.abs(y.var((0, 2, 3)) - 1).max() < 1e-4
    run.training = False
    assert np.abs(norm.forward(x, run) - y).max() < 1e-4


def test_running_statistics_of_two_batches():
    norm, run = BatchNorm(channels=1), Plain()
    for mean in (1, 3):
        norm.forward(np.array([[mean - 1], [mean + 1]], np.float32), run)
    # Means 1 and 3, variances 1 and 1; a tenth of each batch's from 0 and 1 on.
    assert norm.state["mean"][0] == pytest.approx(0.9 * 0.1 + 0.1 * 3)
    assert norm.state["variance"][0] == pytest.approx(1)
