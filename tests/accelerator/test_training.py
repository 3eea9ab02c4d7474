"""The training in the machine's order against literal sums, binary64 and the training of `sw`."""

import numpy as np
import pytest

from sw.accelerator import tensors, training
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.start import start
from sw.accelerator.training import train
from sw.errors import UserError
from sw.formats import BLOCK_FORMATS, BfpFormat, binary32
from sw.train.data import Data, load
from sw.train.loop import accuracy
from sw.train.loop import train as reference
from sw.train.loss import cross_entropy
from sw.train.network import Network
from sw.train.precision import Fixed
from sw.train.settings import Settings
from sw.words import Words

EXACT = BfpFormat(name="wide", mantissa_bits=24, sign_inside=False, block=(1,))
"""Blocks of one element that hold any binary32."""

LAST_PLACE = 2.0**-23
"""Of weights, which are about 1: sums in another order differ there."""


def test_sums_are_in_the_order_of_the_machine():
    """Of 2**24, ones that are lost one by one and ones that meet first."""
    big, one = np.float32(2**24), np.float32(1)
    # Words 0 and 8 are of one partial sum: the one is lost there.
    x = np.zeros(9, np.float32)
    x[[0, 8]] = big, one
    assert tensors.sum_words(x[:, None])[0] == 2**24
    # Words 2 and 3 meet before they are added to word 0.
    x = np.zeros(9, np.float32)
    x[[0, 2, 3]] = big, one, one
    assert tensors.sum_words(x[:, None])[0] == 2**24 + 2
    # Words 1 and 2 do not.
    x = np.zeros(9, np.float32)
    x[[0, 1, 2]] = big, one, one
    assert tensors.sum_words(x[:, None])[0] == 2**24


def test_rectifier_and_largest():
    x = np.array([1, -1, -0.0, 1e-40, np.inf, np.nan], np.float32)
    assert np.array_equal(tensors.positive(x)[:5], [1, 0, 0, 0, np.inf])
    assert not np.signbit(tensors.positive(x)).any()
    y = np.array([2, -2, 0.0, 3, np.nan, 0], np.float32)
    found = tensors.larger(x, y)
    assert np.array_equal(found[:4], [2, -1, 0, 3]) and np.isnan(found[4:]).all()


def test_loss_is_the_cross_entropy():
    data = load("digits")
    p = AcceleratorParameters()
    step = training._Step(p, Settings(), Network([]))
    rng = np.random.default_rng(3)
    z = (rng.standard_normal((10, 64)) * 3).astype(np.float32)
    labels = data.train_y[:64]
    hot = (labels == np.arange(10)[:, None]).astype(np.float32)
    loss, gradient = step._loss(z, hot)
    expected, slopes = cross_entropy(np.ascontiguousarray(z.T), labels)
    assert abs(loss - expected) < 1e-6 * expected
    # Of shares of up to 1, divided by 64: two of their last places.
    assert np.abs(gradient.T - slopes).max() <= 2.0**-28


def test_one_step_is_that_of_the_other_training():
    """Products of binary32 are then binary64's to the last places."""
    data = load("digits")
    p = AcceleratorParameters(format=EXACT, rows=1, columns=1, lanes=1)
    s = Settings(hidden=(12, 9), epochs=1, batch=1024, rate=0.1)
    found = train(p, data, s)
    run = reference(data, s, steps=1)
    for name, array in run.network.arrays.items():
        assert np.abs(found.weights[name] - array).max() <= LAST_PLACE, name
    first = start(p, data, s).network.arrays
    for name, array in found.weights.items():
        change = binary32.multiply(found.momenta[name], -np.float32(0.1))
        assert np.array_equal(array, binary32.add(change, first[name])), name
    assert found.losses.shape == (1, 1)
    plain = train(p, data, s, products="binary32")
    for name, array in run.network.arrays.items():
        assert np.abs(plain.weights[name] - array).max() <= LAST_PLACE, name


def test_digits_are_learnt():
    data = load("digits")
    p = AcceleratorParameters(format=BLOCK_FORMATS["hbfp6"])
    s = Settings(hidden=(32,), epochs=2, rate=0.1)
    found, network = train(p, data, s), start(p, data, s).network
    for name, array in network.arrays.items():
        array[:] = found.weights[name]
    precision = Fixed("hbfp6", {"": "hbfp6"})
    assert accuracy(network, precision, data.test_x, data.test_y) > 0.85
    assert found.losses[1].mean() < found.losses[0].mean() / 2


def test_random_words_change_with_seed_and_step(monkeypatch):
    keys = []
    draw = Words.draw

    def spy(words, shape, bits):
        keys.append(words.key)
        return draw(words, shape, bits)

    monkeypatch.setattr(Words, "draw", spy)
    data = load("digits")
    small = Data(
        name="few",
        train_x=data.train_x[:70],
        train_y=data.train_y[:70],
        test_x=data.test_x,
        test_y=data.test_y,
    )
    train(AcceleratorParameters(), small, Settings(epochs=2, batch=32))
    # Two layers with 4 operands of the first, 6 of the second; 2 steps in 2 epochs.
    assert len(keys) == 40 == len(set(keys))
    assert [key - keys[n % 10] for n, key in enumerate(keys)] == [n // 10 for n in range(40)]


def test_refused():
    with pytest.raises(UserError, match="parameters must be of AcceleratorParameters"):
        train("hbfp8", load("digits"), Settings())  # pyright: ignore[reportArgumentType]
    with pytest.raises(UserError, match="products"):
        train(AcceleratorParameters(), load("digits"), Settings(), products="binary64")
