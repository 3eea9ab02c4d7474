"""What both controllers of precision stand: stalls, resets, synthesis, a second simulator."""

from typing import Any

import pytest

from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Stalls
from sim.units import bench
from sw.bfp.epoch_schedule import BoostRule, EpochParameters
from sw.bfp.zse_controller import ZseParameters, ZseRule

GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]
BOTH = Stalls(idle=0.3, back_pressure=0.5)
RULES: dict[str, Any] = {
    "bfp_epoch_schedule": BoostRule(epochs=12, boosted=3, narrow=1, wide=2, last_wide=False),
    "bfp_zse_controller": ZseRule(lo=0.5, hi=0.5, warmup=2, hold=2, initial=1),
}
SMALL: dict[str, Any] = {
    "bfp_epoch_schedule": EpochParameters(layers=4),
    "bfp_zse_controller": ZseParameters(layers=4),
}
RESETS = {"bfp_epoch_schedule": (1, 30, 333), "bfp_zse_controller": (1, 30, 333, 2000)}

either = pytest.mark.parametrize("unit", RULES)


def message(unit: str, parameters: Any = None, **options: Any) -> str:
    """Return what the regression says under a rule that is not that after reset."""
    p = parameters or SMALL[unit]
    return bench(unit).regress(p, rule=RULES[unit], **options).message


@either
@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(unit, stalls):
    for seed in (4, 5):
        assert message(unit, blocks=600, seed=seed, stalls=stalls) == ""


@pytest.mark.parametrize(("unit", "cycles"), [(u, c) for u in RESETS for c in RESETS[u]])
def test_reset_in_mid_stream_leaves_nothing_behind(unit, cycles):
    for stalls in (Stalls(), BOTH):
        assert message(unit, blocks=600, seed=cycles, reset_after=cycles, stalls=stalls) == ""


# Memories are flip-flops then: few layers.
@pytest.mark.parametrize(("unit", "layers"), [("bfp_epoch_schedule", 4), ("bfp_zse_controller", 2)])
def test_the_gate_netlist_passes_the_same_regression(unit, layers):
    p = SMALL[unit].replace(layers=layers)
    gates = netlist(generate(unit, p), "gates")
    for stalls in (Stalls(), BOTH):
        assert message(unit, p, blocks=600, seed=10, stalls=stalls, netlist=gates) == ""


BLOCKS = {"bfp_epoch_schedule": 100, "bfp_zse_controller": 36}


@either
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotb(unit, simulator):
    options: dict[str, Any] = {"engine": "cocotb", "simulator": simulator}
    assert message(unit, blocks=BLOCKS[unit], seed=10, stalls=BOTH, **options) == ""
