"""Gradients of weights by random bits in training, and how they are named."""

import json

import numpy as np
import pytest
import threadpoolctl
from click.testing import CliRunner

from sw.__main__ import main
from sw.errors import UserError
from sw.formats import BFLOAT16
from sw.formats.binary32 import rounded
from sw.stochastic.gradient import Block, weight_gradient
from sw.stochastic.pulsed import pulses, sums
from sw.train.arithmetic import Products
from sw.train.data import load
from sw.train.layers import Weighted
from sw.train.loop import Run, _Step, train
from sw.train.loss import cross_entropy
from sw.train.network import mlp
from sw.train.precision import BINARY32
from sw.train.record import record
from sw.train.settings import Settings
from sw.train.update import Essop, Pulsed, read

from .trained import trained


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def weights(run: Run) -> list[np.ndarray]:
    return list(run.network.arrays.values())


@pytest.mark.parametrize(
    "update", ["essop", "essop:length=1,rows=10,columns=16", "pulsed:step=0.0005"]
)
def test_digits_are_learnt(digits, update):
    run = train(digits, Settings(update=update))
    assert run.epochs[-1].accuracy > 0.92
    assert all(array.dtype == np.float32 for array in weights(run))


def test_convolutions_learn(digits):
    run = train(digits, Settings(model="lenet", update="essop:length=4", epochs=4))
    assert run.epochs[-1].accuracy > 0.75


def test_a_product_of_two_activations_is_left_alone(digits):
    """In a transformer only layers with weights, attention's among them, are updated so."""
    seen: list[tuple[int, ...]] = []

    class Watched(Block):
        def __call__(self, x, d, last):
            seen.append(x.shape)
            return super().__call__(x, d, last)

    settings = Settings(model="transformer", update="essop:length=1", batch=2, epochs=1)
    parameters = read(settings.update, seed=1)
    assert isinstance(parameters, Essop)
    run = train(digits, settings, steps=1, update_engine=Watched(parameters.parameters))
    weighted = [part for part in run.network.products if isinstance(part, Weighted)]
    assert len(seen) == len(weighted) == len(run.network.products) - 2


def test_an_engine_is_the_model(digits):
    """An engine that is injected gives the same weights; it gets every tile in order."""
    settings = Settings(update="essop:length=2,rows=20,batch=10,share=rotated", batch=16)
    update = read(settings.update, seed=settings.seed)
    assert isinstance(update, Essop)
    block = Block(update.parameters)
    runs = [train(digits, settings, steps=3, update_engine=engine) for engine in (None, block)]
    for one, other in zip(*map(weights, runs), strict=True):
        assert np.array_equal(one.view("u4"), other.view("u4"))
    # Tiles of (32, 64) and (10, 32), 16 pairs each.
    assert block.pairs == 3 * 16 * (2 * 2 + 1 * 1)


def test_one_step_by_hand(digits):
    """Gradients of weights are stochastic, those of biases and inputs as ever."""
    settings = Settings(update="essop:length=8,seed=5", batch=30)
    runs = [train(digits, settings, steps=steps) for steps in (0, 1)]
    network = runs[0].network
    rng = np.random.default_rng(settings.seed)
    # The order of samples follows the first weights.
    mlp(64, 10, rng)
    part = rng.permutation(len(digits.train_x))[:30]
    with threadpoolctl.threadpool_limits(1):
        step = _Step(BINARY32, Products(seed=1), training=True)
        outputs = network.forward(digits.train_x[part], step)
        _, gradient = cross_entropy(outputs, digits.train_y[part])
        network.backward(gradient, step)
    update = read(settings.update, seed=1)
    assert isinstance(update, Essop) and update.parameters.seed == 5
    block = Block(update.parameters)
    # The last layer comes first.
    for number in (1, 0):
        layer = network.products[number]
        x = layer.operands["x"].tensor
        d = gradient if number else np.where(network.products[1].operands["x"].tensor > 0, 1, 0)
        if not number:
            back = gradient @ network.products[1].parameters["weight"]
            d = (back * d).astype(np.float32)
        expected = weight_gradient(update.parameters, np.ascontiguousarray(d.T), x.T.copy(), block)
        rate = np.float32(settings.rate or 0)
        before, after = (run.network.arrays[f"weight{number}"] for run in runs)
        assert np.array_equal(after, before - rate * expected)
        before, after = (run.network.arrays[f"bias{number}"] for run in runs)
        assert np.array_equal(after, before - rate * layer.gradients["bias"])


@pytest.mark.parametrize(
    ("arithmetic", "place"),
    [("fb12,weight=fb24", "weight"), ("fb12,1.weight=fb24", "1.weight")],
)
def test_an_arithmetic_in_the_place_of_the_update_has_no_effect(digits, arithmetic, place):
    for update in ("essop", "pulsed"):
        settings = Settings(arithmetic=arithmetic, update=update)
        message = f"arithmetic of {place} in '{arithmetic}' has no effect: the update computes the"
        with pytest.raises(UserError, match=f"^{message} gradients of weights$"):
            train(digits, settings, steps=0)


