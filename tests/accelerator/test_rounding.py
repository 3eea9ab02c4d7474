"""Which operands of a training are rounded by random words."""

import numpy as np
import pytest

from sw.accelerator.coding import decode
from sw.accelerator.compile import compile_training
from sw.accelerator.operands import Panels
from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.products import Products
from sw.errors import UserError
from sw.formats import read_format
from sw.train.settings import Settings

from .made import SMALL, made
from .trained import trained

P = SMALL.replace(
    format="hbfp4:block=8", lanes=8, banks=16, bank_words=2048, instructions=2048
).replace(stochastic="gradients")
GRADIENTS = {("input", 0), ("weight", 0)}
PASSES = [(which, side) for which in ("forward", "input", "weight") for side in (0, 1)]


@pytest.mark.parametrize("use", PASSES)
def test_gradients_alone_draw_words(use):
    x = np.linspace(-1, 1, 64, dtype=np.float32).reshape(4, 16)
    for given, expected in ((None, use in GRADIENTS), (True, True), (False, False)):
        key = Panels(P, 1, 0, 1, 1).key(3, *use, gradient=given)
        assert (key is not None) == expected
        first, other = (Products(P, seed).operand(x, 3, use, gradient=given) for seed in (1, 2))
        assert np.array_equal(first.code, other.code) != expected
        assert first.format == P.format


def test_inference_is_rounded_as_forward_passes():
    assert P.forward.rounding == "nearest_away"
    assert P.replace(stochastic="all").forward == P.format
    nearest = SMALL.replace(format="mxint8")
    assert nearest.forward == nearest.format


def test_others_are_rounded_to_nearest_ties_away():
    # The largest magnitude has 3 bits in front of the point.
    x = np.array([[7, 0.5, -0.5, 0.49, 1.5, -2.5, 2.49, 0]], np.float32)
    found = Products(P, 1).operand(x, 0, ("forward", 0))
    assert found.mantissa.tolist() == [[7, 1, -1, 0, 2, -3, 2, 0]]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("lenet", {"columns": 16, "lanes": 8, "format": "hbfp8"}),
        ("transformer", {"format": "nvfp4:rounding=stochastic", "rows": 8, "columns": 1}),
    ],
)
def test_trained_as_by_the_definition(model, fields):
    p = P.replace(bank_words=4096, **fields)
    s = Settings(model=model, batch=p.values, rate=0.05, epochs=1, seed=7)
    trained(p, made(2 * p.values, 16, 3), s)


def test_gradients_of_attention():
    """Of the programs' operands those that are gradients have keys, by their names."""
    data = made(8, 9, 3)
    program = compile_training(P, data, Settings(model="transformer", batch=8, epochs=1))
    keyed, seen = False, {True: set[str](), False: set[str]()}
    for line in program.lines:
        found, fields = decode(line.word)
        if found.name == "quant.key" or (found.name == "quant.base" and fields["window"] == 0):
            keyed = found.name == "quant.key"
        if found.name == "quant.quantize":
            seen[keyed].add(line.comment.split(" = ")[1].removesuffix("^T"))
    gradients, others = {"dmixed5", "dshares5", "dy2"}, {"shares5", "mixed5", "weight0", "pixels"}
    assert gradients <= seen[True] and not gradients & seen[False]
    assert others <= seen[False] and not others & seen[True]


def test_refused():
    with pytest.raises(UserError, match="stochastic must be one of all, gradients, not 'some'"):
        P.replace(stochastic="some")
    message = "stochastic must be all where nvfp4 is not rounded stochastically, not gradients"
    with pytest.raises(UserError, match=message):
        AcceleratorParameters(format=read_format("nvfp4"), stochastic="gradients")
