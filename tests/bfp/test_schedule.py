"""Layers on the multi-mode array: what they compute, the cycles they take, the slots they use."""

from typing import Any

import numpy as np
import pytest

from sim.bfp.multimode_array import simulate
from sim.compare import assert_equal
from sw.bfp.multimode_array import MultimodeParameters, matmul
from sw.bfp.schedule import map_pass, utilization
from sw.core.convolution import Convolution
from sw.core.products import PASSES, Attention, Dense
from sw.errors import UserError
from sw.formats.blocks import Blocks
from sw.formats.quantize import quantize
from sw.networks import NETWORKS

ARRAY = MultimodeParameters(rows=2, columns=8)


@pytest.mark.parametrize(
    ("network", "millions"),
    # Multiply-adds of an image of 224 x 224, convolutions and dense layers: 1.8, 4.1, 15.5 and 0.3
    # thousand million in the papers and in what follows them.
    [("resnet18", 1814), ("resnet50", 4089), ("vgg16", 15470), ("mobilenet_v2", 301)],
)
def test_work_of_the_networks(network, millions):
    layers = NETWORKS[network]()
    for which in PASSES:
        work = sum(q.work for layer in layers for q in layer.products(which, 1))
        assert round(work / 1e6) == millions


@pytest.mark.parametrize("mode", range(3))
@pytest.mark.parametrize("network", NETWORKS)
def test_slots_used_by_a_training_step(network, mode):
    layers = NETWORKS[network]()
    share, _ = utilization(ARRAY, layers, 8, (mode, mode))
    assert share >= (0.70 if network == "mobilenet_v2" else 0.95)


def conv(name: str, *sizes: int, **fields: Any) -> Convolution:
    names = ("channels", "filters", "size", "kernel")
    return Convolution(name=name, **dict(zip(names, sizes, strict=True)), **fields)


LAYERS = [
    conv("resnet conv1", 3, 8, 16, 7, stride=2, padding=3),
    conv("resnet 3x3", 8, 8, 7, 3, padding=1),
    conv("resnet 3x3 strided", 8, 16, 8, 3, stride=2, padding=1),
    conv("resnet shortcut", 8, 16, 8, 1, stride=2),
    conv("bottleneck in", 32, 8, 7, 1),
    conv("bottleneck out", 8, 32, 7, 1),
    conv("vgg conv1", 3, 8, 14, 3, padding=1),
    conv("mobilenet expand", 4, 24, 7, 1),
    conv("mobilenet depthwise", 12, 12, 7, 3, padding=1, depthwise=True),
    conv("mobilenet depthwise strided", 12, 12, 8, 3, stride=2, padding=1, depthwise=True),
    Dense(name="fc", inputs=64, outputs=20),
    Dense(name="transformer up", inputs=24, outputs=48, positions=9),
    Attention(name="scores", heads=2, rows=9, columns=9, depth=16),
    Attention(name="mix", heads=2, rows=9, columns=16, depth=9),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_cycles_of_layers_are_those_of_the_model(layer):
    # Every pass in another pair of modes; all products of a pass with equal reduction in one job.
    rng = np.random.default_rng(1)
    shapes = layer.shapes(2)
    tensors = {n: rng.standard_normal(s).astype(np.float32) for n, s in shapes.items()}
    names = {"forward": "xw", "input": "yw", "weight": "yx"}
    for number, which in enumerate(PASSES):
        modes = (number, (number + len(layer.name)) % 3)
        mapping = map_pass(ARRAY, layer, which, 2, modes)
        total = 0
        products = layer.products(which, 2, tile=mapping.tile)
        for product, swapped in zip(products, mapping.transposed, strict=True):
            pairs = []
            for c in range(product.count):
                sides = zip((product.a, product.b), names[which], modes, strict=True)
                x, y = (
                    quantize(window.gather(tensors[name], c), ARRAY.formats[mode], axis=1)
                    for window, name, mode in sides
                )
                pairs.append(transposed(y, x) if swapped else transposed(x, y))
            results, run = simulate(ARRAY, pairs)
            total += run.cycles
            for result, (a, b) in zip(results, pairs, strict=True):
                assert_equal(result, matmul(ARRAY, a, b), context={"layer": layer.name})
        assert total == mapping.cycles


def transposed(a: Blocks, b: Blocks) -> tuple[Blocks, Blocks]:
    """Return both operands of ``a @ b.T``."""
    return a, Blocks.of(b.mantissa.T, b.exponent.T, format=b.format, axis=0)


@pytest.mark.parametrize(
    ("batch", "modes", "message"),
    [
        (0, (0, 0), "batch must be an integer from 1 to 2147483647, not 0"),
        (8.0, (0, 0), "batch must be an integer from 1 to 2147483647, not 8.0"),
        (8, (0, 3), "mode of b must be an integer from 0 to 2, not 3"),
        (8, (-1, 0), "mode of a must be an integer from 0 to 2, not -1"),
        (8, (0,), "modes must be those of the two operands, not \\(0,\\)"),
        (8, 1, "modes must be those of the two operands, not 1"),
    ],
)
def test_errors(batch, modes, message):
    layer = Dense(name="dense", inputs=7, outputs=3)
    with pytest.raises(UserError, match=message):
        map_pass(ARRAY, layer, "forward", batch, modes)
    with pytest.raises(UserError, match=message):
        utilization(ARRAY, [layer], batch, modes)
    with pytest.raises(UserError, match="layers must be at least one, not none"):
        utilization(ARRAY, [], 8, (0, 0))


def test_errors_of_what_is_no_layer_or_no_array():
    layer: Any = Dense(name="dense", inputs=7, outputs=3)
    odd: Any = "x"
    with pytest.raises(UserError, match="layers must be of list or tuple, not 'x'"):
        utilization(ARRAY, odd, 8, (0, 0))
    with pytest.raises(UserError, match="each of layers must be of Layer, not 'x'"):
        utilization(ARRAY, [layer, odd], 8, (0, 0))
    with pytest.raises(UserError, match="parameters must be of MultimodeParameters, not 'x'"):
        utilization(odd, [layer], 8, (0, 0))
    with pytest.raises(UserError, match="layer must be of Layer, not 'x'"):
        map_pass(ARRAY, odd, "forward", 8, (0, 0))
    with pytest.raises(UserError, match="which must be one of forward, input, weight, not 'x'"):
        map_pass(ARRAY, layer, "x", 8, (0, 0))
