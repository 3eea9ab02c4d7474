"""Random words of whole trainings: none comes twice, and each has its place."""

import dataclasses
import itertools

import numpy as np
import pytest

from sw.train.arithmetic import compiled
from sw.train.data import load
from sw.train.loop import accuracy, train
from sw.train.settings import Settings
from sw.train.spec import read
from tests import words_reference as reference

Drawn = list[tuple[int, int, int]]


@pytest.fixture
def drawn(monkeypatch) -> Drawn:
    """Key, first word and end of all that was quantized at random, in order."""
    fast = compiled("formats")
    plain, found = fast.quantize, []

    def quantize(x, format, *, random):
        if format.rounding == "stochastic":
            side = format.reduction
            down = side if len(format.block) == 2 else 1
            count = -(-x.shape[0] // down) * -(-x.shape[1] // side) * format.block_elements
            found.append((random.key, random.first, random.first + count))
        return plain(x, format, random=random)

    monkeypatch.setattr(fast, "quantize", quantize)
    return found


@pytest.mark.parametrize(
    "arithmetic, model", [("hbfp6", "mlp"), ("hbfp4,0=hbfp8", "mlp"), ("hbfp6_8x8", "transformer")]
)
def test_no_word_comes_twice(drawn, arithmetic, model):
    """Of products, stored weights and evaluations of two epochs, of which each is cut short."""
    data = load("digits")
    few = {"train_x": 40, "train_y": 40, "test_x": 8, "test_y": 8}
    data = dataclasses.replace(data, **{n: getattr(data, n)[:count] for n, count in few.items()})
    run = train(data, Settings(arithmetic=arithmetic, model=model, epochs=2, batch=16))
    assert run.steps == 6
    # Products of steps and evaluations, and weights before the first step and after each.
    assert len(drawn) > 6 * 2 * 3 * (2 if arithmetic == "hbfp6_8x8" else 1)
    for (key, _, end), (other, first, _) in itertools.pairwise(sorted(drawn)):
        assert key != other or end <= first


@pytest.mark.parametrize("name", ["nvfp4", "mxfp4", "tetrajet", "quartet:forward.scaling=amax"])
def test_no_word_comes_twice_by_a_recipe(drawn, name):
    """Nor is one of those that draw the signs of transforms."""
    run = train(load("digits"), Settings(arithmetic=name, hidden=(9,), batch=512), steps=2)
    # Of each step the gradients of two layers, that of one input among them.
    assert run.steps == 2 and len(drawn) >= 2 * 3
    for (key, _, end), (other, first, _) in itertools.pairwise(sorted(drawn)):
        assert key != other or end <= first
    signs = {reference.key(1, step, layer, 7) for step in range(2) for layer in range(2)}
    assert not signs & {key for key, *_ in drawn}


def test_words_have_their_place(drawn):
    """The streams of a training of two layers, as `sw.words` and `USES` say, by their numbers."""
    train(load("digits"), Settings(arithmetic="hbfp6", hidden=(9,), seed=5, batch=512), steps=2)
    keys = [key for key, first, _ in drawn if first == 0]
    stored = [reference.key(5, step, layer, 6) for step in range(3) for layer in range(2)]
    forward = [[(layer, use) for layer in (0, 1) for use in (0, 1)]] * 2
    # The first layer needs no gradient of its input.
    backward = [[(1, 4), (1, 5), (1, 2), (1, 3), (0, 4), (0, 5)]] * 2
    expected = stored[:2]
    for step in range(2):
        places = forward[step] + backward[step]
        expected += [reference.key(5, step, *place) for place in places]
        expected += stored[2 * step + 2 : 2 * step + 4]
    evaluated = [reference.key(5, 0, layer, 8 + use) for layer in (0, 1) for use in (0, 1)]
    assert keys == expected + evaluated


def test_a_step_does_not_depend_on_those_before(drawn):
    """A training that is stopped sooner has taken the first words of one that went on."""
    data, settings = load("digits"), Settings(arithmetic="hbfp4", hidden=(9,), batch=64, epochs=1)
    train(data, settings, steps=2)
    short = [key for key, *_ in drawn]
    drawn.clear()
    train(data, settings, steps=4)
    longer = [key for key, *_ in drawn]
    evaluation = 4
    assert longer[: len(short) - evaluation] == short[:-evaluation]
    assert longer[-evaluation:] == short[-evaluation:]


def test_evaluations_have_words_of_their_own():
    data = load("digits")
    run = train(data, Settings(arithmetic="hbfp4", hidden=(16,), epochs=1))
    fixed = read("hbfp4", layers=2, epochs=1)

    def evaluate(**options: int) -> float:
        return accuracy(run.network, fixed, data.test_x, data.test_y, **options)

    assert evaluate() == evaluate(seed=1, number=0)
    assert len({evaluate(number=n) for n in range(1, 13)}) > 1
    assert len({evaluate(seed=n) for n in range(1, 13)}) > 1


def test_a_training_repeats():
    data, settings = load("digits"), Settings(arithmetic="hbfp4", hidden=(9,), epochs=1)
    one, other = (train(data, settings, steps=5).network.arrays for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    third = train(data, Settings(arithmetic="hbfp4", hidden=(9,), epochs=1, seed=2), steps=5)
    assert not np.array_equal(third.network.arrays["weight0"], one["weight0"])
