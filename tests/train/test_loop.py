"""Training: that networks learn, that runs repeat, and what chooses the arithmetic."""

import dataclasses

import numpy as np
import pytest
import threadpoolctl

from sw.bfp.multimode_array import BFP_FAMILIES
from sw.bfp.zse_controller import control
from sw.formats import BLOCK_FORMATS, BfpFormat
from sw.formats.quantize import dequantize, zero_setting_error
from sw.train.arithmetic import Products
from sw.train.data import load
from sw.train.loop import Run, _Step, accuracy, train
from sw.train.loss import cross_entropy
from sw.train.moded import Controlled
from sw.train.network import mlp
from sw.train.precision import BINARY32, Fixed
from sw.train.results import accuracies
from sw.train.settings import Settings
from sw.train.spec import read


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def weights(run: Run) -> list[np.ndarray]:
    return list(run.network.arrays.values())


def test_digits_are_learnt(digits):
    seen = []
    run = train(digits, report=lambda epoch, note: seen.append((epoch, note)))
    assert [epoch for epoch, _ in seen] == run.epochs and len(run.epochs) == 20
    assert {note for _, note in seen} == {"binary32"}
    assert run.epochs[-1].accuracy > 0.94
    assert run.epochs[-1].loss < run.epochs[0].loss / 5
    assert accuracy(run.network, BINARY32, digits.test_x, digits.test_y) == run.epochs[-1].accuracy
    assert all(array.dtype == np.float32 for array in weights(run))


def test_same_seed_same_weights(digits):
    settings = [Settings(arithmetic="hbfp6", epochs=2, seed=seed) for seed in (1, 1, 2)]
    first, again, other = (weights(train(digits, s)) for s in settings)
    for i in range(4):
        assert np.array_equal(first[i], again[i])
        assert not np.array_equal(first[i], other[i])


@pytest.mark.parametrize(("model", "epochs"), [("lenet", 4), ("resnet8", 1)])
def test_convolutions_learn(digits, model, epochs):
    run = train(digits, Settings(model=model, arithmetic="fb16", epochs=epochs))
    assert run.epochs[-1].accuracy > 0.8


def test_steps_end_a_run(digits):
    run = train(digits, Settings(), steps=30)
    assert [epoch.epoch for epoch in run.epochs] == [1, 2]


def test_weights_are_stored_wide_under_hbfp(digits):
    """15 bits of magnitude and one exponent a block, also when the arithmetic is narrow."""
    run = train(digits, Settings(arithmetic="hbfp4", epochs=1))
    for layer in run.network.products:
        weight = layer.parameters["weight"].astype(np.float64)
        for start in range(0, weight.shape[1], 64):
            block = weight[:, start : start + 64]
            top = np.ceil(np.log2(np.abs(block).max(1, keepdims=True)))
            scaled = block / 2.0 ** (np.maximum(top, -26) - 15)
            # The largest element may have been clamped below a power of two.
            assert ((scaled == np.round(scaled)) | (2 * scaled == np.round(2 * scaled))).all()
    free = train(digits, Settings(arithmetic="hbfp4", epochs=1, storage="binary32"))
    assert not np.array_equal(weights(run)[0], weights(free)[0])


def test_weights_are_stored_with_15_bits_and_no_fewer(digits):
    run = train(digits, Settings(arithmetic="hbfp6", epochs=1), steps=0)
    weight = run.network.products[0].parameters["weight"].astype(np.float64)
    top = np.ceil(np.log2(np.abs(weight).max(1, keepdims=True)))
    scaled = weight / 2.0 ** (top - 15)
    assert (scaled == np.round(scaled)).all() and (scaled % 2 == 1).mean() > 0.4


@pytest.mark.parametrize("arithmetic", ["hbfp6", "hbfp4", "boosters", "hbfp8_8x8"])
def test_all_of_hbfp_stores_wide(digits, arithmetic):
    free, kept = (
        train(digits, Settings(arithmetic=arithmetic, storage=storage), steps=1)
        for storage in ("binary32", "auto")
    )
    assert not np.array_equal(weights(free)[0], weights(kept)[0])
    for other in ("binary32", "fb16", "flexblock"):
        free, kept = (
            train(digits, Settings(arithmetic=other, storage=storage), steps=1)
            for storage in ("binary32", "auto")
        )
        assert np.array_equal(weights(free)[0], weights(kept)[0])


def test_two_steps_by_hand(digits):
    """Momentum of gradients, and a rate that falls linearly with the epochs."""
    count = len(digits.train_x)
    settings = Settings(batch=count, epochs=4, rate=0.5, momentum=0.75)
    runs = [train(digits, settings, steps=steps) for steps in (0, 1, 2)]
    start, first, second = (run.network.arrays["weight0"] for run in runs)
    rng = np.random.default_rng(settings.seed)
    mlp(64, 10, rng)
    step = _Step(BINARY32, Products(seed=1), training=True)
    gradients = []
    with threadpoolctl.threadpool_limits(1):
        for run in runs[:2]:
            order = rng.permutation(count)
            outputs = run.network.forward(digits.train_x[order], step)
            run.network.backward(cross_entropy(outputs, digits.train_y[order])[1], step)
            gradients.append(run.network.products[0].gradients["weight"])
    assert np.array_equal(first, start - np.float32(0.5) * gradients[0])
    momentum = np.float32(0.75) * gradients[0] + gradients[1]
    assert np.array_equal(second, first - np.float32(0.375) * momentum)


