"""Training whose gradients of weights are computed by the outer product in RTL."""

import numpy as np
import pytest

from sim import circuits
from sim.circuits import UpdateCircuit
from sim.compare import assert_equal
from sim.training import compare, configure
from sw.errors import UserError
from sw.train.data import load
from sw.train.settings import Settings

BLOCK = "rows=16,columns=16,length=16,parallel=4,lanes=4,results=16"
SETTINGS = Settings(update=f"essop:{BLOCK}", batch=16)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_weights_after_100_steps(digits):
    done = compare(digits, SETTINGS, configure("binary32"), steps=100)
    for name, array in done.model.network.arrays.items():
        assert_equal(done.circuit.network.arrays[name], array, context={"array": name, "seed": 1})
    assert done.circuit.steps == 100
    assert (done.products, done.gradients) == (0, 200)
    # Ten tiles of 16 pairs a step, a pair every 4 cycles.
    assert done.cycles > 100 * 10 * 16 * 4


def test_updates_beside_products_of_blocks(digits):
    settings = Settings(arithmetic="fb12", update=f"essop:{BLOCK}", batch=16)
    done = compare(digits, settings, configure("fb12", ["rows=2", "columns=2"]), steps=1)
    assert done.mismatches == 0
    assert (done.products, done.gradients) == (3, 2)


def test_generators_that_start_anew_are_seen(digits, monkeypatch):
    simulate = circuits.outer.simulate

    def restarted(*args, session, **options):
        return simulate(*args, **options)

    monkeypatch.setattr(circuits.outer, "simulate", restarted)
    assert compare(digits, SETTINGS, configure("binary32"), steps=2).mismatches > 0


def test_a_wrong_last_bit_is_seen(digits, monkeypatch):
    call = UpdateCircuit.__call__

    def wrong(self, x, d, last):
        results = call(self, x, d, last)
        results.view(np.uint32)[:] ^= self.gradients == 3
        return results

    monkeypatch.setattr(UpdateCircuit, "__call__", wrong)
    assert compare(digits, SETTINGS, configure("binary32"), steps=3).mismatches > 0


def test_updates_without_a_circuit_are_refused(digits):
    with pytest.raises(UserError, match=r"^update must be exact or essop for a circuit, not puls"):
        compare(digits, Settings(update="pulsed"), configure("binary32"), steps=1)
