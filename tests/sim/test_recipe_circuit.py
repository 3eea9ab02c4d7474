"""Training by a recipe through circuits: the model's weights, and each result compared."""

import numpy as np
import pytest

from sim.compare import assert_equal
from sim.formats import converter, tensor_amax
from sim.formats.elements import random_blocks
from sim.recipe_circuit import RecipeCircuit, check_recipe
from sim.training import check, compare, configure
from sw.errors import UserError
from sw.formats import MX_FORMATS
from sw.train.data import load
from sw.train.recipes import read_recipe
from sw.train.settings import Settings
from sw.words import Words

# No extent but that of the images is a multiple of the blocks and tiles.
SETTINGS = Settings(arithmetic="nvfp4", hidden=(18,), batch=20)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_steps_through_circuits(digits):
    """Of `python -m sim train --arith nvfp4 --steps 100`, which takes half a minute, two."""
    seen = []
    done = compare(
        digits, SETTINGS, configure("nvfp4"), steps=2, report=lambda *counts: seen.append(counts)
    )
    for name, array in done.model.network.arrays.items():
        assert_equal(done.circuit.network.arrays[name], array, context={"array": name, "seed": 1})
    assert (done.mismatches, done.first) == (0, "")
    # Two layers without the gradient of the data, whose weights are quantized once for all passes;
    # the gradients of weights have two transforms.
    assert (done.products, done.quantizations, done.transforms) == (2 * 5, 2 * 9, 2 * 4)
    assert seen == [(n, 10) for n in range(1, 11)]
    assert done.cycles > 0


def test_operands_of_unusual_numbers():
    """NaN, infinities, subnormals, zeros and all exponents, in turn through the same circuits."""
    rng = np.random.default_rng(1)
    nvfp4, tile = MX_FORMATS["nvfp4"], MX_FORMATS["nvfp4_16x16"]
    gradient = nvfp4.changed({"rounding": "stochastic"})
    with RecipeCircuit() as circuit:
        for key in range(6):
            x = random_blocks(rng, 21, 37) if key else np.zeros((21, 37), np.float32)
            y = random_blocks(rng, 18, 37)
            a, b = circuit.quantize(x, gradient, Words(key=key)), circuit.quantize(y, tile, None)
            circuit.multiply(a, b.transposed)
            circuit.multiply(a, circuit.quantize(y, nvfp4, None).transposed)
        assert (circuit.quantizations, circuit.products) == (18, 12)
        assert (circuit.watch.missed, circuit.watch.first) == (0, "")


def test_wrong_operands_are_seen(monkeypatch):
    """Of a matrix of two rows: codes, scales and the largest magnitude."""
    x = np.arange(1, 37, dtype=np.float32).reshape(2, 18)
    convert, largest = converter.simulate, tensor_amax.simulate

    def wrong(*arguments, **options):
        (code, exponent, zero_set), result = convert(*arguments, **options)
        code[1, 1] ^= 8
        exponent[0] ^= 1
        return (code, exponent, zero_set), result

    monkeypatch.setattr(converter, "simulate", wrong)
    with RecipeCircuit() as circuit:
        circuit.quantize(x, MX_FORMATS["nvfp4"], None)
        assert circuit.watch.missed == 2
        first = "quantization 1, elements: 1 of 36 values differ, first at (0, 17): got"
        assert circuit.watch.first.startswith(first)
        monkeypatch.setattr(converter, "simulate", convert)

        def less(*arguments, **options):
            found, result = largest(*arguments, **options)
            return np.nextafter(found, np.float32(0)), result

        monkeypatch.setattr(tensor_amax, "simulate", less)
        circuit.quantize(x, MX_FORMATS["nvfp4"], None)
    assert circuit.watch.missed == 3


def test_the_passes_of_a_recipe_that_are_computed_decide(digits):
    """E4M3 meets E5M2 in gradients alone."""
    hybrid = read_recipe("mxfp8_hybrid")
    check_recipe(hybrid, ["forward"])
    with pytest.raises(UserError) as error:
        check_recipe(hybrid, ["weight"])
    assert str(error.value) == (
        "operands must have one format for a circuit, not mxfp8_e5m2 rceil and mxfp8_e4m3 rceil"
    )
    for arithmetic in ("mxfp8_hybrid,input=mxfp8,weight=mxfp8", "nvfp4,last=hbfp8", "mxfp4"):
        check(digits, Settings(arithmetic=arithmetic), configure(arithmetic))
