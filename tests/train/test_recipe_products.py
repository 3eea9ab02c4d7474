"""Products under each recipe, and a step of training, against exact fractions, bit for bit."""

import dataclasses

import numpy as np
import pytest

from sw.core.convolution import Convolution
from sw.core.products import OPERANDS, PASSES, Dense, execute
from sw.train.arithmetic import Operand, Products
from sw.train.data import load
from sw.train.loop import train
from sw.train.loss import cross_entropy
from sw.train.recipes import RECIPES
from sw.train.settings import Settings
from tests.train.recipe_passes import passed

DENSE = Dense(name="dense", inputs=37, outputs=20)
CONVOLUTION = Convolution(name="c", channels=2, filters=3, size=4, kernel=3, padding=1)


def tensors(layer, batch: int) -> dict[str, np.ndarray]:
    """Rectified activations, and gradients of few samples, some of them exact ties."""
    rng = np.random.default_rng(4)
    found = {n: rng.standard_normal(s).astype(np.float32) for n, s in layer.shapes(batch).items()}
    found["x"] = np.maximum(found["x"], 0)
    found["y"] *= rng.random((batch, *[1] * (found["y"].ndim - 1)), np.float32) ** 8
    found["w"] = np.where(rng.random(found["w"].shape) < 0.3, np.rint(found["w"] * 8) / 8, 0.1)
    found["w"] = found["w"].astype(np.float32)
    return found


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("layer", [DENSE, CONVOLUTION], ids=["dense", "convolution"])
def test_products_of_all_passes(layer, name):
    batch = 18 if layer is DENSE else 2
    found = tensors(layer, batch)
    operands = {key: Operand(value) for key, value in found.items()}
    products = Products(seed=9)
    products.step = 12
    [forward] = layer.shared("forward", batch)
    x, w, y = forward.a.gather(found["x"]), forward.b.gather(found["w"]), None
    y = forward.out.gather(found["y"])
    for which in PASSES:
        got = products.run(layer, which, batch, operands, name, number=3)
        result = passed(name, which, x, w, y, (9, 12, 3))
        shape = layer.shapes(batch)[OPERANDS[which][2]]
        expected = execute(
            layer.shared(which, batch), shape, lambda product, c, result=result: result
        )
        assert np.array_equal(got, expected), which
        alone = {key: Operand(value) for key, value in found.items()}
        again = products.run(layer, which, batch, alone, name, number=3)
        assert np.array_equal(again, expected), "it depends on what was computed before"


@pytest.mark.parametrize("name", ["nvfp4", "quartet"])
def test_a_step_of_training(name):
    """Two layers, one step: the weights that the definition gives."""
    data = load("digits")
    few = np.concatenate([np.flatnonzero(data.train_y == digit)[:2] for digit in range(10)])
    data = dataclasses.replace(data, train_x=data.train_x[few], train_y=data.train_y[few])
    settings = Settings(arithmetic=name, hidden=(18,), batch=20, seed=5, epochs=1)
    before, after = (train(data, settings, steps=steps).network.arrays for steps in (0, 1))
    # The order of the first epoch, as the training draws it after the first weights.
    rng = np.random.default_rng(5)
    for shape in ((18, 64), (10, 18)):
        rng.standard_normal(shape)
    order = rng.permutation(20)
    x, labels = data.train_x[order], data.train_y[order]

    def product(which, x, w, y, layer):
        return passed(name, which, x, w, y, (5, 0, layer))

    first, second = before["weight0"], before["weight1"]
    hidden = np.maximum(product("forward", x, first, x[:, :18], 0) + before["bias0"], 0)
    outputs = product("forward", hidden, second, x[:, :10], 1) + before["bias1"]
    gradient = cross_entropy(outputs, labels)[1]
    slope = product("weight", hidden, second, gradient, 1)
    back = product("input", hidden, second, gradient, 1) * (hidden > 0)
    expected = {"weight1": slope, "weight0": product("weight", x, first, back, 0)}
    rate = np.float32(settings.rate)
    for array, own in expected.items():
        assert np.array_equal(after[array], before[array] - rate * own), array


def test_products_of_several_windows():
    """Of a depth-wise convolution, which has a product a channel: each is that channel's own."""
    layer = Convolution(
        name="depthwise", channels=3, filters=3, size=4, kernel=3, padding=1, depthwise=True
    )
    one = Convolution(name="one", channels=1, filters=1, size=4, kernel=3, padding=1)
    found = tensors(layer, 2)
    operands = {key: Operand(value) for key, value in found.items()}
    products = Products(seed=1)
    for which in PASSES:
        name = "quartet:rounding=nearest_even"
        got = products.run(layer, which, 2, operands, name)
        for c in range(3):
            own = {n: v[c : c + 1] if n == "w" else v[:, c : c + 1] for n, v in found.items()}
            alone = {n: Operand(np.ascontiguousarray(v)) for n, v in own.items()}
            expected = products.run(one, which, 2, alone, name)
            assert np.array_equal(
                got[c : c + 1] if which == "weight" else got[:, c : c + 1], expected
            )
