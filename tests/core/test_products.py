"""Products of layers against plain loops over the definition of each layer."""

import itertools

import numpy as np
import pytest

from sw.core.convolution import Convolution
from sw.core.products import OPERANDS, PASSES, Attention, Dense, Layer, Product, execute

Tensors = dict[str, np.ndarray]


def convolution(layer: Convolution, t: Tensors) -> Tensors:
    """Forward and both gradients in exact integers, straight from the definition."""
    result = {name: np.zeros(v.shape, np.int64) for name, v in t.items()}
    batch, filters, side, _ = t["y"].shape
    across = range(1 if layer.depthwise else layer.channels)
    taps = itertools.product(range(layer.kernel), repeat=2)
    for (ky, kx), o, c in itertools.product(list(taps), range(filters), across):
        channel = o if layer.depthwise else c
        for n, oy, ox in itertools.product(range(batch), range(side), range(side)):
            y, x = (p * layer.stride - layer.padding + k for p, k in ((oy, ky), (ox, kx)))
            if 0 <= y < layer.size and 0 <= x < layer.size:
                at_x, at_w, at_y = (n, channel, y, x), (o, c, ky, kx), (n, o, oy, ox)
                result["y"][at_y] += t["x"][at_x] * t["w"][at_w]
                result["x"][at_x] += t["y"][at_y] * t["w"][at_w]
                result["w"][at_w] += t["y"][at_y] * t["x"][at_x]
    return result


def plain(layer: Layer, t: Tensors) -> Tensors:
    """The same of dense layers and attention."""
    return {
        "y": t["x"] @ t["w"].swapaxes(-1, -2),
        "x": t["y"] @ t["w"],
        "w": t["y"].swapaxes(-1, -2) @ t["x"],
    }


def tensors(layer: Layer, batch: int) -> Tensors:
    rng = np.random.default_rng(1)
    return {n: rng.integers(-9, 10, shape) for n, shape in layer.shapes(batch).items()}


def check(layer: Layer, batch: int, expected: Tensors, t: Tensors, **options) -> None:
    floats = {name: v.astype(np.float32) for name, v in t.items()}
    for which in PASSES:
        a, b, out = OPERANDS[which]

        def multiply(product: Product, c: int, a: str = a, b: str = b) -> np.ndarray:
            return product.a.gather(floats[a], c) @ product.b.gather(floats[b], c).T

        for products in (layer.products(which, batch, **options), layer.shared(which, batch)):
            got = execute(products, layer.shapes(batch)[out], multiply)
            assert np.array_equal(got, expected[out]), which
        assert sum(p.work for p in layer.shared(which, batch)) == sum(
            p.work for p in layer.products(which, batch, **options)
        )


CONVOLUTIONS = [
    {"channels": 3, "filters": 2, "size": 5, "kernel": 3, "padding": 1},
    {"channels": 2, "filters": 3, "size": 6, "kernel": 3, "stride": 2, "padding": 1},
    {"channels": 2, "filters": 2, "size": 7, "kernel": 3, "stride": 2, "padding": 1},
    {"channels": 3, "filters": 4, "size": 6, "kernel": 1, "stride": 2},
    {"channels": 1, "filters": 2, "size": 9, "kernel": 7, "stride": 2, "padding": 3},
    {"channels": 2, "filters": 1, "size": 7, "kernel": 5, "stride": 3, "padding": 2},
    {"channels": 2, "filters": 2, "size": 5, "kernel": 2},
]


@pytest.mark.parametrize("fields", CONVOLUTIONS, ids=lambda f: "-".join(map(str, f.values())))
def test_convolution(fields):
    layer = Convolution(name="c", **fields)
    t = tensors(layer, 2)
    check(layer, 2, convolution(layer, t), t)


@pytest.mark.parametrize("tile", [(1, 1), (2, 2), (1, 3), (4, 2)])
@pytest.mark.parametrize("size, stride", [(5, 1), (6, 2), (7, 2)])
def test_depthwise_convolution(size, stride, tile):
    layer = Convolution(
        name="d",
        channels=3,
        filters=3,
        size=size,
        kernel=3,
        stride=stride,
        padding=1,
        depthwise=True,
    )
    t = tensors(layer, 2)
    check(layer, 2, convolution(layer, t), t, tile=tile)


def test_dense_and_attention():
    for layer in (
        Dense(name="d", inputs=5, outputs=3, positions=2),
        Attention(name="a", heads=2, rows=3, columns=4, depth=5),
    ):
        t = tensors(layer, 3)
        check(layer, 3, plain(layer, t), t)


@pytest.mark.parametrize("which", PASSES)
def test_the_work_of_a_pass_is_that_of_the_layer(which):
    layer = Convolution(name="c", channels=2, filters=3, size=7, kernel=3, stride=2, padding=1)
    products = layer.products(which, 2)
    assert sum(p.work for p in products) == 2 * 4 * 4 * 3 * 2 * 9
    assert all(p.count * p.m * p.n * p.k > 0 for p in products)
