"""Training whose tracked weights are chosen by the estimator in RTL."""

import numpy as np
import pytest
from click.testing import CliRunner

from sim import circuits
from sim.__main__ import main
from sim.circuits import TrackingCircuit
from sim.compare import assert_equal
from sim.training import compare, configure
from sw.errors import UserError
from sw.train.data import load
from sw.train.settings import Settings

SETTINGS = Settings(sparse="procrustes:keep=0.1,lanes=5", batch=32)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def told(digits, steps: int, settings: Settings = SETTINGS) -> tuple[int, int]:
    done = compare(digits, settings, configure("binary32"), steps=steps)
    assert done.decisions == steps * (32 * 64 + 10 * 32)
    return done.missed, done.mismatches


def test_tracked_weights_over_100_steps(digits):
    """The last beat of a step has 3 of 5 values."""
    done = compare(digits, SETTINGS, configure("binary32"), steps=100)
    for name, array in done.model.network.arrays.items():
        assert_equal(done.circuit.network.arrays[name], array, context={"array": name, "seed": 1})
    assert done.circuit.sparse is not None and done.model.sparse is not None
    assert done.circuit.sparse.densities == done.model.sparse.densities
    assert (done.missed, done.mismatches, done.decisions) == (0, 0, 100 * 2368)
    assert (done.products, done.gradients) == (0, 0)
    assert done.cycles >= 100 * 474


def test_an_estimate_that_starts_anew(digits):
    settings = Settings(sparse="procrustes:keep=0.1,lanes=5,between=restart", batch=32)
    assert told(digits, 3, settings) == (0, 0)


def test_beside_products_of_blocks(digits):
    settings = Settings(arithmetic="fb12", sparse="procrustes:lanes=5", batch=16)
    done = compare(digits, settings, configure("fb12", ["rows=2", "columns=2"]), steps=1)
    assert (done.mismatches, done.products, done.decisions) == (0, 5, 2368)


def test_an_estimate_that_is_lost_is_seen(digits, monkeypatch):
    simulate = circuits.quantile.simulate

    def anew(*args, session, **options):
        return simulate(*args, **options)

    monkeypatch.setattr(circuits.quantile, "simulate", anew)
    missed, mismatches = told(digits, 3)
    assert 0 < missed < mismatches


def test_a_wrong_decision_is_seen(digits, monkeypatch):
    simulate = circuits.quantile.simulate

    def wrong(parameters, x, **options):
        kept, run = simulate(parameters, x, **options)
        kept[7, 2] ^= True
        return kept, run

    monkeypatch.setattr(circuits.quantile, "simulate", wrong)
    missed, mismatches = told(digits, 1)
    assert missed == 1 and mismatches > 1


def test_values_in_another_order_are_seen(digits, monkeypatch):
    call = TrackingCircuit.__call__
    monkeypatch.setattr(
        TrackingCircuit, "__call__", lambda self, values: call(self, np.flip(values))
    )
    missed, mismatches = told(digits, 2)
    assert missed == 0 and mismatches > 0


@pytest.mark.parametrize(
    ("sparse", "words"),
    [
        ("dropback", "threshold must be quantile for a circuit, not exact"),
        ("procrustes:scope=layer", "scope must be all for a circuit, not layer"),
    ],
)
def test_what_has_no_circuit_is_refused_before_any_training(digits, monkeypatch, sparse, words):
    monkeypatch.delattr("sim.training.train")
    with pytest.raises(UserError, match=f"^{words}$"):
        compare(digits, Settings(sparse=sparse), configure("binary32"), steps=1)


def test_fields_of_an_array_that_there_is_not():
    command = ["train", "--arith", "binary32", "--sparse", "procrustes", "--set", "rows=3"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert result.stderr == (
        "error: --set is of an array, through which products in binary32 do not go here\n"
    )
