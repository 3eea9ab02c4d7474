"""The sequencer against a model that unrolls programs."""

import dataclasses
import random
from collections.abc import Sequence

import pytest
from amaranth.hdl import Module, ResetInserter, Signal

from hw.accelerator.sequencer import ProgramSequencer
from sw.accelerator.coding import encode
from sw.accelerator.instructions import BITS, WORKERS
from sw.accelerator.parameters import AcceleratorParameters

from ..clocked import drive
from ..faults import Fault, planted
from .sequences import END_OF_PROGRAM, EVENT, HALT, SIGNAL, WAIT, Step, model, random_program

PARAMETERS = AcceleratorParameters(instructions=64)
BARRIERS = [encode(name) for name in ("barrier", "event", "halt")]
ILLEGAL = 1


@dataclasses.dataclass
class Stalls:
    """Chances, in a cycle, that a stream takes nothing, tokens are not there, engines work on."""

    commands: float = 0.0
    tokens: float = 0.0
    idle: float = 0.0
    fetch: float = 0.0


CALM, SLOW = Stalls(), Stalls(commands=0.4, tokens=0.6, idle=0.6, fetch=0.3)


@dataclasses.dataclass
class Run:
    """What a program did: its steps, the error and its instruction, cycles from the last fetch."""

    steps: list[Step]
    error: int
    error_pc: int
    cycles: int


def run(*programs: Sequence[int], stalls: Stalls = CALM, seed: int = 0) -> list[Run]:
    """Run programs one after the other, each after a reset; steps are those seen at the ports."""
    dut = ProgramSequencer(parameters=PARAMETERS)
    top, reset = Module(), Signal()
    top.submodules.dut = ResetInserter(reset)(dut)
    rng = random.Random(seed)
    runs = []

    def seen(ctx) -> Step:
        """Return the step of this cycle, as far as ports show what it does."""
        done: list[tuple] = []
        for name in WORKERS:
            port = getattr(dut, f"command_{name}")
            if ctx.get(port.valid) and ctx.get(port.ready):
                assert ctx.get(port.payload.pc) == ctx.get(dut.pc)
                done.append((name, ctx.get(port.payload.word)))
        done += [(WAIT, ctx.get(dut.wait))] * (ctx.get(dut.waiting) and ctx.get(dut.granted))
        done += [(EVENT,)] * ctx.get(dut.event) + [(HALT,)] * ctx.get(dut.done)
        assert len(done) <= ctx.get(dut.step), done
        return ctx.get(dut.pc), *(done or [()])[0]

    async def fetch(ctx, program: Sequence[int], place: int) -> int:
        """Answer the request for a program; return the place of its next instruction, or -1."""
        ctx.set(dut.fetch.ready, rng.random() >= stalls.fetch)
        coming = 0 <= place < len(program) and rng.random() >= stalls.fetch
        ctx.set(dut.fetched.valid, coming)
        ctx.set(dut.fetched.payload, program[place] if coming else rng.getrandbits(BITS))
        if ctx.get(dut.fetch.valid) and ctx.get(dut.fetch.ready):
            assert place < 0
            assert ctx.get(dut.fetch.payload.address) == 0x12_3456_7890
            assert ctx.get(dut.fetch.payload.count) == len(program)
            return 0
        assert not coming or ctx.get(dut.fetched.ready)
        return place + coming

    async def bench(ctx):
        for program in programs:
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            ctx.set(dut.program_address, 0x12_3456_7890)
            ctx.set(dut.program_length, len(program))
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            found = Run([], 0, 0, 0)
            place, left, stepped = -1, 20, 0
            while left:
                before, place = place, await fetch(ctx, program, place)
                found.cycles = found.cycles + 1 if place == before else 0
                for name in WORKERS:
                    port = getattr(dut, f"command_{name}")
                    ctx.set(port.ready, rng.random() >= stalls.commands)
                idle = rng.random() >= stalls.idle
                ctx.set(dut.idle, idle)
                ctx.set(dut.granted, ctx.get(dut.waiting) and rng.random() >= stalls.tokens)
                step = seen(ctx)
                if ctx.get(dut.signal):
                    # Tokens are given a cycle later.
                    assert stepped and len(found.steps[-1]) == 1
                    found.steps[-1] += SIGNAL, ctx.get(dut.signal)
                stepped = ctx.get(dut.step)
                if stepped:
                    found.steps.append(step)
                    assert idle or program[step[0]] not in BARRIERS
                found.error, found.error_pc = ctx.get(dut.error), ctx.get(dut.error_pc)
                if ctx.get(dut.done):
                    break
                # Nothing more is done after an error.
                left -= found.error != 0
                assert found.cycles < 2000, "stuck"
                await ctx.tick()
            runs.append(found)

    drive(top, bench)
    return runs


PROGRAM = [
    encode("seta", address=3, value=(1 << 40) - 2),
    encode("loop", count=2),
    encode("adda", address=3, value=3),
    encode("vec.base", window=1, add=4, address=5, bank=7, single=1),
    encode("loop", count=1),
    encode("dma.base", window=1, add=16, address=(1 << 40) - 1),
    encode("end"),
    encode("signal", tokens=0x8001),
    encode("prod.multiply", wait=3, signal=4, m=1, n=4, blocks=2),
    encode("end"),
    encode("wait", tokens=2),
    encode("barrier"),
    encode("quant.key", window=0, add=4, key=1 << 63 | 1),
    encode("event"),
    END_OF_PROGRAM,
]


