"""The schedule of precision by epochs against its model."""

import re
from typing import Any

import numpy as np
import pytest

from hw.bfp.epoch_schedule import EpochSchedule
from hw.flow.emit import generate
from hw.flow.yosys import netlist
from sim.bench import Stalls, run
from sim.bfp.epoch_schedule import regress, schedule, simulate
from sim.compare import assert_equal
from sim.job import BenchError
from sim.registers import readable
from sw.bfp.epoch_schedule import BoostRule, EpochParameters
from sw.bfp.epoch_schedule import schedule as model

from ..clocked import drive
from ..plant import plant

SMALL = EpochParameters(layers=4)
OTHER = BoostRule(epochs=12, boosted=3, narrow=1, wide=2, last_wide=False)
RULES = [
    None,
    BoostRule.make(preset="imagenet"),
    OTHER,
    BoostRule(epochs=3, boosted=3, first_wide=False),
    BoostRule(epochs=65535, boosted=65535),
    BoostRule(epochs=65535, boosted=0),
]
GRID = [Stalls(idle=i, back_pressure=b) for i in (0.0, 0.3, 0.8) for b in (0.0, 0.3, 0.8)]
BOTH = Stalls(idle=0.3, back_pressure=0.5)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_random_epochs(rule):
    for seed in (1, 2, 3):
        assert regress(SMALL, blocks=2000, seed=seed, rule=rule).message == ""


@pytest.mark.parametrize("preset", ["cifar10", "imagenet"])
def test_every_epoch_of_the_published_schedules(preset):
    rule = BoostRule.make(preset=preset)
    epochs = range(1, rule.epochs + 1)
    assert_equal(schedule(SMALL, epochs, rule), model(SMALL, epochs, rule))


@pytest.mark.parametrize("stalls", GRID, ids=lambda s: f"{s.idle}-{s.back_pressure}")
def test_stalls_change_nothing(stalls):
    for seed in (4, 5):
        assert regress(SMALL, blocks=600, seed=seed, rule=OTHER, stalls=stalls).message == ""


@pytest.mark.parametrize("layers", [1, 256])
def test_other_numbers_of_layers(layers):
    p = EpochParameters.make(preset="imagenet", layers=layers)
    for seed in (6, 7):
        assert regress(p, blocks=3000, seed=seed).message == ""
    assert regress(p, blocks=1000, seed=8, stalls=BOTH).message == ""


@pytest.mark.parametrize("cycles", [1, 30, 333])
def test_reset_in_mid_stream_leaves_nothing_behind(cycles):
    for stalls in (Stalls(), BOTH):
        report = regress(
            SMALL, blocks=600, seed=cycles, rule=OTHER, reset_after=cycles, stalls=stalls
        )
        assert report.message == ""


def test_the_gate_netlist_passes_the_same_regression():
    gates = netlist(generate("bfp_epoch_schedule", SMALL), "gates")
    for stalls in (Stalls(), BOTH):
        report = regress(SMALL, blocks=600, seed=9, rule=OTHER, stalls=stalls, netlist=gates)
        assert report.message == ""


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotb(simulator):
    options: dict[str, Any] = {"engine": "cocotb", "simulator": simulator}
    assert regress(SMALL, blocks=100, seed=10, rule=OTHER, stalls=BOTH, **options).message == ""


def test_the_documented_cycles():
    latency = generate("bfp_epoch_schedule", SMALL).manifest["latency"]
    assert latency == 1
    _, result = simulate(SMALL, [1])
    taken = result.stamps["s_axis"][0]
    assert result.stamps["m_axis"] == (taken + latency, taken + latency + 3)
    _, result = simulate(SMALL, [1, 159, 160])
    assert result.cycles == SMALL.cycles(3, latency=latency) == 15


@pytest.mark.parametrize("epoch", [0, 160, 161, 65535])
def test_epochs_outside_of_the_training(epoch):
    modes, result = simulate(SMALL, [epoch])
    inside = epoch == 160
    assert modes[0, :, 0].tolist() == [1, int(inside), int(inside), 1]
    assert result.registers["status.epoch"] == (not inside)
    assert result.registers["status.framing"] == 0


def test_odd_values_of_registers():
    # 3 is the widest mode, and numbers of layers that there are not are all layers.
    wide = model(SMALL, [160], BoostRule(wide=2))
    for writes in ([("wide", 3)], [("wide", 2), ("layers", 0)], [("wide", 2), ("layers", 5)]):
        assert_equal(schedule(SMALL, [160], writes=writes), wide)
    # More wide epochs than there are: all.
    modes = schedule(SMALL, [1, 2], writes=[("boosted", 65535), ("epochs", 2)])
    assert_equal(modes, np.ones((2, 4, 3), np.int32))


def test_tlast_of_an_epoch_is_of_no_account():
    design = generate("bfp_epoch_schedule", SMALL)
    for last in ([0, 0], [1, 1]):
        result = run(
            design,
            inputs={"s_axis": np.array([[1, 0], [2, 0]], np.uint8)},
            last={"s_axis": np.array(last)},
            outputs={"m_axis": 8},
            reads=readable(design.manifest),
        )
        assert result.last["m_axis"].tolist() == [0, 0, 0, 1] * 2
        assert result.registers["status.framing"] == 0
        assert result.registers["taken"] == 2


def test_registers_changed_during_a_packet_serve_the_next_one():
    # In Amaranth's simulator, which takes commands at any time.
    dut = EpochSchedule(parameters=EpochParameters(layers=3))

    async def packet(ctx: Any, epoch: int) -> list[int]:
        ctx.set(dut.i.payload.data, epoch)
        ctx.set(dut.i.valid, 1)
        await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        for name, value in (("narrow", 2), ("wide", 0), ("layers", 2), ("last_wide", 0)):
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.o.ready, 1)
        modes, last = [], 0
        while not last:
            word, last = (
                await ctx.tick().sample(dut.o.payload.data, dut.o.payload.last).until(dut.o.valid)
            )
            modes.append(word >> 8 & 3)
        return modes

    async def bench(ctx: Any) -> None:
        for name, value in (("epochs", 9), ("wide", 1), ("layers", 3), ("last_wide", 1)):
            ctx.set(getattr(dut, name), value)
        assert await packet(ctx, 1) == [0, 0, 1]
        assert await packet(ctx, 1) == [2, 2]
        await ctx.tick()
        assert ctx.get(dut.taken) == 2
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.taken) == 0

    drive(dut, bench)


FAULTS = [
    (r"packet_all_next_term > epochs", "packet_all_next_term >= epochs", "mode"),
    (r"\(~\|layer\)", "1'h0", "mode"),
    (r"last & packet_last", "packet_last", "mode"),
    (r"i__ready = ~o__valid", "i__ready = 1'h1", "m_axis"),
    (r"layer == packet_layers_minus_1", "layer == 8'h2", "m_axis gave 750"),
    (r"packet_narrow <= narrow", "packet_narrow <= 2'h0", "mode"),
]


@pytest.mark.parametrize(("old", "new", "what"), FAULTS)
def test_a_planted_fault_is_caught(old, new, what):
    text = generate("bfp_epoch_schedule", SMALL).verilog
    rule = OTHER.replace(last_wide=True)
    mutant = plant(text, "epoch_schedule", old, new)
    try:
        found = regress(SMALL, blocks=1000, seed=12, rule=rule, netlist=mutant).message
    except BenchError as error:
        found = str(error)
    assert re.search(what, found), found
