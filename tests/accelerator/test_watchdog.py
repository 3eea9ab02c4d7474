"""What the watchdog stops, what it lets go on, and whom it names: as the interpreter does."""

import contextlib

import pytest

from hw.accelerator.machine import Accelerator
from sw.accelerator.coding import encode
from sw.accelerator.machine import Machine

from ..faults import Fault, planted
from .jobs import HALT, PARAMETERS, SOURCE, Bench, load, simulate, window

CYCLES = 1 << PARAMETERS.watchdog
GIVE, WAIT = encode("signal", tokens=1), encode("wait", tokens=2)
# Neither reads nor writes for longer than the watchdog waits.
LONG = [window("vec", 0), encode("vec.map", lane=1, reduce=1, inner=CYCLES + 64, outer=1)]
VEC = encode("vec.scalar", wait=2)
QUANT = encode("quant.quantize", inner=1, outer=1, blocks=1, wait=4)
PROD = encode("prod.multiply", m=1, n=2, blocks=1, wait=2)

STUCK = (
    ("seq", 1, [GIVE, WAIT, HALT]),
    ("quant", 1, [VEC, QUANT, HALT]),
    ("vec", 1, [GIVE, VEC, WAIT, HALT]),
    ("prod", 3, [VEC, GIVE, GIVE, PROD, encode("barrier")]),
)


def outlasts() -> None:
    """Run what does not come to an end, then what takes long."""

    async def run(bench: Bench) -> None:
        bench.most = 2 * CYCLES
        engine, pc, program = STUCK[1]
        await bench.fails("watchdog", engine, pc, program)
        assert await bench.run([*LONG, HALT]) == {"done"}

    simulate(run)


FAULTS = {
    "": lambda s: [],
    "work is not counted": lambda s: s.at_work.eq(0),
    "an engine that waits is at work": lambda s: s.at_work.eq(s.vec.busy),
    "the sequencer is named": lambda s: [(s.flags.watchdog, s.error.engine.eq(1))],
    "the number is the sequencer's": lambda s: [(s.flags.watchdog, s.error.pc.eq(s.sequencer.pc))],
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_takes_long_goes_on(name):
    caught = pytest.raises(AssertionError) if name else contextlib.nullcontext()
    with planted(Fault(Accelerator, FAULTS[name])), caught:
        outlasts()


def test_the_machine_and_the_interpreter_name_one_instruction():
    async def run(bench: Bench) -> None:
        for engine, pc, program in STUCK:
            outcome = Machine(PARAMETERS, bytearray(64)).run(program)
            assert (outcome.error, outcome.engine, outcome.pc) == ("watchdog", engine, pc)
            await bench.fails("watchdog", engine, pc, program)

    simulate(run)


def test_a_memory_that_is_silent_ends_a_job():
    async def run(bench: Bench) -> None:
        slow = [*load(SOURCE, 0), HALT]
        assert await bench.run(slow) == {"done"}
        bench.memory.latency = 2 * CYCLES
        # Of a program that does not come no instruction is known.
        await bench.fails("watchdog", "dma", 0, slow)
        bench.memory.latency = 0
        done = bench.ctx.get(bench.dut.instructions)
        await bench.start(slow)
        while bench.ctx.get(bench.dut.instructions) == done:
            await bench.tick()
        bench.memory.latency = 2 * CYCLES
        while bench.ctx.get(bench.dut.busy):
            await bench.tick()
        assert bench.seen["watchdog"] == 1 and bench.error()[1:] == (2, 2)
        bench.memory.latency = 0
        await bench.sums()

    simulate(run)
