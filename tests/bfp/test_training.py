"""Training through circuits: every product by the array, every decision by the controllers."""

import numpy as np
import pytest
from click.testing import CliRunner

from sim.__main__ import main
from sim.bfp import epoch_schedule as epochs_bench
from sim.bfp import zse_controller as zse_bench
from sim.circuits import BlockCircuit
from sim.compare import assert_equal
from sim.job import WatchdogError
from sim.training import compare
from sw.bfp.array import gemm
from sw.bfp.epoch_schedule import schedule
from sw.bfp.multimode_array import MultimodeParameters
from sw.bfp.zse_controller import control
from sw.train.data import load
from sw.train.loop import train
from sw.train.moded import Boosted, Controlled
from sw.train.settings import Settings

ARRAY = MultimodeParameters(rows=2, columns=8)
STEPS = 200
# Under the controller, so that the array changes its modes.
SETTINGS = Settings(arithmetic="flexblock", batch=32)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_weights_after_200_steps_through_the_array(digits):
    done = compare(digits, SETTINGS, ARRAY, steps=STEPS)
    for name, array in done.model.network.arrays.items():
        assert_equal(done.circuit.network.arrays[name], array, context={"array": name, "seed": 1})
    assert done.circuit.epochs == done.model.epochs
    assert done.products == 5 * STEPS
    assert len(np.unique(np.array(done.circuit.precision.history))) > 1


def test_wrong_last_bits_of_one_product_are_seen(digits, monkeypatch):
    """Though the weights come out right: the pixel whose gradient is wrong is dark in the batch."""

    def product(self, a, b):
        product = gemm(a, b)
        if self.products == 499:
            product.view(np.uint32)[:, 0] ^= 1
        return product, 1

    monkeypatch.setattr(BlockCircuit, "_multiply", product)
    done = compare(digits, SETTINGS, ARRAY, steps=STEPS)
    assert sum(wrong for _, wrong in done.weights.values()) == 0
    assert (done.missed, done.mismatches) == (32, 32)
    assert done.first.startswith("product 500: 32 of 2048 values differ, first at (0, 0): got")


def test_a_fault_that_shows_once_fails_the_command(monkeypatch):
    """Exit 1, and the first failure is told, not the last."""
    multiply = BlockCircuit._multiply

    def product(self, a, b):
        product, cycles = multiply(self, a, b)
        if self.products in (2, 7):
            product.view(np.uint32)[self.products, 1] ^= 1 << 31
        return product, cycles

    monkeypatch.setattr(BlockCircuit, "_multiply", product)
    result = CliRunner().invoke(main, ["train", "--steps", "2", "--batch", "16"])
    assert result.exit_code == 1
    assert "first on the way: product 3: 1 of 320 values differ, first at (2, 1)" in result.stdout


def test_a_bench_that_stops_fails_the_command(monkeypatch):
    def product(self, a, b):
        raise WatchdogError("no handshake for 1000 cycles")

    monkeypatch.setattr(BlockCircuit, "_multiply", product)
    result = CliRunner().invoke(main, ["train", "--steps", "1", "--batch", "16"])
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "the circuit differs from its model: no handshake for 1000 cycles\n"
    )


def test_other_formats_go_through_an_array_of_their_own(digits):
    done = compare(digits, Settings(arithmetic="hbfp6_8x8", batch=16), ARRAY, steps=2)
    assert done.products == 10
    assert done.mismatches == 0


def test_every_decision_of_a_recorded_training_by_the_controller(digits):
    run = train(digits, Settings(arithmetic="flexblock", epochs=20, hidden=(32, 32)))
    precision = run.precision
    assert isinstance(precision, Controlled)
    parameters, recording = precision.controller.parameters, precision.recording
    # The gradient of the input of layer 0 is never computed.
    assert len(recording) == 19 and all(len(counts) == 8 for counts in recording)
    modes = zse_bench.control(parameters, recording)
    assert_equal(modes, control(parameters, recording), context={"seed": 1})
    assert_equal(modes, np.array(precision.history)[1:], context={"seed": 1})
    recording[3][0, 0] = (recording[3][0, 0][1], recording[3][0, 0][1])
    assert not np.array_equal(zse_bench.control(parameters, recording), modes)


def test_every_decision_of_a_boosted_training_by_the_schedule(digits):
    run = train(digits, Settings(arithmetic="boosters:2", epochs=8, hidden=(32, 32)))
    precision = run.precision
    assert isinstance(precision, Boosted)
    parameters = precision.schedule.parameters
    epochs = list(range(1, 9))
    modes = epochs_bench.schedule(parameters, epochs)
    assert_equal(modes, schedule(parameters, epochs), context={"seed": 1})
    assert_equal(modes, np.array(precision.history), context={"seed": 1})
