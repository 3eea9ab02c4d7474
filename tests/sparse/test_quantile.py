"""The quantile estimator in RTL and as a netlist against its model, on every bit."""

from typing import Any

import numpy as np
import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Session, Stalls
from sim.compare import assert_equal
from sim.sparse.quantile_estimator import estimate, regress, simulate
from sw.sparse.quantile_estimator import QuantileParameters
from sw.sparse.quantile_estimator import estimate as model

from .stimuli import STALLS, assert_agrees, assert_framing, assert_starts_anew

DESIGNS: dict[str, dict[str, Any]] = {
    "at once": {"lanes": 1, "delay": 0, "step": 4},
    "a beat late": {"lanes": 3, "delay": 1, "guard": 0, "step": 20, "keep": 0.5},
    "default": {},
    "steep": {"lanes": 2, "delay": 3, "guard": 12, "step": 4, "keep": 0.9},
    "wide": {"lanes": 9, "delay": 4, "between": "carry", "step": 5},
}


def parameters(name: str) -> QuantileParameters:
    return QuantileParameters(**DESIGNS[name])


@pytest.mark.parametrize("name", DESIGNS)
def test_random_packets(name):
    assert_agrees(regress, parameters(name), blocks=100, stalled=100)


@pytest.mark.parametrize("name", DESIGNS)
def test_what_is_written_at_run_time(name):
    p = parameters(name)
    for share, initial in ((1, 2.0**-126), ((1 << p.unit) - 1, 3.4028235e38), (p.up, 1.5)):
        report = regress(p, seed=3, share=share, initial=initial, stalls=STALLS)
        assert report.message == ""


@pytest.mark.parametrize("initial, value", [(2.0**-124, 0.0), (2.0**125, np.inf)])
def test_ends_of_the_range(initial, value):
    """Zeros bring the estimate down to the smallest number, infinities up to the largest."""
    p = parameters("wide")
    q = p.replace(keep=0.5, initial=initial)
    writes = [("share", q.down), ("initial", q.start >> q.guard)]
    x = np.full((60, 9), value, np.float32)
    x[40:] = 1.0
    for beats in (40, 60):
        found, result = simulate(p, x[:beats], writes=writes)
        wanted = model(q, x[:beats])
        assert_equal(found, wanted.mask)
        assert result.registers["estimate"] == int(wanted.state[0]) >> q.guard
        assert (wanted.state[0] in (q.least, q.most)) == (beats == 40)


def test_updates_wait_for_beats():
    """However late beats come, each is decided as if they came one by one in a row."""
    p = parameters("steep")
    x = np.abs(np.random.default_rng(4).standard_normal((200, 2))).astype(np.float32)
    wanted = model(p, x).mask
    for idle in (0.0, 0.5, 0.95):
        assert_equal(estimate(p, x, stalls=Stalls(idle=idle)), wanted)


@pytest.mark.parametrize("name", ["default", "wide"])
def test_reset_starts_anew(name):
    assert_starts_anew(regress, parameters(name))


def test_runs_carry_on_until_a_restart():
    p = parameters("wide")
    rng = np.random.default_rng(6)
    x = np.abs(rng.standard_normal((3, 100, 9))).astype(np.float32)
    first = model(p, x[0])
    second = model(p, x[1], start=first.state)
    with Session() as session:
        for values, wanted in ((x[0], first), (x[1], second)):
            found, result = simulate(p, values, session=session, last=np.arange(100) % 7 == 3)
            assert_equal(found, wanted.mask)
            assert result.registers["estimate"] == int(wanted.state[0]) >> p.guard
        anew = {"writes": [("restart", 1)], "session": session}
        assert_equal(simulate(p, x[2], **anew)[0], model(p, x[2]).mask)
        # What is written to `initial` is seen by the next start, not before.
        writes = [("initial", 1 << 23)]
        third = model(p, x[0], start=model(p, x[2]).state)
        assert_equal(simulate(p, x[0], session=session, writes=writes)[0], third.mask)
        lower = model(p.replace(initial=2.0**-126), x[1])
        assert_equal(simulate(p, x[1], **anew)[0], lower.mask)


def test_packets_are_apart_where_they_restart():
    p = parameters("default")
    x = np.abs(np.random.default_rng(7).standard_normal((60, 4))).astype(np.float32)
    found = estimate(p, np.tile(x, (3, 1)), last=np.arange(180) % 60 == 59)
    assert_equal(found.reshape(3, 60, 4), np.stack([model(p, x).mask] * 3))


def test_status():
    p = parameters("at once")
    x = np.ones((9, 1), np.float32)
    present = np.ones((9, 1), bool)
    assert simulate(p, x)[1].registers["status.nan"] == 0
    for odd in (np.nan, np.inf, -np.inf):
        x[4] = odd
        assert simulate(p, x)[1].registers["status.nan"] == 1
        present[4] = False
        assert simulate(p, x, present=present)[1].registers["status.nan"] == 0
        present[4] = True
    assert_framing("quantile_estimator", p)


def test_netlist():
    p = QuantileParameters(lanes=1, step=4, guard=0)
    gates = netlist(generate("quantile_estimator", p), "gates")
    assert regress(p, seed=8, blocks=40, netlist=gates).message == ""
    assert regress(p, seed=9, blocks=40, stalls=STALLS, netlist=gates).message == ""


def test_cocotb():
    options: dict[str, Any] = {"engine": "cocotb", "simulator": "icarus", "stalls": STALLS}
    assert regress(parameters("default"), seed=10, blocks=8, **options).message == ""