def test_evaluation_changes_nothing(digits):
    run = train(digits, Settings(model="resnet8"), steps=2)
    before = [array.copy() for array in weights(run)]
    alone = accuracy(run.network, BINARY32, digits.test_x[:3], digits.test_y[:3])
    parts = [
        accuracy(run.network, BINARY32, digits.test_x[i : i + 1], digits.test_y[i : i + 1])
        for i in range(3)
    ]
    assert alone == pytest.approx(np.mean(parts))
    assert all(np.array_equal(x, y) for x, y in zip(before, weights(run), strict=True))


def test_a_loss_is_that_of_the_samples_seen(digits):
    run = train(digits, Settings(), steps=3)
    assert 1.5 < run.epochs[0].loss < 3 and run.steps == 3


def test_a_format_for_each_product(digits):
    """Custom formats, some of one name, by layer and by pass."""
    fine, coarse = (BfpFormat(mantissa_bits=bits) for bits in (12, 3))
    precision = Fixed("mine", {"": fine, "1": coarse, "0.weight": "bfloat16"})
    assert precision.arithmetic(0, "forward") is precision.arithmetic(2, "input") is fine
    assert precision.arithmetic(1, "weight") is coarse
    assert precision.arithmetic(0, "weight") == "bfloat16"
    runs = [
        train(digits, Settings(), steps=2, precision=chosen)
        for chosen in (precision, Fixed("fine", {"": fine}))
    ]
    assert not np.array_equal(weights(runs[0])[2], weights(runs[1])[2])


def test_fixed_arithmetic_by_pass():
    precision = read("fb12,input=bfloat16,1=fb24,1.weight=fb16", layers=3, epochs=1)
    assert precision.arithmetic(1, "input") is BLOCK_FORMATS["fb24"]
    assert precision.arithmetic(1, "weight") is BLOCK_FORMATS["fb16"]
    assert precision.arithmetic(2, "forward") is BLOCK_FORMATS["fb12"]
    assert precision.arithmetic(2, "input") == "bfloat16"
    assert precision.arithmetic(0, "weight") is BLOCK_FORMATS["fb12"]


def test_boosters_widen_the_ends_and_the_last_epochs(digits):
    """HBFP4 but for the last epoch and the first and last layer (arXiv 2211.10737)."""
    settings = Settings(arithmetic="boosters:2", epochs=5, hidden=(32, 32, 32))
    history = np.array(train(digits, settings).precision.history)
    assert history.shape == (5, 4, 3)
    assert (history[:, [0, 3]] == 1).all()
    assert history[:, 1:3].max((1, 2)).tolist() == [0, 0, 0, 1, 1]
    assert history[:, 1:3].min((1, 2)).tolist() == [0, 0, 0, 1, 1]
    assert [f.mantissa_bits for f in BFP_FAMILIES["boosters"]] == [4, 6, 16]


def test_the_controller_follows_the_zero_setting_error(digits):
    run = train(digits, Settings(arithmetic="flexblock", epochs=6))
    precision = run.precision
    assert isinstance(precision, Controlled) and precision.history is not None
    assert len(precision.recording) == 5
    modes = control(precision.controller.parameters, precision.recording)
    assert np.array_equal(modes, np.array(precision.history)[1:])
    assert len(np.unique(modes)) > 1


def test_what_the_controller_counts():
    precision = read("flexblock", layers=2, epochs=1)
    assert isinstance(precision, Controlled)
    precision.start(1)
    rng = np.random.default_rng(1)
    kinds = {"w": (5, 70), "dx": (8, 70), "dw": (5, 70)}
    w, dx, dw = (
        (rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 1, shape)).astype(np.float32)
        for shape in kinds.values()
    )
    for _ in range(2):
        precision.observe(1, "weight", w, dw)
        precision.observe(1, "input", w, dx)
    # Groups of a matrix are of 24 channels, at the start with 16 bits.
    group = dataclasses.replace(BLOCK_FORMATS["fb24"], block=(24,))
    for pair, tensor in enumerate((w, dx, dw)):
        zeros, elements = precision.counts[1, pair]
        assert elements == 2 * tensor.size
        assert zeros / elements == zero_setting_error(tensor, group) > 0


def test_planted_fault(digits, monkeypatch):
    """Weights that do not lie on the storage's grid are seen."""
    third = np.float32(1 / 3)
    monkeypatch.setattr("sw.train.storage.dequantize", lambda blocks: dequantize(blocks) * third)
    with pytest.raises(AssertionError):
        test_weights_are_stored_wide_under_hbfp(digits)


def test_settings_are_kept(digits):
    run = train(digits, Settings(model="lenet"), steps=1)
    assert dataclasses.asdict(run.settings) | {"epochs": 6, "rate": 0.02} == dataclasses.asdict(
        run.settings
    )


def test_the_last_table_has_the_accuracy_of_the_last_epoch(digits):
    """Under stochastic rounding another seed has another one."""
    run = train(digits, Settings(arithmetic="hbfp4", epochs=2, seed=7))
    shown = list(accuracies(run, digits).columns[2].cells)[1]
    assert shown == f"{run.epochs[-1].accuracy:.2%}"
    other = accuracy(run.network, run.precision, digits.test_x, digits.test_y, seed=8, number=1)
    assert shown != f"{other:.2%}"
