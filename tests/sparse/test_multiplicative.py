"""The estimator of Procrustes' authors, its variants, and what a step of ours is beside theirs."""

import math

import numpy as np
import pytest

from sw.errors import UserError
from sw.sparse import fast, multiplicative
from sw.sparse.multiplicative import LARGEST, SMALLEST, scan
from sw.sparse.quantile_estimator import QuantileParameters, estimate
from sw.sparse.tracking import Multiplicative, TrackingParameters, largest
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings
from sw.train.sparse import Sparse, read

ABOVE, BELOW = np.array([1], np.float32), np.array([0], np.float32)


def test_a_step_is_its_share_of_the_estimate():
    """The published factor: from 0.0155 one step up is x 1.000879, lambda 2^-10, keep 0.1."""
    up = scan(ABOVE, keep=0.1, rate=2**-10, first=0.0155)
    assert up.mask.tolist() == [True]
    assert round(up.last / 0.0155, 6) == 1.000879
    assert up.last == 0.0155 * (1 + 2**-10 * 0.9)
    down = scan(BELOW, keep=0.1, rate=2**-10, first=0.0155)
    assert down.mask.tolist() == [False] and down.last == 0.0155 * (1 - 2**-10 * 0.1)


def test_a_step_of_the_circuit_is_what_its_parameter_says():
    """``1 - keep`` of 2**-step of the power of two below: a half to one of the estimate's."""
    p = QuantileParameters(lanes=1, keep=0.1, step=10, delay=0, guard=8, between="carry")
    shares = []
    for fraction in np.linspace(0, 1, 257)[:-1]:
        first = np.float32((1 + fraction) / 64)
        start = int(first.view(np.uint32)) << p.guard
        after = estimate(p, ABOVE, start=start).state[-1]
        value = (after / 2**8 - 0x3C800000) / 2**23 * 2**-6 + 2**-6
        shares.append((value - first) / first / (2**-10 * 0.9))
        assert shares[-1] == pytest.approx(1 / (1 + fraction), rel=1e-5)
    assert shares[0] == pytest.approx(1, rel=1e-5) and shares[-1] == pytest.approx(0.5, rel=5e-3)
    assert np.mean(shares) == pytest.approx(math.log(2), rel=2e-3)
    # At 0.0155 a step up is by 1.000879 times less: the estimate is 1.984 powers of two.
    start = int(np.float32(0.0155).view(np.uint32)) << p.guard
    moved = (estimate(p, ABOVE, start=start).state[-1] - start) / 2**31 * 2**-7 / 0.0155
    assert moved == pytest.approx(2**-10 * 0.9 / 1.984, rel=1e-3)


@pytest.mark.parametrize("rate, keep", [(2**-10, 0.1), (2**-4, 0.5), (1e-6, 0.05)])
def test_compiled(rate, keep):
    rng = np.random.default_rng(1)
    values = np.abs(rng.standard_normal(3000)).astype(np.float32)
    values[rng.random(3000) < 0.1] = 0
    values[[5, 77]], values[100] = np.inf, np.nan
    plain, compiled = (f(values, keep=keep, rate=rate, first=0.7) for f in (scan, fast.scan))
    assert np.array_equal(plain.mask, compiled.mask)
    assert (plain.last, plain.mean) == (compiled.last, compiled.mean)
    assert plain.mask[[5, 77, 100]].all()


def test_it_finds_the_quantile():
    """Of 400,000 half-normal values: within 1.5 % of the quantile and 0.2 % of the share."""
    values = np.abs(np.random.default_rng(2).standard_normal(400_000)).astype(np.float32)
    for keep, quantile in ((0.2, 1.28155), (0.1, 1.64485), (0.05, 1.95996)):
        found = fast.scan(values, keep=keep, rate=2**-10, first=1.0)
        assert found.mask[100_000:].mean() == pytest.approx(keep, abs=0.002)
        assert found.mean == pytest.approx(quantile, rel=0.015)


def test_an_estimate_stays_a_normal_number():
    zeros, much = np.zeros(3000, np.float32), np.full(6000, np.inf, np.float32)
    for model in (scan, fast.scan):
        assert model(zeros, keep=0.9, rate=2**-4, first=1e-10).last == SMALLEST
        assert model(much, keep=0.1, rate=2**-4, first=1e10).last == LARGEST
    empty = scan(np.zeros(0, np.float32), keep=0.1, rate=0.1, first=2.0)
    assert (empty.last, empty.mean) == (2, 2)


def test_between_steps():
    """Restarted, carried on, or the running mean with a tenth of the old."""
    steps = np.abs(np.random.default_rng(3).standard_normal((3, 500))).astype(np.float32)
    firsts: dict[str, list[float]] = {}
    for between in ("restart", "carry", "mean"):
        p = TrackingParameters(threshold="multiplicative", step=6, between=between)
        choose = Multiplicative(p, 1.0)
        firsts[between] = []
        for values in steps:
            firsts[between].append(choose.first)
            expected = scan(values, keep=0.1, rate=2**-6, first=choose.first)
            assert np.array_equal(choose(values), expected.mask)
    assert firsts["restart"] == [1, 1, 1]
    first = scan(steps[0], keep=0.1, rate=2**-6, first=1.0)
    assert firsts["carry"][1] == first.last
    assert firsts["mean"][1] == 0.1 * 1.0 + 0.9 * first.mean


def test_published():
    p = TrackingParameters.make(preset="published")
    assert (p.threshold, p.initial, p.between) == ("multiplicative", 0.01, "restart")
    assert (p.scan, p.measured, p.scope, p.decay) == ("reversed", "after", "all", 0.9)


