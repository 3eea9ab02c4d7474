"""The models of the control of precision against the rules, read one pair at a time."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sim.bfp.zse_controller import random_recording
from sim.compare import assert_equal
from sw.bfp.epoch_schedule import BoostRule, EpochParameters, EpochSchedule, schedule
from sw.bfp.zse_controller import Recording, ZseController, ZseParameters, ZseRule, control
from sw.errors import UserError

RULES = [
    ZseRule.make(preset="cifar10"),
    ZseRule.make(preset="imagenet", warmup=7),
    ZseRule(lo=0.45, hi=0.55, hold=3, initial=0),
    ZseRule(lo=0.5, hi=0.5, warmup=2, hold=2, initial=1),
    ZseRule(lo=0, hi=1, initial=1),
    ZseRule(lo=1, hi=1, hold=255),
    ZseRule(lo=0, hi=0, initial=0),
    ZseRule(lo="1/3", hi="233017/349525", initial=(0, 1, 2)),
]


def reference(rule: ZseRule, layers: int, recording: Recording) -> list[list[list[int]]]:
    """The modes after each step, by fractions."""
    lo, hi = (Fraction(str(threshold)) for threshold in (rule.lo, rule.hi))
    bits = {(layer, k): 4 << rule.modes[k] for layer, k in np.ndindex(layers, 3)}
    changed = dict.fromkeys(bits, -1000)
    history = []
    for step, counts in enumerate(recording, 1):
        for key, (zeros, elements) in counts.items():
            if step <= rule.warmup or not elements or step - changed[key] < rule.hold:
                continue
            error = Fraction(zeros, elements)
            before = bits[key]
            if error < lo:
                bits[key] = max(4, before // 2)
            elif error > hi:
                bits[key] = min(16, before * 2)
            if bits[key] != before:
                changed[key] = step
        modes = [[[4, 8, 16].index(bits[layer, k]) for k in range(3)] for layer in range(layers)]
        history.append(modes)
    return history


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.lo}-{r.hi}-{r.warmup}-{r.hold}")
def test_random_trainings(rule):
    p = ZseParameters(layers=4)
    recording = random_recording(np.random.default_rng(1), rule, layers=4, steps=300)
    expected = np.array(reference(rule, 4, recording), np.int32)
    assert_equal(control(p, recording, rule), expected)
    model = ZseController(p, rule)
    assert_equal(model.run(recording), expected)
    before = np.concatenate([np.broadcast_to(rule.modes, (1, 4, 3)), expected[:-1]])
    assert model.changes == (expected != before).sum()
    assert model.steps == 300


def _step(zeros: int, elements: int, rule: ZseRule) -> int:
    return int(control(ZseParameters(layers=1), [{(0, 0): (zeros, elements)}], rule)[0, 0, 0])


@pytest.mark.parametrize("elements", [4, 100, 65536, 2**32 - 4])
def test_a_threshold_met_exactly_changes_nothing(elements):
    rule = ZseRule(lo=0.25, hi=0.75, initial=1)
    low, high = elements // 4, elements // 4 * 3
    assert [_step(low + i, elements, rule) for i in (-1, 0, 1)] == [0, 1, 1]
    assert [_step(high + i, elements, rule) for i in (-1, 0, 1)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("zeros", "elements", "lo", "hi"),
    [(3, 5, 0.6, 0.8), (1, 10, 0.1, 0.2), (1, 5, 0.1, 0.2), (4, 5, 0.6, 0.8), (1, 3, "1/3", "1/3")],
)
def test_a_ratio_that_is_the_threshold_stays(zeros, elements, lo, hi):
    """In binary and in units of 2**-16 these thresholds are other numbers than in decimal."""
    rule = ZseRule(lo=lo, hi=hi, initial=1)
    for times in (1, 7, (2**32 - 1) // elements):
        assert _step(times * zeros, times * elements, rule) == 1


def test_one_count_beside_a_threshold_changes():
    rule = ZseRule(lo=0.6, hi=0.8, initial=1)
    assert [_step(39321 + i, 65536, rule) for i in (0, 1)] == [0, 1]
    # The largest counts, a multiple of 5: 0.6 and 0.8 of them are whole.
    most = 2**32 - 1
    low, high = most // 5 * 3, most // 5 * 4
    assert [_step(low + i, most, rule) for i in (-1, 0, 1)] == [0, 1, 1]
    assert [_step(high + i, most, rule) for i in (-1, 0, 1)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("lo", "hi", "kept", "thresholds"),
    [
        (0.6, 0.8, (0.6, 0.8), (3, 4, 5)),
        ("3/5", ".80", (0.6, 0.8), (3, 4, 5)),
        (Fraction(1, 3), "2/3", ("1/3", "2/3"), (1, 2, 3)),
        (np.float64(0.1), np.float32(0.5), (0.1, 0.5), (1, 5, 10)),
        # The nearest number of binary32, which prints more digits.
        (np.float32(0.1), 1, None, "at most 1048575, not 25000000000000000, that of 0.1000000014"),
        (0, 1, (0.0, 1.0), (0, 1, 1)),
        (1e-6, 0.999999, (1e-6, 0.999999), (1, 999999, 10**6)),
        ("1/1048575", "0/7", None, "lo must be at most hi, 0.0, not 1/1048575"),
        ("0/7", "1/1048575", (0.0, "1/1048575"), (0, 1, 1048575)),
        ("1/1048576", 1, None, "common denominator of at most 1048575, not 1048576"),
        (1e-7, 1, None, "common denominator of at most 1048575, not 10000000, that of 1e-07 and"),
        ("1/1023", "1/1025", None, "lo must be at most hi, 1/1025, not 1/1023"),
        ("1/1025", "1/1024", None, "at most 1048575, not 1049600, that of 1/1025 and 0.0009765625"),
        (5e-324, 1, None, "common denominator of at most 1048575, not "),
        ("1/0", 1, None, "lo must be a number from 0 to 1, not '1/0'"),
        ("3/2", 1, None, "lo must be a number from 0 to 1, not '3/2'"),
        ("1e-3", 1, None, "lo must be a number from 0 to 1, not '1e-3'"),
        (" 1/3", 1, None, "lo must be a number from 0 to 1, not ' 1/3'"),
        (float("nan"), 1, None, "lo must be a number from 0 to 1, not nan"),
        pytest.param(10**5000, 1, None, "lo must be a number from 0 to 1, not a int", id="huge"),
        (None, 1, None, "lo must be a number from 0 to 1, not None"),
    ],
)
def test_thresholds_are_exact_fractions(lo, hi, kept, thresholds):
    if kept is None:
        with pytest.raises(UserError) as error:
            ZseRule(lo=lo, hi=hi)
        assert thresholds in str(error.value) and "\n" not in str(error.value)
        return
    rule = ZseRule(lo=lo, hi=hi)
    assert (rule.lo, rule.hi, rule.thresholds) == (*kept, thresholds)
    assert ZseRule(**rule.as_dict()) == rule
    assert ZseRule.make(overrides=["lo=" + str(lo), "hi=" + str(hi)]) == rule


def test_published_settings():
    # FlexBlock's README: Simple/0.6/0.8/0/1 for ResNet-18 on CIFAR-10, Simple/0.1/0.2/50/1 for
    # ImageNet. Accuracy Boosters' scripts: of 160 epochs 159 < e <= 160 with 6 bits for ResNet-20
    # on CIFAR-10, of 90 epochs 85 < e <= 90 for ResNet-50 on ImageNet.
    assert ZseRule.make(preset="cifar10") == ZseRule(lo=0.6, hi=0.8, warmup=0, hold=1)
    # The latter begins with FB12LG24.
    rule = ZseRule.make(preset="imagenet")
    assert rule == ZseRule(lo=0.1, hi=0.2, warmup=50, hold=1, initial=(0, 2, 0))
    begin = ZseController(ZseParameters.make(preset="imagenet", layers=2)).modes
    assert begin.tolist() == [[0, 2, 0], [0, 2, 0]]
    p = EpochParameters.make(preset="cifar10", layers=20)
    modes = schedule(p, range(1, 161))
    narrow = [1, *[0] * 18, 1]
    assert_equal(modes[:, :, 0], np.array([narrow] * 159 + [[1] * 20], np.int32))
    p = EpochParameters.make(preset="imagenet", layers=54)
    modes = schedule(p, range(1, 91))
    assert_equal(modes[:, :, 0], np.array([[0] * 54] * 85 + [[1] * 54] * 5, np.int32))


def test_warmup_and_hold():
    p = ZseParameters(layers=1)
    all_zeros = [{(0, 0): (9, 9)}] * 6
    rule = ZseRule(lo=0.1, hi=0.2, initial=0)
    for fields, expected in (
        ({}, [1, 2, 2, 2, 2, 2]),
        ({"warmup": 3}, [0, 0, 0, 1, 2, 2]),
        ({"hold": 2}, [1, 1, 2, 2, 2, 2]),
        ({"hold": 4}, [1, 1, 1, 1, 2, 2]),
        ({"warmup": 2, "hold": 3}, [0, 0, 1, 1, 1, 2]),
    ):
        assert control(p, all_zeros, rule.replace(**fields))[:, 0, 0].tolist() == expected


def test_counts_add_up_and_pairs_are_independent():
    model = ZseController(ZseParameters(layers=2), ZseRule(lo=0.25, hi=0.5, initial=1))
    for zeros, elements in ((0, 3), (3, 3)):
        model.record(1, 2, zeros, elements)
    model.record(0, 1, 1, 1)
    assert model.step().tolist() == [[1, 2, 1], [1, 1, 1]]
    # Nothing is left of the counts, and no elements are no reason.
    assert model.step().tolist() == [[1, 2, 1], [1, 1, 1]]
    assert (model.steps, model.changes) == (2, 1)


def test_first_and_last_layer_are_switched_apart():
    rule = BoostRule(epochs=10, boosted=2, wide=2)
    for first, last in np.ndindex(2, 2):
        ends = rule.replace(first_wide=bool(first), last_wide=bool(last))
        plan = EpochSchedule(EpochParameters(layers=4), ends)
        for epoch in range(1, 11):
            wide = [1, 1, 1, 1] if epoch in (9, 10) else [first, 0, 0, last]
            assert plan.modes_at(epoch).tolist() == [[2 * w] * 3 for w in wide]
    alone = EpochSchedule(EpochParameters(layers=1), rule.replace(boosted=0, first_wide=False))
    assert alone.modes_at(10).tolist() == [[2, 2, 2]]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        (ZseParameters, {"layers": 0}, "layers must be an integer from 1 to 256, not 0"),
        (ZseParameters, {"lo": -0.1}, "lo must be a number from 0 to 1, not -0.1"),
        (ZseRule, {"hi": "all"}, "hi must be a number from 0 to 1, not 'all'"),
        (ZseRule, {"hi": True}, "hi must be a number from 0 to 1, not True"),
        (ZseRule, {"lo": 0.9}, "lo must be at most hi, 0.8, not 0.9"),
        (ZseRule, {"warmup": 65536}, "warmup must be an integer from 0 to 65535, not 65536"),
        (ZseRule, {"hold": 0}, "hold must be an integer from 1 to 255, not 0"),
        (ZseRule, {"initial": 3}, "initial must be an integer from 0 to 2, not 3"),
        (ZseRule, {"initial": (0, 3, 0)}, "initial of input_gradient must be an integer from 0 to"),
        (ZseRule, {"initial": [0, 2]}, "initial must be a mode, or one for each of forward, inp"),
        (ZseRule, {"initial": 2.0}, "initial must be an integer from 0 to 2, not 2.0"),
        (EpochParameters, {"layers": 257}, "layers must be an integer from 1 to 256, not 257"),
        (BoostRule, {"epochs": 0}, "epochs must be an integer from 1 to 65535, not 0"),
        (BoostRule, {"boosted": 161}, "boosted must be an integer from 0 to 160, not 161"),
        (BoostRule, {"wide": 4}, "wide must be an integer from 0 to 2, not 4"),
        (BoostRule, {"narrow": 2}, "narrow must be at most wide, 1, not 2"),
        (BoostRule, {"last_wide": 1}, "last_wide must be true or false, not 1"),
    ],
)
def test_errors(kind, fields, message):
    with pytest.raises(UserError, match=message):
        kind(**fields)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((4, 0, 0, 1), "layer must be an integer from 0 to 3, not 4"),
        ((0, 3, 0, 1), "pair must be an integer from 0 to 2, not 3"),
        ((0, 0, 2, 1), "zeros must be an integer from 0 to 1, not 2"),
        ((1, 1, 0, 2**32 - 1), "elements must be an integer from 0 to 4294967294"),
        ((0.0, 1, 0, 1), "layer must be an integer from 0 to 3, not 0.0"),
        ((0, True, 0, 1), "pair must be an integer from 0 to 2, not True"),
        ((0, 1, 0.5, 1), "zeros must be an integer from 0 to 1, not 0.5"),
    ],
)
def test_counts_that_are_none(counts, message):
    model = ZseController(ZseParameters(layers=4))
    model.record(1, 1, 0, 1)
    with pytest.raises(UserError, match=message):
        model.record(*counts)


@pytest.mark.parametrize("epoch", [0, 161])
def test_epochs_outside_of_the_training(epoch):
    options: dict[str, Any] = {"match": f"epoch must be an integer from 1 to 160, not {epoch}"}
    with pytest.raises(UserError, **options):
        EpochSchedule(EpochParameters()).modes_at(epoch)
