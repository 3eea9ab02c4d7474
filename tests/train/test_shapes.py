"""Shapes decide everything: each layer, window and network takes its own alone."""

from typing import Any

import numpy as np
import pytest

from sw.core import convolution, products
from sw.core.products import PASSES
from sw.core.window import Window, matrix
from sw.errors import UserError
from sw.train.arithmetic import Operand, Products
from sw.train.attention import EachToken, MeanToken, Pair, Positions, SelfAttention, Tokens
from sw.train.data import Data
from sw.train.layers import BatchNorm, Flatten, Mean, Pool, Rectifier, Residual, Weighted, dense
from sw.train.loop import train
from sw.train.loss import cross_entropy
from sw.train.network import MODELS, mlp
from sw.train.settings import Settings
from sw.train.update import read

from .slopes import Plain

RNG = np.random.default_rng(1)


def zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def planes(**sizes: Any) -> Weighted:
    return Weighted(convolution.Convolution(name="convolution", **sizes), RNG)


def told(message: str) -> Any:
    return pytest.raises(UserError, match=f"^{message}$")


def test_a_dense_layer_takes_its_inputs():
    """Row 1 was once read from ``x.ravel()[10:20]``."""
    layer = dense(10, 3, RNG)
    with told(r"x of dense must have the shape \(2, 10\), not \(2, 12\)"):
        layer.forward(zeros(2, 12), Plain())
    with told(r"x of dense must have the shape \(2, 10\), not \(2, 8\)"):
        layer.forward(zeros(2, 8), Plain())
    layer.forward(zeros(2, 10), Plain())
    with told(r"y of dense must have the shape \(2, 3\), not \(2, 4\)"):
        layer.backward(zeros(2, 4), Plain())
    with told(r"y of dense must have the shape \(2, 3\), not \(3, 3\)"):
        layer.backward(zeros(3, 3), Plain())
    layer.parameters["weight"] = zeros(10, 3)
    with told(r"w of dense must have the shape \(3, 10\), not \(10, 3\)"):
        layer.forward(zeros(2, 10), Plain())


def test_an_mlp_takes_its_pixels():
    network = mlp(60, 10, RNG)
    with told(r"x of dense must have the shape \(5, 60\), not \(5, 64\)"):
        network.forward(zeros(5, 64), Plain())
    with told(r"x must have the shape \(images, pixels\), not \(5, 6, 10\)"):
        network.forward(zeros(5, 6, 10), Plain())


@pytest.mark.parametrize("shape", [(2, 5, 12, 12), (2, 3, 12, 20), (2, 3, 14, 14), (2, 432)])
def test_a_convolution_takes_its_planes(shape):
    layer = planes(channels=3, filters=2, size=12, kernel=3)
    assert layer.forward(zeros(2, 3, 12, 12), Plain()).shape == (2, 2, 10, 10)
    with pytest.raises(UserError, match=r"x of convolution must have the shape \(2, 3, 12, 12\)"):
        layer.forward(zeros(*shape), Plain())
    with pytest.raises(UserError, match=r"y of convolution must have the shape \(2, 2, 10, 10\)"):
        layer.backward(zeros(2, 2, 12, 12), Plain())