class Network:
    """Two tensors of weights, of a kind that `Sparse` takes."""

    def __init__(self, *shapes):
        self.arrays = {f"weight{i}": np.zeros(s, np.float32) for i, s in enumerate(shapes)}
        self.parts = []


def started(text: str, *shapes) -> tuple[Sparse, Network]:
    sparse = read(text, seed=1)
    assert sparse is not None
    network = Network(*shapes)
    sparse.start(network)  # pyright: ignore[reportArgumentType]
    sparse.parts = list(range(len(shapes)))
    return sparse, network


def step(sparse: Sparse, network: Network, change: np.ndarray) -> np.ndarray:
    """Move all weights and return which are tracked then."""
    start = 0
    for weight in network.arrays.values():
        weight += change[start : start + weight.size].reshape(weight.shape)
        start += weight.size
    sparse.step([{"weight": np.zeros_like(w)} for w in network.arrays.values()])
    return np.concatenate([sparse.masks[name].ravel() for name in sorted(sparse.masks)])


def test_scan_and_scope():
    """The estimate passes values in the order, and of the layers, that are asked for."""
    rng = np.random.default_rng(4)
    change = (rng.standard_normal(320) * np.repeat([1, 9], [200, 120])).astype(np.float32)
    text = "published:step=4,initial=2.0,keep=0.2,scan="
    for scanned, order in (("forward", slice(None)), ("reversed", slice(None, None, -1))):
        sparse, network = started(text + scanned, (20, 10), (12, 10))
        moved = np.abs(change)[order]
        expected = scan(moved, keep=0.2, rate=2**-4, first=2.0).mask[order]
        found = step(sparse, network, change)
        assert (found != expected).sum() <= 1  # sums of weights are rounded
    sparse, network = started(text + "reversed,scope=layer", (20, 10), (12, 10))
    found = step(sparse, network, change)
    parts = [
        scan(np.abs(part)[::-1], keep=0.2, rate=2**-4, first=2.0).mask[::-1]
        for part in np.split(change, [200])
    ]
    assert (found != np.concatenate(parts)).sum() <= 1
    sparse, network = started("dropback:keep=0.1,scope=layer", (20, 10), (12, 10))
    found = step(sparse, network, change)
    assert [part.sum() for part in np.split(found, [200])] == [20, 12]


def test_importance_before_and_after_the_decay():
    """After: in the second step what was largest at first is tracked, for the decay took most."""
    rng = np.random.default_rng(5)
    changes = rng.standard_normal((2, 2000)).astype(np.float32) * np.float32(1e-4)
    found = {}
    for measured in ("before", "after"):
        sparse, network = started(f"dropback:keep=0.1,measured={measured}", (100, 20))
        initial = network.arrays["weight0"].ravel().copy()
        first = step(sparse, network, changes[0])
        assert np.array_equal(first, largest(0.1, np.abs(initial + changes[0] - initial)))
        after = network.arrays["weight0"].ravel()
        kept = initial if measured == "after" else np.float32(0.9) * initial
        assert np.array_equal(after[~first], kept[~first])
        found[measured] = step(sparse, network, changes[1]), first, initial
        after = network.arrays["weight0"].ravel()
        power = np.float32(np.float32(0.9) * np.float32(0.9)) if measured == "before" else 0.9
        fallen = ~found[measured][0]
        assert np.array_equal(after[fallen], (initial * np.float32(power))[fallen])
    second, first, initial = found["after"]
    assert (second & largest(0.1, np.abs(initial))).sum() >= 0.9 * second.sum()
    second, first, initial = found["before"]
    assert (second & largest(0.1, np.abs(initial))).sum() < 0.3 * second.sum()


@pytest.mark.parametrize(
    "text",
    [
        "published:step=8",
        "procrustes:threshold=multiplicative,scope=layer",
        "procrustes:threshold=multiplicative,between=mean,memory=0.5",
        "procrustes:scope=layer,scan=reversed",
        "dropback:measured=after,scope=layer",
    ],
)
def test_training(text):
    """Each variant trains: better than guessing, with a share of weights tracked."""
    run = train(load("digits"), Settings(sparse=text, epochs=6), steps=130)
    assert run.epochs[-1].accuracy > 0.3
    assert 0 < np.mean(run.epochs[-1].density) < 0.6


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: read("published:lanes=8", seed=1), "lanes has no effect on a multiplicative"),
        (lambda: read("published:memory=0.5", seed=1), "memory has no effect on a multiplicative"),
        (lambda: read("procrustes:memory=0.5", seed=1), "memory has no effect on a quantile"),
        (lambda: read("dropback:scan=reversed", seed=1), "scan has no effect on an exact"),
        (
            lambda: read("procrustes:scope=layer", seed=1, choose=lambda x: x > 0),
            "scope must be all for one that chooses, not layer",
        ),
        (lambda: scan(np.zeros(3), keep=0.1, rate=0.1, first=1.0), "values must be an array of"),
        (lambda: scan(ABOVE, keep=0.1, rate=2.0, first=1.0), "rate must be a number from 0 to 1"),
        (lambda: scan(ABOVE, keep=0.1, rate=0.5, first=0.0), "first must be a number from"),
        (lambda: fast.scan(ABOVE[None], keep=0.1, rate=0.5, first=1.0), "values must have the"),
        (lambda: multiplicative.scan(ABOVE, keep=-1, rate=0.5, first=1.0), "keep must be"),
    ],
)
def test_errors(call, message):
    with pytest.raises(UserError, match=message):
        call()
