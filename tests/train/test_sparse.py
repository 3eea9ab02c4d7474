"""Training that tracks few weights."""

import numpy as np
import pytest
import threadpoolctl

from sw.formats.binary32 import multiply
from sw.sparse.tracking import TrackingParameters
from sw.sparse.weight_regenerator import regenerate
from sw.train import sparse as module
from sw.train.arithmetic import Products
from sw.train.data import load
from sw.train.loop import Run, _Step, train
from sw.train.loss import cross_entropy
from sw.train.network import mlp
from sw.train.precision import BINARY32
from sw.train.settings import Settings
from sw.train.sparse import Sparse, read
from tests.sparse.test_quantile_model import second

FIELDS = "keep=0.2,step=5,initial=0.003,words=2,lanes=3"
HIDDEN = (5, 4)
SMALL = Settings(
    hidden=HIDDEN, batch=50, rate=0.125, momentum=0.5, epochs=4, sparse=f"procrustes:{FIELDS}"
)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def flat(run: Run, kind: str = "weight") -> np.ndarray:
    arrays = run.network.arrays | (run.sparse.masks if run.sparse else {})
    return np.concatenate([a.ravel() for name, a in arrays.items() if name.startswith(kind)])


def slowly(digits, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Train as the words say, weight by weight; return the weights and which are tracked."""
    p = TrackingParameters.make(overrides=FIELDS.split(","))
    rng = np.random.default_rng(SMALL.seed)
    network = mlp(64, 10, rng, HIDDEN)
    layers = network.products
    shapes = [layer.parameters["weight"].shape for layer in layers]

    def initial(decay: np.float32) -> list[np.float32]:
        found, number = [], 0
        for shape in shapes:
            shift = p.regenerator.shift_for(shape[1])
            for _ in range(shape[0] * shape[1]):
                found += [
                    regenerate(p.regenerator, number, seed=1, shift=shift, decay=float(decay))[()]
                ]
                number += 1
        return found

    decay = np.float32(1)
    weights, momenta = initial(decay), [np.float32(0)] * sum(r * c for r, c in shapes)
    biases = [np.zeros(r, np.float32) for r, _ in shapes]
    bias_momenta = [b.copy() for b in biases]
    kept, importances, lengths = [], [], []
    order = rng.permutation(len(digits.train_x))
    step = _Step(BINARY32, Products(seed=1), training=True)
    for number in range(steps):
        rest = list(weights)
        for layer, shape, bias in zip(layers, shapes, biases, strict=True):
            values, rest = rest[: shape[0] * shape[1]], rest[shape[0] * shape[1] :]
            layer.parameters["weight"][:] = np.array(values).reshape(shape)
            layer.parameters["bias"][:] = bias
        part = order[50 * number : 50 * number + 50]
        with threadpoolctl.threadpool_limits(1):
            outputs = network.forward(digits.train_x[part], step)
            network.backward(cross_entropy(outputs, digits.train_y[part])[1], step)
        slopes = [g for layer in layers for g in layer.gradients["weight"].ravel()]
        for layer, bias, momentum in zip(layers, biases, bias_momenta, strict=True):
            momentum[:] = momentum * np.float32(0.5) + layer.gradients["bias"]
            bias -= np.float32(0.125) * momentum
        momenta = [m * np.float32(0.5) + g for m, g in zip(momenta, slopes, strict=True)]
        moved = [w - np.float32(0.125) * m for w, m in zip(weights, momenta, strict=True)]
        # The estimate goes on: all steps so far are one stream, but for beats that are not full.
        importances += [abs(w - f) for w, f in zip(moved, initial(decay), strict=True)]
        lengths.append(len(moved))
        kept = decide(p, importances, lengths)
        decay = np.float32(multiply(decay, np.float32(0.9)))
        after = initial(decay)
        weights = [w if k else f for w, k, f in zip(moved, kept, after, strict=True)]
        momenta = [m if k else np.float32(0) for m, k in zip(momenta, kept, strict=True)]
    return np.array(weights), np.array(kept)


def decide(p: TrackingParameters, importances: list, lengths: list[int]) -> list[bool]:
    """Return which of the last step's weights are above the estimate."""
    values, present, start = [], [], 0
    for length in lengths:
        fill = -length % p.lanes
        values += importances[start : start + length] + [np.float32(0)] * fill
        present += [True] * length + [False] * fill
        start += length
    x = np.array(values, np.float32).reshape(-1, p.lanes)
    here = np.array(present).reshape(x.shape).tolist()
    kept, _ = second(p.estimator, x, here, [False] * len(x))
    beats = -(-lengths[-1] // p.lanes)
    return [one for beat in kept[-beats:] for one in beat][: lengths[-1]]


def check(digits, steps: int = 3) -> None:
    run = train(digits, SMALL, steps=steps)
    weights, kept = slowly(digits, steps)
    assert np.array_equal(flat(run), weights)
    assert np.array_equal(flat(run, "mask"), kept) and 0.02 < kept.mean() < 0.6


def test_steps_against_a_slow_reference(digits):
    check(digits)


FAULTS = {
    "a decay too late": ("settle", lambda w, keep, f: np.where(keep, w, f / np.float32(0.9))),
    "all is kept": ("settle", lambda w, keep, f: w),
    "importance of weights": ("importance", lambda w, f: np.abs(w)),
    "the layers' places": ("regenerate", lambda p, i, **o: regenerate(p, i[::-1], **o)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(digits, monkeypatch, fault):
    monkeypatch.setattr(module, *FAULTS[fault])
    with pytest.raises(AssertionError):
        check(digits)


def test_momentum_of_what_is_not_tracked_is_zero(digits):
    seen = []

    class Watched(Sparse):
        def step(self, momenta):
            super().step(momenta)
            seen.append([m["weight"].copy() for m in momenta if m])

    sparse = read("procrustes", seed=1)
    assert sparse is not None
    watched = Watched(sparse.parameters)
    network = mlp(64, 10, np.random.default_rng(1))
    watched.start(network)
    momenta = [{n: np.ones_like(a) for n, a in p.parameters.items()} for p in network.parts]
    for weight in watched.weights.values():
        weight += np.random.default_rng(2).standard_normal(weight.shape).astype(np.float32)
    watched.step(momenta)
    for momentum, mask in zip(seen[0], watched.masks.values(), strict=True):
        assert np.array_equal(momentum, mask) and 0 < mask.sum() < mask.size
    assert (momenta[0]["bias"] == 1).all()


def test_digits_are_learnt_by_a_tenth_of_the_weights(digits):
    run = train(digits, Settings(sparse="procrustes:keep=0.1"))
    assert run.epochs[-1].accuracy > 0.93
    weights, kept = flat(run), flat(run, "mask")
    assert kept.mean() == pytest.approx(0.1, abs=0.01)
    # After 158 steps what is not tracked is zero, of no sign.
    assert not weights[~kept].view(np.uint32).any() and weights[kept].all()


def test_convolutions_learn(digits):
    run = train(digits, Settings(model="resnet8", epochs=2, sparse="procrustes:step=10"))
    assert run.epochs[-1].accuracy > 0.85
    assert flat(run, "mask").mean() == pytest.approx(0.1, abs=0.01)


def test_initial_weights_decay(digits):
    """Where nothing is tracked all are the first ones times powers of 0.9."""
    sparse = "procrustes:keep=0.001,initial=100.0"
    first, later = (flat(train(digits, Settings(sparse=sparse), steps=n)) for n in (0, 4))
    decay = np.float32(1)
    for _ in range(4):
        decay = multiply(decay, np.float32(0.9))
    assert np.array_equal(later, multiply(first, decay))
    other = flat(train(digits, Settings(sparse=f"{sparse},seed=7"), steps=0))
    assert not np.array_equal(first, other)
    # The power of two nearest to He's deviation.
    for weights, inputs in ((first[:2048], 64), (first[2048:], 32)):
        assert 0.7 < weights.std() / np.sqrt(2 / inputs) < 1.42


def test_what_is_not_tracked_is_not_rounded(digits):
    """Weights are stored in wide blocks under HBFP, but not those that are computed."""
    settings = Settings(arithmetic="hbfp8", sparse="procrustes")
    first, run = flat(train(digits, settings, steps=0)), train(digits, settings, steps=10)
    decay = np.float32(1)
    for _ in range(10):
        decay = multiply(decay, np.float32(0.9))
    weights, kept = flat(run), flat(run, "mask")
    assert np.array_equal(weights[~kept], multiply(first, decay)[~kept])
    assert 0 < kept.sum() < kept.size
    # The others have 15 bits and a sign.
    assert not (weights[kept].view(np.uint32) & 0x1FF).any()


def test_an_exact_threshold_keeps_so_many(digits):
    run = train(digits, Settings(sparse="dropback:keep=0.05"), steps=7)
    assert run.sparse is not None
    sizes = np.array([mask.size for mask in run.sparse.masks.values()])
    counts = np.array(run.sparse.densities) @ sizes
    assert counts.round(6).tolist() == [118.0] * 7


def test_densities_are_recorded(digits):
    run = train(digits, Settings(sparse="procrustes"), steps=30)
    assert run.sparse is not None
    each = np.array(run.sparse.densities)
    assert each.shape == (30, 2)
    assert run.epochs[0].density == tuple(each[:23].mean(0))
    assert run.epochs[1].density == tuple(each[23:].mean(0))
    assert run.sparse.densities[-1] == tuple(m.mean() for m in run.sparse.masks.values())
    dense = train(digits, Settings(), steps=1)
    assert dense.sparse is None and dense.epochs[0].density == ()


def test_an_engine_takes_the_choice(digits):
    """It gets the importance of all weights, once a step; what it keeps is tracked."""
    sizes = []

    def every_third(values):
        sizes.append(values.size)
        return np.arange(values.size) % 3 == 0

    run = train(digits, Settings(sparse="procrustes"), choose=every_third, steps=4)
    assert sizes == [32 * 64 + 10 * 32] * 4
    assert np.array_equal(np.flatnonzero(flat(run, "mask")), np.arange(0, 2368, 3))


def test_hyper_parameters():
    sparse = Settings(sparse="procrustes")
    assert (sparse.epochs, sparse.rate, sparse.momentum) == (80, 0.7, 0.0)
    lenet = Settings(model="lenet", sparse="procrustes", rate=0.5)
    assert (lenet.epochs, lenet.rate, lenet.momentum) == (12, 0.5, 0.9)
    dense = Settings()
    assert (dense.epochs, dense.rate, dense.momentum) == (20, 0.03, 0.9)
    assert dense.unusual == {} and sparse.unusual == {"sparse": "procrustes"}