def test_a_program_by_hand():
    [found] = run(PROGRAM)
    assert found.error == 0
    vec = [encode("vec.base", window=1, add=4, address=a, bank=7, single=1) for a in (6, 9)]
    dma = encode("dma.base", window=1, add=16, address=(1 << 40) - 1)
    multiply = encode("prod.multiply", wait=3, signal=4, m=1, n=4, blocks=2)
    assert found.steps == [
        (0,),
        (1,),
        *[
            step
            for n in range(2)
            for step in [
                (2,),
                (3, "vec", vec[n]),
                (4,),
                (5, "dma", dma),
                (6,),
                (7, SIGNAL, 0x8001),
                (8, "prod", multiply),
                (9,),
            ]
        ],
        (10, WAIT, 2),
        (11,),
        (12, "quant", encode("quant.key", window=0, add=4, key=1 << 63 | 5)),
        (13, EVENT),
        (14, HALT),
    ]
    # The first step four cycles after the last instruction, two cycles for each, and two more from
    # the end of the loop to its second round.
    assert found.cycles == 4 + 2 * (len(found.steps) - 1) + 2


@pytest.mark.parametrize("stalls", [CALM, SLOW], ids=["calm", "slow"])
def test_random_programs(stalls):
    rng = random.Random(3)
    programs = [random_program(rng, rng.choice([3, 12, 24])) for _ in range(12)]
    programs = [p for p in programs if len(p) <= 64 and len(model(p)) <= 200]
    assert len(programs) > 6
    assert {s[1] for p in programs for s in model(p) if s[1:]} == {*WORKERS, 5, 6, 8, 9}
    for program, found in zip(programs, run(*programs, stalls=stalls), strict=True):
        assert found.error == 0
        assert found.steps == model(program)


def test_the_longest_program():
    program = [encode("adda", address=0, value=n) for n in range(62)]
    program += [encode("dma.base", add=1), END_OF_PROGRAM]
    [found] = run(program)
    assert found.steps[-2] == (62, "dma", encode("dma.base", add=1, address=sum(range(62))))


TWICE, LAST = encode("loop", count=2), encode("end")
SET = encode("vec.base", window=1, address=7)
WRONG = {
    "no engine": ([SET, 0, END_OF_PROGRAM], 1),
    "engine 6": ([SET, 6, END_OF_PROGRAM], 1),
    "engine 15": ([15, END_OF_PROGRAM], 0),
    "no operation of the sequencer": ([1, END_OF_PROGRAM], 0),
    "no operation of an engine": ([SET, SET, 0x25, SET ^ 0x30, END_OF_PROGRAM], 3),
    "a slot of another engine": ([0x8005, END_OF_PROGRAM], 0),
    "bits of no field": ([SET, END_OF_PROGRAM | 1 << 127], 1),
    "no such window": ([encode("dma.base", window=1) + 0x100, END_OF_PROGRAM], 0),
    "no such address register": ([encode("dma.base", add=16) + 0x10000, END_OF_PROGRAM], 0),
    "no words": ([SET, encode("vec.map", inner=1, outer=1) - (1 << 72), END_OF_PROGRAM], 1),
    "a counter of none": ([encode("prod.counter4", count=1) - (1 << 32), END_OF_PROGRAM], 0),
    "a loop of none": ([SET, TWICE - (2 << 32), LAST, END_OF_PROGRAM], 1),
    "five loops": (
        [SET, TWICE, TWICE, SET, TWICE, TWICE, TWICE, LAST, LAST, LAST, LAST, LAST, END_OF_PROGRAM],
        6,
    ),
    "an end too many": ([TWICE, SET, LAST, LAST, END_OF_PROGRAM], 3),
    "no halt": ([SET, TWICE, SET, LAST], 4),
    "in a loop": ([TWICE, SET, encode("adda"), LAST, encode("wait") | 1 << 31, END_OF_PROGRAM], 4),
}


def stops(program: Sequence[int], at: int) -> None:
    """Assert that a program stops where it is illegal, after all that is before."""
    # What is beyond a program's end is left by one before it.
    [_, found] = run([END_OF_PROGRAM] * 64, program)
    assert (found.error, found.error_pc) == (ILLEGAL, at)
    legal = [*program[:at], END_OF_PROGRAM]
    assert found.steps == model(legal)[:-1]


@pytest.mark.parametrize("name", WRONG)
def test_illegal_instructions(name):
    stops(*WRONG[name])


FAULTS = {
    "an address register is not known": lambda s: s.known[3].eq(0),
    "nothing is added": lambda s: s.added.eq(0),
    "loops are done once": lambda s: s.again.eq(0),
    "a loop is done once too often": lambda s: s.left_1.eq(s.left_1),
    "instructions have the wrong number": lambda s: s.command_prod.payload.pc.eq(0),
    "a stream is not waited for": lambda s: [(s.command_dma.valid, s.step.eq(1))],
    "a barrier is none": lambda s: s.is_barrier.eq(0),
    "illegal instructions are not seen": lambda s: s.illegal.eq(0),
}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults(name):
    with planted(Fault(ProgramSequencer, FAULTS[name])), pytest.raises(AssertionError):
        test_a_program_by_hand()
        rng = random.Random(4)
        programs = [PROGRAM, *(random_program(rng, 12) for _ in range(3))]
        for program, found in zip(programs, run(*programs, stalls=SLOW), strict=True):
            assert found.steps == model(program)
        test_illegal_instructions("bits of no field")
