"""Training whose products are computed by the array of approximate multipliers."""

import numpy as np
import pytest

from sim.circuits import ApproxCircuit
from sim.compare import assert_equal
from sim.training import compare, configure
from sw.approx.array import ApproxArrayParameters
from sw.approx.product import Fractions
from sw.approx.table import make, write
from sw.bfp.multimode_array import MultimodeParameters
from sw.core.products import PASSES
from sw.errors import UserError
from sw.formats import BFLOAT16, BINARY32
from sw.train.data import load
from sw.train.settings import Settings
from sw.train.spec import read

STEPS = 5


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_weights_after_some_steps_through_the_array(digits):
    settings = Settings(arithmetic="mbm7", batch=16)
    done = compare(digits, settings, configure("mbm7", ["columns=2"]), steps=STEPS)
    for name, array in done.model.network.arrays.items():
        assert_equal(done.circuit.network.arrays[name], array, context={"array": name, "seed": 1})
    assert done.products == 5 * STEPS
    assert done.cycles > 0


def test_50_steps_of_lenet():
    """With an image a step; `make paper-approx` takes 32."""
    settings = Settings(model="lenet", arithmetic="mbm7", batch=1)
    done = compare(load("mnist"), settings, configure("mbm7"), steps=50)
    assert done.circuit.steps == 50 and done.products == 50 * 14
    assert done.mismatches == 0


def test_weights_after_steps_through_an_array_with_a_table(digits, tmp_path):
    path = tmp_path / "mbm_2.bin"
    write(make("mbm", 2), path, "byte")
    settings = Settings(arithmetic=f"lut:{path}", batch=16, hidden=(8,))
    parameters = configure(settings.arithmetic, ["rows=3", "columns=1"])
    assert parameters == ApproxArrayParameters(multiplier="table", bits=2, rows=3, columns=1)
    assert compare(digits, settings, parameters, steps=1).mismatches == 0


def test_wrong_last_bits_of_one_product_are_seen(digits, monkeypatch):
    multiply = ApproxCircuit._multiply

    def product(self, a, b):
        product, cycles = multiply(self, a, b)
        # The gradient of the first layer's weights, in the first step.
        if self.products == 4:
            product.view(np.uint32)[:] ^= 1
        return product, cycles

    monkeypatch.setattr(ApproxCircuit, "_multiply", product)
    settings = Settings(arithmetic="mbm7", batch=16)
    assert compare(digits, settings, configure("mbm7", ["columns=2"]), steps=3).mismatches > 0


def test_the_array_of_an_arithmetic():
    for arithmetic, name, bits, form in (
        ("mbm", "mbm", 7, BFLOAT16),
        ("realm8:12", "realm8", 12, BINARY32),
        ("drum6:5", "drum6", 5, BFLOAT16),
    ):
        p = configure(arithmetic)
        assert isinstance(p, ApproxArrayParameters)
        assert (p.multiplier, p.bits, p.format, p.rows, p.columns) == (name, bits, form, 2, 8)
    assert isinstance(configure("hbfp8"), MultimodeParameters)


@pytest.mark.parametrize(
    ("arithmetic", "parameters", "message"),
    [
        ("binary32", configure("hbfp8"), "arithmetic must have products of blocks, or all by one"),
        ("hbfp8", configure("mbm7"), "arithmetic must have products of blocks, or all by one"),
        ("hbfp8,weight=mbm7", configure("hbfp8"), "arithmetic must have products of blocks, or"),
        ("mbm7,input=realm8", configure("fb12"), "not mbm7,input=realm8"),
        ("mbm7", configure("mbm5"), "bits must be that of mbm7, 7, not 5"),
        ("mbm7", configure("mitchell7"), "multiplier must be that of mbm7, mbm, not mitchell"),
    ],
)
def test_an_array_of_another_arithmetic(digits, arithmetic, parameters, message):
    with pytest.raises(UserError, match=message):
        compare(digits, Settings(arithmetic=arithmetic), parameters, steps=1)


def test_names_of_tables_may_have_commas_and_equals_signs(tmp_path):
    path = tmp_path / "a=b,own_3.bin"
    write(make("mbm", 3), path, "byte")
    found = read(f"lut:{path},weight=lut:{path},forward=binary32", layers=2, epochs=1)
    first, *others = (found.arithmetic(1, which) for which in PASSES)
    assert first == "binary32"
    assert all(isinstance(each, Fractions) and each.bits == 3 for each in others)
    with pytest.raises(UserError, match=r"not 'a=b,own_3.bin,fb12'$"):
        read(f"lut:{path},fb12", layers=1, epochs=1)
    # What stands before an equals sign is no place.
    for name in ("a,b=c_3.bin", "a,0.=c_3.bin", "a,=c_3.bin"):
        path = path.rename(tmp_path / name)
        found = read(f"fb12,forward=lut:{path},0.weight=fb16", layers=2, epochs=1)
        assert isinstance(found.arithmetic(1, "forward"), Fractions)
