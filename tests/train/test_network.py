import time
from typing import Any

import numpy as np
import pytest

import sw.train.network as module
from sw.errors import UserError
from sw.train.data import load
from sw.train.network import Network, load_weights, train


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_digits_are_learnt(digits):
    losses = []
    start = time.process_time()
    network = train(digits, report=lambda epoch, loss: losses.append((epoch, loss)))
    assert time.process_time() - start < 10
    assert network.accuracy(digits.test_x, digits.test_y) > 0.94
    assert [epoch for epoch, _ in losses] == list(range(1, 21))
    assert losses[-1][1] < losses[0][1] / 5
    assert all(p.dtype == np.float32 for p in [*network.weights, *network.biases])


def test_same_seed_same_weights(digits):
    first, again, other = (train(digits, epochs=2, seed=seed) for seed in (1, 1, 2))
    for i in range(2):
        assert np.array_equal(first.weights[i], again.weights[i])
        assert np.array_equal(first.biases[i], again.biases[i])
        assert not np.array_equal(first.weights[i], other.weights[i])


def small() -> Network:
    rng = np.random.default_rng(1)
    sizes = [(5, 7), (7, 6), (6, 3)]
    return Network(
        weights=[rng.standard_normal(size).astype(np.float32) for size in sizes],
        biases=[rng.standard_normal(size[1]).astype(np.float32) for size in sizes],
    )


def slopes_off() -> float:
    """The largest difference of a gradient from the loss's slope, in binary64."""
    rng = np.random.default_rng(2)
    network: Any = small()
    for arrays in (network.weights, network.biases):
        arrays[:] = [p.astype(np.float64) for p in arrays]
    x: Any = rng.standard_normal((9, 5))
    y = rng.integers(0, 3, 9)
    _, gradients = module._gradients(network, x, y)
    worst = 0.0
    for p, gradient in zip([*network.weights, *network.biases], gradients, strict=True):
        for place in np.ndindex(p.shape):
            kept = p[place]
            p[place] = kept + 1e-6
            above = module._gradients(network, x, y)[0]
            p[place] = kept - 1e-6
            below = module._gradients(network, x, y)[0]
            p[place] = kept
            worst = max(worst, abs((above - below) / 2e-6 - float(gradient[place])))
    return worst


def test_gradients_are_slopes():
    assert slopes_off() < 1e-6


def test_planted_fault(monkeypatch):
    forward = Network.forward
    monkeypatch.setattr(Network, "forward", lambda self, x: [np.abs(v) for v in forward(self, x)])
    assert slopes_off() > 1e-3


def test_forward_gives_every_input():
    network = small()
    x = np.ones((2, 5), np.float32)
    outputs = network.forward(x)
    assert [o.shape for o in outputs] == [(2, 5), (2, 7), (2, 6), (2, 3)]
    assert outputs[0] is x and (outputs[2] >= 0).all() and (outputs[3] < 0).any()


def test_round_trip(tmp_path):
    network = small()
    network.save(tmp_path / "weights.npz")
    again = load_weights(tmp_path / "weights.npz")
    for kind in ("weights", "biases"):
        for a, b in zip(getattr(network, kind), getattr(again, kind), strict=True):
            assert np.array_equal(a, b)
    assert [p.name for p in tmp_path.iterdir()] == ["weights.npz"]


def test_nothing_is_left_of_a_failed_save(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write .*folder: Is a directory"):
        small().save(tmp_path / "folder")
    with pytest.raises(UserError, match="cannot write .*: No such file or directory"):
        small().save(tmp_path / "none" / "weights.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


def arrays() -> dict[str, np.ndarray]:
    network = small()
    named = {f"weight{i}": w for i, w in enumerate(network.weights)}
    return named | {f"bias{i}": b for i, b in enumerate(network.biases)}


def with_value(value: float) -> np.ndarray:
    weight = arrays()["weight1"]
    weight[2, 3] = value
    return weight


@pytest.mark.parametrize(
    "change, message",
    [
        ({"weight1": with_value(np.nan)}, r"weight1\[2, 3\] must be finite, not nan"),
        ({"weight1": with_value(-np.inf)}, r"weight1\[2, 3\] must be finite, not -inf"),
        (
            {"weight1": np.ones((8, 6), np.float32)},
            r"weight1 and bias1 must be \(7, n\) and \(n,\), not \(8, 6\) and \(6,\)",
        ),
        (
            {"bias2": np.ones(4, np.float32)},
            r"weight2 and bias2 must be \(6, n\) and \(n,\), not \(6, 3\) and \(4,\)",
        ),
        ({"weight0": np.ones((5, 7))}, r"weight0 must be float32 with 2 axes, not float64 of"),
        ({"weight0": np.ones(5, np.float32)}, r"weight0 must be float32 with 2 axes, not float32"),
        ({"bias0": np.ones((1, 7), np.float32)}, "bias0 must be float32 with 1 axes, not float32"),
        ({"weight0": np.ones((0, 7), np.float32)}, "weight0 must be float32 with 2 axes, not"),
        ({"extra": np.ones(1)}, "must hold weight0, bias0, weight1, …, not bias0, bias1, bias2,"),
        ({"weight0": np.array([{}])}, "must be an .npz file of arrays weight0, bias0"),
    ],
)
def test_bad_arrays(tmp_path, change, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays() | change)
    with pytest.raises(UserError, match=message) as caught:
        load_weights(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_bad_files(tmp_path):
    path = tmp_path / "weights.npz"
    with pytest.raises(UserError, match="^cannot read .*: No such file or directory$"):
        load_weights(path)
    with pytest.raises(UserError, match="^cannot read .*: Is a directory$"):
        load_weights(tmp_path)
    small().save(path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[:300], whole[:-30], b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="must be an .npz file of arrays weight0"):
            load_weights(path)
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 255]) + whole[101:])
    with pytest.raises(UserError):
        load_weights(path)
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(UserError, match="must be an .npz file of arrays"):
        load_weights(tmp_path / "one.npy")
    np.savez(path)
    with pytest.raises(UserError, match="must hold weight0, bias0, weight1, …, not nothing"):
        load_weights(path)
