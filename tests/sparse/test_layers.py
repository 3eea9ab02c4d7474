"""Passes of small layers on the sparse array: results, and cycles in RTL and model."""

import numpy as np
import pytest

from sim.sparse.layers import run_pass
from sw.core.convolution import Convolution
from sw.core.products import Dense, execute
from sw.sparse.array_parameters import SparseArrayParameters

P = SparseArrayParameters(
    lines=4,
    columns=2,
    mask_bits=16,
    fetch=2,
    entries=128,
    patch=128,
    sums=64,
    depth=128,
    positions=32,
)
BATCH = 4


def _conv(**sizes):
    return Convolution(name="layer", **{"padding": sizes["kernel"] // 2, **sizes})


LAYERS = {
    "3 x 3": _conv(channels=5, filters=10, size=7, kernel=3),
    "stride 2": _conv(channels=3, filters=9, size=9, kernel=3, stride=2),
    "1 x 1, stride 2": _conv(channels=6, filters=5, size=8, kernel=1, stride=2),
    "depth-wise": _conv(channels=12, filters=12, size=6, kernel=3, depthwise=True),
    "depth-wise, stride 2": _conv(
        channels=10, filters=10, size=7, kernel=3, stride=2, depthwise=True
    ),
    "5 x 5, no padding": _conv(channels=3, filters=4, size=9, kernel=5, padding=0),
    "dense": Dense(name="layer", inputs=21, outputs=18),
}

SCALED = [
    ("3 x 3", "forward", "sparse"),
    ("3 x 3", "weight", "sparse"),
    ("stride 2", "input", "sparse"),
    ("1 x 1, stride 2", "input", "sparse"),
    ("1 x 1, stride 2", "forward", "dense"),
    ("depth-wise", "weight", "sparse"),
    ("depth-wise, stride 2", "forward", "sparse"),
    ("5 x 5, no padding", "weight", "sparse"),
    ("dense", "forward", "sparse"),
]
"""Passes that go through the RTL."""


def _operands(name, which, seed=1):
    """Return a sparse and a dense operand of small integers, and what they should give."""
    layer, rng = LAYERS[name], np.random.default_rng(seed)
    tensors = {
        tensor: rng.integers(-3, 4, shape) * (rng.random(shape) < share)
        for (tensor, shape), share in zip(layer.shapes(BATCH).items(), (0.5, 0.3, 1.0), strict=True)
    }
    takes, gives = {"forward": ("xw", "y"), "input": ("yw", "x"), "weight": ("yx", "w")}[which]
    a, b = (tensors[tensor] for tensor in takes)
    wanted = execute(
        layer.products(which, BATCH),
        layer.shapes(BATCH)[gives],
        lambda product, c: product.a.gather(a, c) @ product.b.gather(b, c).T,
    )
    dense, sparse = (tensors[tensor].astype(np.float32) for tensor in takes)
    return layer, sparse, dense, wanted.astype(np.float32)


@pytest.mark.parametrize("which", ["forward", "input", "weight"])
@pytest.mark.parametrize("name", LAYERS)
def test_every_pass_gives_what_the_layer_does(name, which):
    layer, sparse, dense, wanted = _operands(name, which)
    found = run_pass(P, layer, which, sparse, dense, batch=BATCH, rtl=False)
    np.testing.assert_array_equal(found.result, wanted)


@pytest.mark.parametrize(("name", "which", "mode"), SCALED)
def test_rtl_gives_it_in_the_cycles_of_the_model(name, which, mode):
    layer, sparse, dense, wanted = _operands(name, which)
    found = run_pass(P, layer, which, sparse, dense, batch=BATCH, mode=mode)
    np.testing.assert_array_equal(found.result, wanted)
    assert found.cycles == found.expected
