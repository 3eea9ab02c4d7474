"""Training by a recipe through circuits: the model's weights, and each result compared."""

import numpy as np
import pytest

from sim.recipe_circuit import RecipeCircuit
from sw.errors import UserError
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings


def test_a_step_through_circuits():
    data = load("digits")
    settings = Settings(arithmetic="nvfp4", hidden=(18,), batch=16, epochs=1)
    circuit, seen = RecipeCircuit(), []
    circuit.report = seen.append
    one, other = (
        train(data, settings, engine=engine, steps=1).network.arrays for engine in (circuit, None)
    )
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert (circuit.watch.missed, circuit.watch.first) == (0, "")
    # Two layers without the gradient of the data; the gradients of weights have two transforms.
    assert (circuit.products, circuit.transforms, seen) == (5, 4, [1, 2, 3, 4, 5])
    assert circuit.cycles > 0


def test_operands_of_two_formats_are_refused():
    data = load("digits")
    settings = Settings(arithmetic="mxfp8_hybrid,forward=bfloat16", hidden=(18,), batch=16)
    with pytest.raises(UserError) as error:
        train(data, settings, engine=RecipeCircuit(), steps=1)
    assert str(error.value) == (
        "operands must have one format for a circuit, not mxfp8_e5m2 rceil and mxfp8_e4m3 rceil"
    )
