"""One step as the accelerator's definition makes it, beside the training that has no machine."""

import numpy as np
import pytest

from sw.accelerator.parameters import AcceleratorParameters
from sw.accelerator.start import start
from sw.accelerator.training import train
from sw.formats import BfpFormat, binary32
from sw.train.loop import train as reference
from sw.train.settings import Settings

from .trained import few

RATE = 0.05
WIDE = AcceleratorParameters(
    format=BfpFormat(name="wide", mantissa_bits=24, sign_inside=False, block=(1,)),
    rows=1,
    columns=1,
    lanes=1,
)
"""Products are those of binary32, and so those of binary64 to the last places."""


@pytest.mark.parametrize(
    ("model", "products", "within"),
    [
        # Arrays are about 1: sums in another order differ in the last place, or in two.
        ("lenet", "format", 2.0**-23),
        ("resnet8", "binary32", 2.0**-23),
        ("transformer", "format", 2.0**-22),
        ("transformer", "binary32", 2.0**-22),
    ],
)
def test_one_step_is_that_of_the_other_training(model, products, within):
    data, s = few(16), Settings(model=model, batch=16, rate=RATE, epochs=1)
    found, first = train(WIDE, data, s, products=products), start(WIDE, data, s).network.arrays
    arrays = reference(data, s, steps=1).network.arrays
    for name, array in arrays.items():
        assert np.abs(found.weights[name] - array).max() <= within, name
    running = {name for name in arrays if name.startswith(("mean", "variance"))}
    assert found.momenta.keys() == arrays.keys() - running
    for name, momentum in found.momenta.items():
        change = binary32.multiply(momentum, -np.float32(RATE))
        assert np.array_equal(found.weights[name], binary32.add(change, first[name])), name
        assert (momentum != 0).any(), name