ATTENTION = SelfAttention(tokens=4, width=8, heads=2, rng=RNG)
LAYERS = {
    "rectifier": (Rectifier(), (2, 3), None),
    "batch norm": (BatchNorm(channels=3), (2, 3, 4, 4), (2, 1, 4, 4)),
    "pool": (Pool(), (2, 3, 4, 4), (2, 3, 4)),
    "mean": (Mean(), (2, 3, 4, 4), (2, 3)),
    "flatten": (Flatten(), (2, 3, 4, 4), None),
    "residual": (Residual([BatchNorm(channels=3)]), (2, 3, 4, 4), (2, 1, 4, 4)),
    "tokens": (Tokens(), (2, 1, 4, 4), (2, 3, 4, 4)),
    "positions": (Positions(tokens=4, width=8, rng=RNG), (2, 4, 8), (2, 1, 8)),
    "mean token": (MeanToken(), (2, 4, 8), (8, 8)),
    "each token": (EachToken(dense(8, 2, RNG)), (2, 4, 8), (8, 8)),
    "attention": (ATTENTION, (2, 4, 8), (2, 5, 8)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_no_layer_stretches(name):
    """Of another input or gradient, NumPy made something that broadcasts."""
    layer, good, bad = LAYERS[name]
    if bad is not None:
        with pytest.raises(UserError, match="must have the shape"):
            layer.forward(zeros(*bad), Plain())
    y = layer.forward(zeros(*good), Plain())
    for shape in ((1, *y.shape[1:]), (*y.shape[:-1], y.shape[-1] + 1)):
        with pytest.raises(UserError, match="must have the shape"):
            layer.backward(zeros(*shape), Plain())
    assert layer.backward(zeros(*y.shape), Plain()).shape == good


def test_a_residual_adds_what_is_alike():
    way = [planes(channels=3, filters=1, size=4, kernel=1)]
    with told(r"x of residual beside its body must have the shape \(2, 1, 4, 4\), not .*"):
        Residual([*way]).forward(zeros(2, 3, 4, 4), Plain())


def test_heads_divide_a_width():
    with told("heads must be one of 1, 2, 4, 8, not 3"):
        SelfAttention(tokens=4, width=8, heads=3, rng=RNG)
    pair = Pair(products.Attention(name="scores", heads=2, rows=4, columns=4, depth=4))
    with told("x of scores must have a multiple of 2 heads, not 3"):
        pair.forward((zeros(3, 4, 4), zeros(3, 4, 4)), Plain())
    with told(r"w of scores must have the shape \(2, 4, 4\), not \(2, 4, 5\)"):
        pair.forward((zeros(2, 4, 4), zeros(2, 4, 5)), Plain())


def test_labels_are_classes_of_the_outputs():
    with told("labels must be from 0 to 2, not -1 at index 1"):
        cross_entropy(zeros(2, 3), np.array([0, -1]))
    with told(r"labels must have the shape \(2,\), not \(1,\)"):
        cross_entropy(zeros(2, 3), np.array([0]))
    with told("labels must be an array of integer, not float64"):
        cross_entropy(zeros(2, 3), np.array([0.0, 1.0]))


@pytest.mark.parametrize("arithmetic", ["binary32", "bfloat16", "hbfp8", "mbm7"])
@pytest.mark.parametrize("which", PASSES)
def test_products_in_any_arithmetic(arithmetic, which):
    layer = convolution.Convolution(name="c", channels=2, filters=3, size=5, kernel=3)
    good = {name: zeros(*shape) for name, shape in layer.shapes(2).items()}
    for name in "xwy":
        tensor = good[name]
        for bad in (tensor[..., :-1], tensor[None], tensor.astype(np.float64)):
            operands = {n: Operand(t) for n, t in (good | {name: bad}).items()}
            used = {"forward": "xw", "input": "yw", "weight": "yx"}[which]
            run = Products(seed=1).run
            if name in used:
                with pytest.raises(UserError, match="must (have the shape|be an array of float32)"):
                    run(layer, which, 2, operands, arithmetic)
    operands = {name: Operand(tensor) for name, tensor in good.items()}
    with told("which must be one of forward, input, weight, not 'backward'"):
        Products(seed=1).run(layer, "backward", 2, operands, arithmetic)
    with told("batch must be an integer from 1 to .*, not 0"):
        Products(seed=1).run(layer, which, 0, operands, arithmetic)


@pytest.mark.parametrize("text", ["essop:length=1", "pulsed"])
def test_updates_too(text):
    update = read(text, seed=1)
    assert update is not None
    update.start(0.1)
    layer = products.Dense(name="d", inputs=4, outputs=3)
    operands = {"x": Operand(zeros(2, 5)), "y": Operand(zeros(2, 3))}
    with told(r"x of d must have the shape \(2, 4\), not \(2, 5\)"):
        update.run(layer, 2, operands)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kernel": 8}, "kernel must fit the plane and its border, 7, not 8"),
        ({"stride": 0}, "stride must be an integer from 1 to .*, not 0"),
        ({"padding": -1}, "padding must be an integer from 0 to .*, not -1"),
        ({"channels": 2.0}, "channels must be an integer from 1 to .*, not 2.0"),
        ({"depthwise": 1}, "depthwise must be true or false, not 1"),
        ({"depthwise": True}, "filters must be the channels, 2, where each has .*, not 3"),
        ({"name": ""}, "name must be a line of text, not ''"),
    ],
)
def test_fields_of_a_convolution(fields, message):
    good = {"name": "c", "channels": 2, "filters": 3, "size": 5, "kernel": 3, "padding": 1}
    with told(message):
        convolution.Convolution(**good | fields)


def test_a_depthwise_layer_takes_its_planes():
    layer = convolution.Convolution(
        name="d", channels=2, filters=2, size=4, kernel=3, padding=1, depthwise=True
    )
    with told(r"w of d must have the shape \(2, 1, 3, 3\), not \(2, 2, 3, 3\)"):
        layer.check(1, {"w": zeros(2, 2, 3, 3)})


def test_a_window_ends_in_its_tensor():
    """The address behind a tensor was once that of a zero."""
    window = matrix(2, 3, stride_c=6)
    x = np.arange(12, dtype=np.float32)
    assert window.gather(x, 1).tolist() == [[6, 7, 8], [9, 10, 11]]
    with told("tensor must have the 6 elements that are addressed, or more, not 5"):
        window.gather(x[:5])
    with told("tensor must have the 18 elements that are addressed, or more, not 12"):
        window.gather(x, 2)
    with told("c must be an integer from 0 to .*, not -1"):
        window.gather(x, -1)
    with told(r"values must have the shape \(2, 3\), not \(2, 1\)"):
        window.scatter(zeros(2, 1), x)
    with told("tensor must have the 12 elements that are addressed, or more, not 11"):
        window.scatter(zeros(2, 3), x[:11], 1)
    # What was added to the copy of a view was lost.
    with told("tensor must lie in memory in order, and is a view that does not"):
        window.scatter(zeros(2, 3), zeros(3, 2).T)
    with told("p must be an integer from 1 to .*, not 0"):
        Window(p=0)


@pytest.mark.parametrize(
    ("model", "pixels", "message"),
    [
        ("lenet", 60, "pixels must be those of a square of side 4 or more, not 60"),
        ("lenet", 9, "pixels must be those of a square of side 4 or more, not 9"),
        ("resnet8", 65, "pixels must be those of a square of side 1 or more, not 65"),
        ("transformer", 0, "pixels must be an integer from 1 to .*, not 0"),
        ("mlp", 64.0, "pixels must be an integer from 1 to .*, not 64.0"),
    ],
)
def test_pixels_of_models(model, pixels, message):
    with told(message):
        MODELS[model](pixels, 10, RNG)


@pytest.mark.parametrize("sample", [(4, 8, 8), (4, 64), (2, 4, 32)])
def test_planes_are_square_and_of_one_channel(sample):
    """256 pixels are a square, but these images are not 16 x 16."""
    x, y = zeros(4, *sample) + 1, np.array([0, 1, 0, 1])
    data = Data(name="mine", train_x=x, train_y=y, test_x=x, test_y=y)
    with told(r"images must be square and of one channel for this model, not \(.*\)"):
        train(data, Settings(model="lenet", epochs=1))
    train(data, Settings(epochs=1))
