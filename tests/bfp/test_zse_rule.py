"""The controller of precision against the authors' rule, in exact fractions, decision by decision.

FlexBlock (Noh et al., IEEE Trans. Computers 72(9), 2023), the authors' code: in a control step
after the warm-up a pair whose zero-setting error is below ``lo`` goes from 16 to 8 or from 8 to 4
bits, else one whose error is above ``hi`` from 4 to 8 or from 8 to 16.
"""

from fractions import Fraction

import numpy as np
import pytest

from sim.bfp.zse_controller import control as circuit
from sim.compare import assert_equal
from sw.bfp.zse_controller import ZseParameters, ZseRule, control

LAYERS = 25
RANDOM, GRAZING = 10_000, 2_000
RULES = {
    ("3/5", "4/5"): ZseRule.make(preset="cifar10"),
    ("1/10", "1/5"): ZseRule.make(preset="imagenet", warmup=0),
    ("1/3", "5/8"): ZseRule(lo="1/3", hi=0.625, initial=(2, 0, 1)),
    ("123457/1000000", "123457/1000000"): ZseRule(lo=0.123457, hi=0.123457, initial=1),
}


def authors(lo: Fraction, hi: Fraction, bits: int, zeros: int, elements: int) -> int:
    """The bits after a step."""
    error = Fraction(zeros, elements)
    if error < lo:
        return {16: 8, 8: 4, 4: 4}[bits]
    if error > hi:
        return {4: 8, 8: 16, 16: 16}[bits]
    return bits


def counts(rng: np.random.Generator, thresholds: tuple[Fraction, Fraction], grazing: bool):
    """Zero-set elements and elements: at random, or at a threshold or a count beside it."""
    elements = int(2 ** rng.uniform(0, 32))
    if not grazing:
        return int(rng.integers(0, elements + 1)), elements
    threshold = thresholds[int(rng.integers(2))]
    # One in two is a multiple of the denominator, whose part can be the threshold itself.
    if rng.random() < 0.5:
        elements += -elements % threshold.denominator
    if elements >= 2**32:
        elements -= threshold.denominator
    zeros = threshold * elements // 1 + int(rng.integers(-1, 2))
    return min(max(zeros, 0), elements), elements


def trainings():
    """Each rule's thresholds, counts of its steps, and the modes that the authors' rule gives."""
    per_rule = (RANDOM + GRAZING) // len(RULES)
    steps = per_rule // (LAYERS * 3)
    for seed, (texts, rule) in enumerate(RULES.items()):
        rng = np.random.default_rng(seed)
        lo, hi = (Fraction(text) for text in texts)
        graze = rng.permutation(per_rule) < GRAZING // len(RULES)
        bits = {(layer, k): 4 << rule.modes[k] for layer, k in np.ndindex(LAYERS, 3)}
        recording, modes, equal = [], [], 0
        for step in graze.reshape(steps, LAYERS * 3):
            taken = {}
            for key, grazing in zip(bits, step, strict=True):
                taken[key] = counts(rng, (lo, hi), bool(grazing))
                equal += Fraction(*taken[key]) in (lo, hi)
                bits[key] = authors(lo, hi, bits[key], *taken[key])
            recording.append(taken)
            modes.append([[4, 8, 16].index(b) for b in bits.values()])
        yield rule, recording, np.array(modes, np.int32).reshape(-1, LAYERS, 3), equal


@pytest.mark.parametrize("decide", [control, circuit], ids=["model", "circuit"])
def test_twelve_thousand_decisions(decide):
    p = ZseParameters(layers=LAYERS)
    decisions = 0
    for rule, recording, modes, equal in trainings():
        # Enough of those that graze are exactly at a threshold, and both ways are gone.
        assert equal > 50
        assert {-1, 0, 1} <= set(np.diff(modes, axis=0).ravel().tolist())
        assert_equal(decide(p, recording, rule), modes, context={"lo": rule.lo, "hi": rule.hi})
        decisions += modes.size
    assert decisions == RANDOM + GRAZING
