"""What a comparison of two trainings counts."""

from sim.training import Comparison
from sw.train.data import load
from sw.train.loop import train
from sw.train.settings import Settings


def test_every_bit_of_the_weights_and_every_value_on_the_way_count():
    digits = load("digits")
    circuit, model = (train(digits, Settings(), steps=0) for _ in range(2))
    facts = {"circuit": circuit, "model": model, "first": "", "cycles": 0}
    counts = dict.fromkeys(("products", "gradients", "decisions"), 7)
    assert Comparison(**facts, **counts, missed=0).mismatches == 0
    # Biases begin as zeros: these are equal as numbers.
    assert (model.network.arrays["bias1"] == 0).all()
    circuit.network.arrays["bias1"][2:4] = -0.0
    done = Comparison(**facts, **counts, missed=3)
    wrong = {"weight0": (2048, 0), "bias0": (32, 0), "weight1": (320, 0), "bias1": (10, 2)}
    assert done.weights == wrong
    assert done.mismatches == 5
