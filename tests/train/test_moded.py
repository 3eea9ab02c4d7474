"""What the controllers of precision look at in a training, and when they decide."""

import numpy as np
import pytest

from sw.bfp.zse_controller import MOST_ELEMENTS, control
from sw.errors import UserError
from sw.formats import BfpFormat, BlockFormat
from sw.formats.quantize import zero_set_counts
from sw.train.data import load
from sw.train.layers import Weighted
from sw.train.loop import train
from sw.train.moded import Controlled
from sw.train.settings import Settings
from sw.train.spec import read


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def controlled(text: str, layers: int = 2) -> Controlled:
    precision = read(text, layers=layers, epochs=9)
    assert isinstance(precision, Controlled)
    return precision


def group(bits: int, *block: int) -> BlockFormat:
    return BfpFormat(mantissa_bits=bits, sign_inside=False, block=block, rounding="truncate")


@pytest.mark.parametrize("model", ["mlp", "lenet"])
def test_pairs_follow_the_weight_and_the_gradients_of_input_and_weight(digits, monkeypatch, model):
    """Of a step of training, on tensors as they are: (1, 24, 3, 3) of four axes, else 24."""
    seen = {}
    backward = Weighted.backward

    def spy(self, gradient, run):
        weight = self.parameters["weight"].copy()
        dx = backward(self, gradient, run)
        seen[self.number] = weight, dx, self.gradients["weight"].copy()
        return dx

    monkeypatch.setattr(Weighted, "backward", spy)
    settings = Settings(model=model, arithmetic="flexblock:0.6/0.8/0/1:initial=0/2/1", epochs=1)
    precision = train(digits, settings, steps=1).precision
    assert isinstance(precision, Controlled)
    wanted = {}
    for layer, tensors in seen.items():
        for pair, (tensor, bits) in enumerate(zip(tensors, (4, 16, 8), strict=True)):
            box = (1, 24, 3, 3) if tensor.ndim == 4 else (24,)
            wanted[layer, pair] = zero_set_counts(tensor, group(bits, *box))
    # Layer 0 has no gradient of its input: what stands for it are the data.
    del wanted[0, 1]
    assert precision.counts == wanted
    assert len({zeros for zeros, _ in wanted.values()}) > 3


def test_groups_keep_their_shape_when_bits_change():
    precision = controlled("flexblock:0.6/0.8/0/1")
    rng = np.random.default_rng(1)
    shape = (3, 29, 5, 4)
    w = (rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 1, shape)).astype(np.float32)
    for epoch, bits in enumerate((16, 8, 4), 1):
        precision.start(epoch)
        precision.observe(1, "weight", w, w)
        assert precision.counts[1, 0] == zero_set_counts(w, group(bits, 1, 24, 3, 3))
        precision.counts[1, 0] = 0, w.size
    one = controlled("flexblock:group=6")
    one.observe(1, "weight", w, w)
    assert one.counts[1, 0] == zero_set_counts(w, group(16, 1, 6, 3, 3))


def test_the_input_pair_of_layer_0_stays(digits):
    settings = Settings(arithmetic="flexblock:0.9/1/0/1:initial=2/1/2", epochs=4)
    precision = train(digits, settings).precision
    assert precision.history is not None and isinstance(precision, Controlled)
    assert [modes[0].tolist() for modes in precision.history] == [
        [2, 1, 2],
        [1, 1, 1],
        [0, 1, 0],
        [0, 1, 0],
    ]
    assert all((0, 1) not in counts for counts in precision.recording)
    assert {modes[0][1] for modes in precision.record()["modes"]} == {None}


def test_layers_left_out_are_not_counted(digits):
    settings = Settings(
        arithmetic="flexblock:0.6/0.8/0/1,first=binary32,1.weight=fb24", hidden=(8, 8), epochs=2
    )
    precision = train(digits, settings).precision
    assert isinstance(precision, Controlled)
    [counts] = precision.recording
    assert sorted(counts) == [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]


def test_control_steps_of_some_iterations(digits):
    """The warm-up counts control steps; modes change within an epoch."""
    arithmetic = "flexblock:0.9/1/2/1:every=3"
    run = train(digits, Settings(arithmetic=arithmetic, batch=150, epochs=2))
    precision = run.precision
    assert isinstance(precision, Controlled) and precision.history is not None
    assert run.steps == 20 and len(precision.decisions) == 6
    assert [int(modes[1, 0]) for modes in precision.decisions] == [2, 2, 1, 0, 0, 0]
    # The second epoch, of ten steps, begins behind the third decision.
    assert [int(modes[1, 0]) for modes in precision.history] == [2, 1]
    modes = control(precision.controller.parameters, precision.recording)
    assert np.array_equal(modes, np.array(precision.decisions))
    assert len(precision.record()["decisions"]) == 6


def test_a_hold_of_one_is_what_the_authors_code_does():
    """Their decisions under a hold of 3 are 1 0 0 0: it is read, and not obeyed."""
    theirs = [1, 0, 0, 0]
    for hold, decisions in ((1, theirs), (2, [1, 1, 0, 0]), (3, [1, 1, 1, 0])):
        precision = controlled(f"flexblock:0.6/0.8/0/{hold}")
        found = []
        for _ in theirs:
            precision.counts = {(1, 0): (0, 10)}
            precision._decide()
            found.append(int(precision.modes[1, 0]))
        assert found == decisions


def test_more_elements_than_a_control_step_counts():
    precision = controlled("flexblock")
    one = np.ones((1, 3), np.float32)
    precision.counts[1, 0] = 0, MOST_ELEMENTS - 3
    precision.observe(1, "weight", one, one)
    assert precision.counts[1, 0] == (0, MOST_ELEMENTS)
    with pytest.raises(UserError, match="must count at most 4294967295 elements of a pair, not 42"):
        precision.observe(1, "weight", one, one)
