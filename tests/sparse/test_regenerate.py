"""The weight regenerator in RTL against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.sparse.weight_regenerator import WeightRegenerator
from sim.bench import Session
from sim.compare import assert_equal
from sim.sparse.weight_regenerator import regenerate, regress, simulate
from sim.switching import measure
from sw.sparse.weight_regenerator import RegeneratorParameters
from sw.sparse.weight_regenerator import regenerate as model

from .stimuli import STALLS, assert_agrees, assert_framing, assert_starts_anew

DESIGNS: dict[str, dict[str, Any]] = {
    "default": {},
    "uniform": {"words": 1, "lanes": 1, "layers": 1, "rounds": 9},
    "pairs": {"words": 2, "lanes": 2, "layers": 2, "rounds": 7},
    "threes": {"words": 3, "lanes": 1, "layers": 64, "rounds": 7, "least": 0},
}

# Those of the first steps, those that make weights too large or too small, and none at all.
DECAYS = (1.0, 0.9**40, 3.0e38, 1e15, 2e-38, 1e-30, 0.0, -0.0, 1e-40, np.inf, np.nan)


def parameters(name: str) -> RegeneratorParameters:
    return RegeneratorParameters(**DESIGNS[name])


@pytest.mark.parametrize("name", DESIGNS)
def test_random_requests(name):
    assert_agrees(regress, parameters(name), blocks=1000, stalled=300)


@pytest.mark.parametrize("name", DESIGNS)
def test_decays(name):
    p = parameters(name)
    least = np.float32(max(p.least, 2.0**-126))
    for decay in (*DECAYS, least, np.nextafter(least, np.float32(0))):
        report = regress(p, seed=3, blocks=300, decay=float(decay), stalls=STALLS)
        assert report.message == ""


def test_zero_sums():
    """Sums of an even number of odd numbers may be zero: +0, whatever the shift."""
    p = parameters("default")
    index = np.flatnonzero(model(p, np.arange(60_000), seed=1, shift=0) == 0)[:20]
    index = index[:, None] + np.arange(4)
    for shift in (0, 63):
        found = regenerate(p, index, seed=1, shift=shift, decay=0.3)
        assert_equal(found, model(p, index, seed=1, shift=shift, decay=0.3))
        assert not found[:, 0].view(np.uint32).any()


def test_the_order_of_requests_does_not_matter():
    p = parameters("default")
    index = np.random.default_rng(4).permutation(400)[:, None] * 4 + np.arange(4)
    found = regenerate(p, index, seed=5, shift=10)
    assert_equal(
        found.ravel()[np.argsort(index.ravel())], model(p, np.arange(1600), seed=5, shift=10)
    )


def test_a_layer_keeps_its_shift():
    p = parameters("pairs")
    first, layer = np.arange(20) * 2, np.arange(20) % 2
    index = first[:, None] + np.arange(2)
    with Session() as session:
        for shifts, decay in (([3, 40], 1.0), ([7], 0.5), ([], 0.25)):
            found = simulate(p, first, layer, shifts, 9, decay, session=session)[0]
            held = np.array([3 if decay == 1 else 7, 40])
            shift = held[layer][:, None]
            assert_equal(found, model(p, index, seed=9, shift=shift, decay=decay))


@pytest.mark.parametrize("name", ["default", "uniform"])
def test_reset_starts_anew(name):
    assert_starts_anew(regress, parameters(name), blocks=300)


def test_framing():
    assert_framing("weight_regenerator", parameters("default"))


def test_the_lanes_stand_still():
    """With a decay that is too small little more moves than what goes with the requests."""
    core = WeightRegenerator(parameters=RegeneratorParameters(lanes=1, layers=1, rounds=7))
    steady = {"i__valid": 1, "o__ready": 1, "seed": 7, "clear": 0, "scale": 0}
    index = np.random.default_rng(6).integers(0, 1 << 32, 100)

    def weighted(decay: float) -> float:
        values = steady | {"decay": int(np.float32(decay).view(np.uint32))}
        stimuli = {name: np.full(len(index), value) for name, value in values.items()}
        return measure(core, stimuli | {"i__payload": index}, streams=1).weighted

    assert weighted(2.0**-25) < 0.05 * weighted(2.0**-24)


def test_cocotb():
    options: dict[str, Any] = {"engine": "cocotb", "simulator": "icarus", "stalls": STALLS}
    assert regress(parameters("pairs"), seed=10, blocks=40, **options).message == ""
