"""The schedule of precision by epochs against its model."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Mux

from hw.bfp.epoch_schedule import EpochSchedule
from hw.flow.emit import generate
from sim.bench import Stalls, run
from sim.bfp.epoch_schedule import regress, schedule, simulate
from sim.compare import assert_equal
from sim.registers import readable
from sw.bfp.epoch_schedule import BoostRule, EpochParameters
from sw.bfp.epoch_schedule import schedule as model

from ..clocked import drive
from ..faults import Fault, Names, assert_caught

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


@pytest.mark.parametrize("layers", [1, 256])
def test_other_numbers_of_layers(layers):
    p = EpochParameters.make(preset="imagenet", layers=layers)
    for seed in (6, 7):
        assert regress(p, blocks=3000, seed=seed).message == ""
    assert regress(p, blocks=1000, seed=8, stalls=BOTH).message == ""


def test_the_documented_cycles():
    latency = generate("bfp_epoch_schedule", SMALL).manifest["latency"]
    assert latency == 1
    _, result = simulate(SMALL, [1])
    taken = result.stamps["s_axis"][0]
    assert result.stamps["m_axis"] == (taken + latency, taken + latency + 3)
    _, result = simulate(SMALL, [1, 159, 160])
    assert result.cycles == SMALL.cycles(3) == 15


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
        assert result.registers["accepted"] == 2


def test_registers_changed_during_a_packet_serve_the_next_one():
    # In Amaranth's simulator, which takes commands at any time.
    dut = EpochSchedule(parameters=EpochParameters(layers=3))

    async def packet(ctx: Any, epoch: int) -> list[int]:
        ctx.set(dut.i.payload.data.epoch, epoch)
        ctx.set(dut.i.valid, 1)
        await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        for name, value in (("narrow", 2), ("wide", 0), ("layers", 2), ("last_wide", 0)):
            ctx.set(getattr(dut, name), value)
        ctx.set(dut.o.ready, 1)
        modes, last = [], 0
        while not last:
            beat, last = (
                await ctx.tick().sample(dut.o.payload.data, dut.o.payload.last).until(dut.o.valid)
            )
            modes.append(beat.mode[0])
        return modes

    async def bench(ctx: Any) -> None:
        for name, value in (("epochs", 9), ("wide", 1), ("layers", 3), ("last_wide", 1)):
            ctx.set(getattr(dut, name), value)
        assert await packet(ctx, 1) == [0, 0, 1]
        assert await packet(ctx, 1) == [2, 2]
        await ctx.tick()
        assert ctx.get(dut.accepted) == 2
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.accepted) == 0

    drive(dut, bench)


def _all_wide_too_early(s: Names) -> Any:
    wide = s.inside & (s.i.payload.data.epoch + s.boosted >= s.epochs)
    return s.packet_all.eq(Mux(s.i_fire, wide, s.packet_all))


def _mode(s: Names, always: Any) -> Any:
    return s.mode.eq(Mux(s.packet_all | always, s.packet_wide, s.packet_narrow))


FAULTS = {
    "wide too early": (_all_wide_too_early, "mode"),
    "the first layer narrow": (lambda s: _mode(s, s.last & s.packet_last), "mode"),
    "all wide for the last": (
        lambda s: _mode(s, (s.layer == 0) & s.packet_first | s.packet_last),
        "mode",
    ),
    "an epoch in a packet": (lambda s: s.i.ready.eq(1), "m_axis"),
    "three layers": (lambda s: s.last.eq(s.layer == 2), "m_axis gave 750"),
    "the narrowest": (lambda s: s.packet_narrow.eq(0), "mode"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assign, sign = FAULTS[name]
    fault = Fault(EpochSchedule, assign, sign)
    rule = OTHER.replace(last_wide=True)
    assert_caught(regress, "bfp_epoch_schedule", SMALL, fault, blocks=1000, seed=12, rule=rule)
