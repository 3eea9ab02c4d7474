"""Passes of small layers on the sparse array: results, and cycles in RTL and model."""

import re

import numpy as np
import pytest

from sim.sparse.layers import run_pass
from sw.core.convolution import Convolution
from sw.core.products import Dense, execute
from sw.errors import UserError

from ..small import PARAMETERS

P = PARAMETERS["sparse_array"].replace(
    pe_rows=4, columns=2, mask_bits=16, nonzeros=128, patch=128, depth=128, sums=64, pixels=32
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"which": "backward"}, "which must be one of forward, input, weight, not 'backward'"),
        ({"which": "input"}, "y of layer must have the shape (4, 10, 7, 7), not (4, 5, 7, 7)"),
        ({"sparse": np.zeros((5, 5, 3, 3), np.float32)}, "w of layer must have the shape (10, 5"),
        ({"sparse": np.zeros((10, 5, 3, 3))}, "w must be an array of float32, not float64"),
        ({"dense": np.zeros((1, 5, 7, 7), np.float32)}, "x of layer must have the shape (4, 5"),
        ({"dense": None}, "x must be an array of float32, not None"),
        ({"batch": 4.0}, "batch must be an integer from 1 to"),
        ({"batch": 0}, "batch must be an integer from 1 to"),
        ({"mode": "2:4"}, "mode must be one of sparse, dense, not '2:4'"),
        ({"p": None}, "p must be of SparseArrayParameters, not None"),
    ],
)
def test_what_a_pass_is_given_is_its_layers(changes, message):
    layer, sparse, dense, _ = _operands("3 x 3", "forward")
    given = {"p": P, "layer": layer, "which": "forward", "sparse": sparse, "dense": dense}
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        run_pass(**given | {"batch": BATCH, "rtl": False} | changes)
