"""The controllers' modes are the multi-mode array's: the same code, on wires without glue."""

from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from hw.bfp.epoch_schedule import EpochSchedule
from hw.bfp.multimode_array import MultimodeArray
from hw.bfp.zse_controller import ZseController
from hw.engine.core import Core
from sw.bfp.epoch_schedule import EpochParameters
from sw.bfp.multimode_array import BFP_FAMILIES, DIGITS, MODES, MultimodeParameters
from sw.bfp.zse_controller import ZseParameters

from ..clocked import drive

ARRAY = MultimodeParameters(rows=1, columns=1)
LAYERS = 3
WORDS = {"i_a": 0x4321, "i_b": 0x8765}


def mode_bits(core: Core, stream: str) -> int:
    [field] = (field for field in core.streams[stream].fields if field.name == "mode")
    return field.bits


@pytest.mark.parametrize(
    "controller",
    [EpochSchedule(parameters=EpochParameters()), ZseController(parameters=ZseParameters())],
    ids=lambda core: type(core).__name__,
)
def test_a_mode_is_as_wide_for_the_controllers_as_for_the_array(controller):
    array = MultimodeArray(parameters=ARRAY)
    assert mode_bits(array, "i_a") == mode_bits(array, "i_b") == mode_bits(controller, "o")


class Layers(wiring.Component):
    """A tile of one beat for each layer, in the mode that the schedule gives it."""

    def __init__(self) -> None:
        self.schedule = EpochSchedule(parameters=EpochParameters(layers=LAYERS))
        self.array = MultimodeArray(parameters=ARRAY)
        super().__init__({})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.schedule = schedule = self.schedule
        m.submodules.array = array = self.array
        m.d.comb += schedule.o.ready.eq(array.i_a.ready)
        for name, word in WORDS.items():
            port = getattr(array, name)
            operand = port.payload.data
            m.d.comb += [
                operand.word.eq(word),
                operand.mode.eq(schedule.o.payload.data.mode[0]),
                port.valid.eq(schedule.o.valid),
            ]
            one = BFP_FAMILIES[ARRAY.family][0].exponent_bias - 1
            m.d.comb += [code.eq(one) for code in operand.exponent]
        return m


def products(mode: int) -> list[float]:
    """Return those of the words' mantissas, fractions of blocks whose exponent is 0."""
    bits = 16 * MODES[mode] // DIGITS
    a, b = (
        [word >> place & ((1 << bits) - 1) for place in range(0, 16, bits)]
        for word in WORDS.values()
    )
    return [float(np.float32(x * y / 4.0**bits)) for x in a for y in b]


def test_each_tile_has_the_mode_that_the_schedule_gives_its_layer():
    dut = Layers()
    schedule, array = dut.schedule, dut.array
    # Narrow and wide modes of two epochs, and the modes of the layers then: the outer ones wide.
    epochs = [((0, 1), [1, 0, 1]), ((2, 0), [0, 2, 0])]
    found: list[int] = []

    async def control(ctx: Any) -> None:
        for name, value in (("epochs", 9), ("layers", LAYERS), ("first_wide", 1), ("last_wide", 1)):
            ctx.set(getattr(schedule, name), value)
        ctx.set(array.job, {"tiles": LAYERS * len(epochs), "beats": 1})
        ctx.set(array.start, 1)
        await ctx.tick()
        ctx.set(array.start, 0)
        for (narrow, wide), _ in epochs:
            ctx.set(schedule.narrow, narrow)
            ctx.set(schedule.wide, wide)
            ctx.set(schedule.i.payload.data.epoch, 1)
            ctx.set(schedule.i.valid, 1)
            await ctx.tick().until(schedule.i.ready)
            ctx.set(schedule.i.valid, 0)

    async def results(ctx: Any) -> None:
        ctx.set(array.o.ready, 1)
        last = 0
        while not last:
            ports = array.o.payload, array.flags.framing
            beat, framing = await ctx.tick().sample(*ports).until(array.o.valid)
            last = beat.last
            found.extend(beat.data.result)
            assert not framing

    drive(dut, control, results)
    expected = [value for _, modes in epochs for mode in modes for value in products(mode)]
    assert np.array(found, np.uint32).view(np.float32).tolist() == expected
