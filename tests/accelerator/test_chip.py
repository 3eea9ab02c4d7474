"""The accelerator with its memory: packets, programs and their errors, and training in parts."""

from typing import Any

import numpy as np
import pytest

from hw.accelerator.chip import AcceleratorChip
from sim.accelerator.chip import regress
from sw.accelerator import segments
from sw.accelerator.chip import Chip, ChipJob
from sw.accelerator.segments import Segments, compile_segments, train_in_segments
from sw.accelerator.training import train
from sw.errors import UserError
from sw.train.settings import Settings

from ..bus import OKAY, Bus, simulate
from ..faults import Fault, assert_caught
from ..small import PARAMETERS
from .made import CHIP, made
from .programs import HALT
from .trained import assert_same

SMALL = PARAMETERS["accelerator_chip"]

FAULTS = {
    "a packet out is from the next beat on": Fault(
        AcceleratorChip,
        lambda s: s.own_araddr.eq(s.job.read_address + SMALL.beat_bytes),
        "unknown|packet",
    ),
    "the end of memory is not told": Fault(
        AcceleratorChip, lambda s: s.flags.beyond.eq(0), "status.beyond"
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_planted_faults(fault):
    assert_caught(regress, "accelerator_chip", SMALL, fault, blocks=1, engine="verilog")


def test_a_regression_is_told_in_words():
    report = regress(SMALL, blocks=40)
    assert (report.message, report.mismatches) == ("", 0)
    assert report.beats > 100


class Host:
    """Moves packets of a unit in Amaranth's simulator."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus

    async def start(self, **job: Any) -> None:
        """Write the registers of a job, and start it."""
        for name, value in ChipJob(**job).registers(SMALL).items():
            assert await self.bus.write(name, value) == OKAY
        assert await self.bus.write("control.start", 1) == OKAY

    async def send(self, *beats: int, last: int = -1) -> None:
        """Send beats, of which the one numbered ``last`` ends the packet."""
        for n, beat in enumerate(beats):
            self.bus.set("s_axis_tdata", beat)
            self.bus.set("s_axis_tlast", n == last % len(beats))
            self.bus.set("s_axis_tvalid", 1)
            while not self.bus.get("s_axis_tready"):
                await self.bus.tick()
            await self.bus.tick()
            self.bus.set("s_axis_tvalid", 0)

    async def take(self, count: int) -> list[int]:
        """Take beats, of which the last one is marked."""
        self.bus.set("m_axis_tready", 1)
        found = []
        while len(found) < count:
            if self.bus.get("m_axis_tvalid"):
                found.append(self.bus.get("m_axis_tdata"))
                assert self.bus.get("m_axis_tlast") == (len(found) == count)
            await self.bus.tick()
        self.bus.set("m_axis_tready", 0)
        return found

    async def told(self, *names: str) -> None:
        """Check what status has, and clear it."""
        expected = sum(1 << self.bus.fields[f"status.{name}"][0] for name in names)
        assert await self.bus.read("status") == expected
        assert await self.bus.write("status", expected) == OKAY


def test_events_of_jobs():
    size, end = SMALL.beat_bytes, SMALL.memory_bytes

    async def bench(bus: Bus) -> None:
        await bus.reset()
        host = Host(bus)
        # A packet that ends early: all of its beats are counted.
        await host.start(write_address=0, data=bytes(3 * size), read_bytes=3 * size)
        await host.send(1, 2, 3, last=1)
        assert await host.take(3) == [1, 2, 3]
        await host.told("done", "framing")
        # A packet whose end memory has not, in and out.
        await host.start(write_address=end - size, data=bytes(2 * size))
        await host.send(4, 5)
        await bus.tick(4)
        await host.told("done", "beyond")
        await host.start(read_address=end - size, read_bytes=2 * size)
        assert (await host.take(2))[0] == 4
        await host.told("done", "beyond")
        # What was dropped is not at the beginning.
        await host.start(read_bytes=size)
        assert await host.take(1) == [1]
        await host.told("done")
        # A program that is too long, and one at no instruction: memory is given all the same.
        for address, length in ((0, SMALL.instructions + 1), (8, 1)):
            await host.start(program_address=address, program_length=length, read_bytes=size)
            assert await host.take(1) == [1]
            await host.told("done", "refused")
        # One of an illegal instruction, then one that ends.
        await host.start(program_length=1, read_bytes=size)
        assert await host.take(1) == [1]
        await host.told("done", "illegal")
        assert await bus.read("error.cause") == 1
        await host.start(data=HALT.to_bytes(16, "little"), program_length=1)
        await host.send(*(HALT >> 32 * n & 0xFFFFFFFF for n in range(4)))
        await bus.tick(40)
        await host.told("done")
        assert await bus.read("error.cause") == 0

    simulate("accelerator_chip", SMALL, bench)


DATA = made(27, 30, 3)
SETTINGS = Settings(hidden=(5,), epochs=2, batch=4)


def by_model(chip: Chip, job: ChipJob) -> bytes:
    """Return the packet of a job that ends well."""
    result = chip.run(job)
    assert not result.beyond and (result.outcome is None or not result.outcome.error)
    return result.packet


def trained(plan: Segments, **options: Any) -> Any:
    chip = Chip(CHIP)
    chip.memory[:] = 0xC5
    return train_in_segments(plan, lambda job: by_model(chip, job), **options)


def test_training_in_segments_is_the_whole_training():
    expected = train(CHIP, DATA, SETTINGS)
    for words, steps in ((1024, 6), (512, 2)):
        plan = compile_segments(CHIP.replace(memory_words=words), DATA, SETTINGS)
        assert plan.steps == steps and plan.size <= words * 16
        told: list[tuple[int, int, float]] = []
        found = trained(plan, report=lambda *each, told=told: told.append(each))
        assert_same(found, expected)
        assert [each[:2] for each in told] == [
            (epoch, done) for epoch in (1, 2) for done in range(steps, 7, steps)
        ]
        assert told[-1][2] == expected.losses[1].mean()


def test_the_number_of_the_step_counts(monkeypatch):
    """Random words that begin anew in every segment give other weights."""
    plan = compile_segments(CHIP.replace(memory_words=512), DATA, SETTINGS)
    code = Segments.code
    monkeypatch.setattr(segments.Segments, "code", lambda self, step: code(self, 0))
    found, expected = trained(plan), train(CHIP, DATA, SETTINGS)
    assert np.array_equal(found.losses[0, :2], expected.losses[0, :2])
    assert not np.array_equal(found.losses, expected.losses)


def test_what_is_refused():
    with pytest.raises(UserError, match="memory_words must hold 768 bytes, of 32 words of the"):
        CHIP.replace(memory_words=64, port_bits=32)
    with pytest.raises(UserError, match="memory_words must be one of 64, 128, .* not 1000$"):
        CHIP.replace(memory_words=1000)
    with pytest.raises(UserError, match="memory_words must hold .* for a step of this training"):
        compile_segments(CHIP.replace(memory_words=256), DATA, SETTINGS)
    with pytest.raises(UserError, match="read_bytes must be a multiple of a beat's 16 bytes"):
        Chip(CHIP).run(ChipJob(read_bytes=8))
    with pytest.raises(UserError, match="data must be beats of 16 bytes, not 3 bytes"):
        Chip(CHIP).run(ChipJob(data=b"abc"))
