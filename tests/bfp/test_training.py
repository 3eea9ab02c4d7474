"""Training through circuits: every product by the array, every decision by the controllers."""

import numpy as np
import pytest

from sim.bfp.control import epochs as epochs_bench
from sim.bfp.control import zse as zse_bench
from sim.bfp.multimode import matmul
from sim.compare import assert_equal
from sw.bfp.array import gemm
from sw.bfp.control.epochs import schedule
from sw.bfp.control.zse import control
from sw.bfp.multimode import MultimodeParameters
from sw.bfp.quantize import Blocks
from sw.train.data import load
from sw.train.loop import Settings, train
from sw.train.precision import Boosted, Controlled

STEPS = 200
ARRAY = MultimodeParameters(rows=2, columns=8)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def through_rtl(a: Blocks, b: Blocks) -> np.ndarray:
    return matmul(ARRAY, a, b)


def equal_weights(digits, engine) -> None:
    """Under the controller, so that the array changes its modes; a step has five products."""
    settings = Settings(arithmetic="flexblock", batch=32)
    circuit = train(digits, settings, steps=STEPS, engine=engine)
    modelled = train(digits, settings, steps=STEPS)
    for name, array in modelled.network.arrays.items():
        assert_equal(circuit.network.arrays[name], array, context={"array": name, "seed": 1})
    assert circuit.epochs == modelled.epochs
    assert len(np.unique(np.array(circuit.precision.history))) > 1


def test_weights_after_200_steps_through_the_array(digits):
    equal_weights(digits, through_rtl)


def test_wrong_last_bits_of_one_product_are_seen(digits):
    calls = 0

    def engine(a: Blocks, b: Blocks) -> np.ndarray:
        nonlocal calls
        calls += 1
        product = gemm(a, b)
        if calls == 500:
            product.view(np.uint32)[:, 20] ^= 1
        return product

    with pytest.raises(AssertionError):
        equal_weights(digits, engine)


def test_every_decision_of_a_recorded_training_by_the_controller(digits):
    run = train(digits, Settings(arithmetic="flexblock", epochs=20, hidden=(32, 32)))
    precision = run.precision
    assert isinstance(precision, Controlled)
    parameters, recording = precision.controller.parameters, precision.recording
    assert len(recording) == 19 and all(len(counts) == 9 for counts in recording)
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