def test_the_record_tells_the_update(digits):
    settings = Settings(model="transformer", arithmetic="fb12,weight=fb24", update="essop:length=1")
    run = train(digits, settings, steps=0)
    found = [layer["weight"] for layer in json.loads(record(run))["layers"]]
    weighted = [isinstance(part, Weighted) for part in run.network.products]
    # Of two activations, in attention.
    assert weighted.count(False) == 2
    assert found == ["essop:length=1" if each else "fb24" for each in weighted]


def test_pulses_are_steps(digits):
    """Without momentum weights change by multiples of the step at whatever rate."""
    settings = Settings(update="pulsed:step=0.001", momentum=0.0, epochs=2)
    before, after = (weights(train(digits, settings, steps=steps))[0] for steps in (23, 46))
    changes = (after.astype(np.float64) - before) / 0.001
    assert np.abs(changes - np.round(changes)).max() < 1e-3 and np.abs(changes).max() >= 1


def test_random_bits_run_on(digits):
    settings = Settings(update="essop:length=4")
    first, again = (weights(train(digits, settings, steps=2)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    operand = np.ones((8, 5), np.float32) * np.float32(0.7)
    update = read("essop:length=4,rows=8,columns=8", seed=1)
    assert update is not None
    one, two = (update.gradient(operand, operand) for _ in range(2))
    assert not np.array_equal(one, two)
    other = read("essop:length=4,rows=8,columns=8", seed=2)
    assert other is not None
    assert not np.array_equal(one, other.gradient(operand, operand))


def test_operands_are_rounded_to_the_source():
    d, x = np.random.default_rng(1).standard_normal((2, 7, 9)).astype(np.float32)
    update = read("essop:length=8,source=bfloat16", seed=1)
    assert isinstance(update, Essop)
    expected = weight_gradient(
        update.parameters, rounded(d, BFLOAT16), rounded(x, BFLOAT16), Block(update.parameters)
    )
    assert np.array_equal(update.gradient(d, x), expected)


def test_parameters():
    update = read("essop", seed=3)
    assert isinstance(update, Essop)
    p = update.parameters
    assert (p.rows, p.columns, p.length, p.share, p.seed) == (32, 32, 64, "shared", 3)
    update = read("essop: rows = 8, share=rotated,seed=9", seed=3)
    assert isinstance(update, Essop)
    p = update.parameters
    assert (p.rows, p.columns, p.share, p.seed) == (8, 32, "rotated", 9)
    update = read("essop:width=8,bits=8", seed=2**32 - 1)
    assert isinstance(update, Essop) and 1 <= update.parameters.seed <= 255
    update = read("pulsed:step=0.25,length_management=false", seed=7)
    assert isinstance(update, Pulsed)
    q = update.parameters
    assert (q.step, q.length, q.length_management, q.seed) == (0.25, 31, False, 7)
    assert read("exact", seed=1) is None


def test_command(tmp_path):
    options = ["--epochs", "1", "--update", "essop:length=2"]
    told, course = trained(tmp_path / "weights.npz", *options)
    assert "mlp on digits, binary32, update essop:length=2." in told
    assert course["settings"]["update"] == "essop:length=2"
    plain = CliRunner().invoke(main, ["train", "--epochs", "1"])
    assert "mlp on digits, binary32." in plain.stdout
    text = CliRunner().invoke(main, ["train", "--help"]).stdout
    assert "--update essop:length=16,share=rotated" in text and "--update pulsed:step=" in text


@pytest.mark.parametrize(
    "text, period",
    [
        # A pair takes the words of 64 cycles and of 31 more, by which its 32 rows are staggered.
        ("essop:width=12,length=64", 2 * 4095 // 95),
        ("essop:width=24", 2 * (2**24 - 1) // 95),
        ("essop:width=32,length=16,parallel=4", 2 * (2**32 - 1) // 140),
        ("pulsed:width=12,bits=12", 4095 // 31),
        ("pulsed:width=24,length=10", (2**24 - 1) // 10),
    ],
)
def test_random_bits_that_come_again_are_told(text, period):
    update = read(text, seed=1)
    assert update is not None and update.period == period
    update.pairs = period
    assert update.repeated == ""
    update.pairs += 1
    assert f"come again after {period:,} pairs of vectors" in update.repeated


@pytest.mark.parametrize("text, told", [("width=12,bits=8", True), ("width=24", False)])
@pytest.mark.parametrize("kind", ["essop:rows=10,columns=16", "pulsed:step=0.0005"])
def test_a_training_tells_whether_random_bits_came_again(digits, kind, text, told):
    run = train(digits, Settings(update=f"{kind},{text}"), steps=3)
    assert bool(run.repeated) == told


def test_random_bits_come_again_exactly_then():
    """The results of pairs, and not those of one pair before or after."""
    update = read("pulsed:width=8,bits=8,length=5,length_management=false", seed=1)
    assert isinstance(update, Pulsed) and update.period == 51
    p = update.parameters
    x, d = (np.random.default_rng(n).random((60, 4)).astype(np.float32) for n in (1, 2))
    found = [sums(p, pulses(p, x[:9], d[:9], rate=0.1), first=n).tolist() for n in (0, 50, 51, 52)]
    assert found[2] == found[0] and found[1] != found[0] != found[3]
