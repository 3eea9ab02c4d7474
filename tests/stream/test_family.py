"""Each member of the stream family gives the right beats under any stalls, in the cycles said."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, connect, flipped

from hw.base.circuit import Circuit
from hw.base.field import Field
from hw.base.pipeline import delay
from hw.stream.buffer import StreamBuffer
from hw.stream.downsizer import Downsizer
from hw.stream.fifo import OutputFifo
from hw.stream.gather import Gather
from hw.stream.join import Fork, Join
from hw.stream.packet import Packet
from hw.stream.pipeline import StreamPipeline
from hw.stream.skid import SkidBuffer

from .. import clocked
from .drive import drive

STALLS = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.4, 0.4), (0.1, 0.8)]
VECTOR = Packet(
    Field(name="mantissa", bits=4, count=2, description="elements"),
    Field(name="exponent", bits=3, description="exponent"),
)

WORD = Packet(Field(name="word", bits=6, description="a word"))


def beat(mantissa: tuple[int, ...], exponents: tuple[int, ...], last: int, sizes=(4, 3)) -> int:
    """A payload of several vectors: all elements, all exponents, ``last``."""
    word = place = 0
    for values, bits in ((mantissa, sizes[0]), (exponents, sizes[1]), ((last,), 1)):
        for value in values:
            word |= value << place
            place += bits
    return word


def groups(count: int, beats: int, number: int, seed: int):
    """Beats of vectors one behind the other, and the same side by side."""
    rng = random.Random(seed)
    given, expected = [], []
    for group in range(number):
        last = group % 3 == 2
        vectors = [
            [((rng.randrange(16), rng.randrange(16)), rng.randrange(8)) for _ in range(beats)]
            for _ in range(count)
        ]
        for n, vector in enumerate(vectors):
            for k, (mantissa, exponent) in enumerate(vector):
                end = last and n == count - 1 and k == beats - 1
                given.append(beat(mantissa, (exponent,), end))
        for k in range(beats):
            mantissas = tuple(q for vector in vectors for q in vector[k][0])
            exponents = tuple(vector[k][1] for vector in vectors)
            expected.append(beat(mantissas, exponents, last and k == beats - 1))
    return given, expected


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
@pytest.mark.parametrize(("count", "beats"), [(1, 1), (4, 1), (3, 2), (2, 4), (1, 3)])
def test_gather(count, beats, idle, pressure):
    given, expected = groups(count, beats, 7, seed=count + 10 * beats)
    dut = Gather(packet=VECTOR, count=count, beats=beats)
    found, _, events = drive(
        dut,
        {"i": given},
        {"o": len(expected)},
        seed=1,
        idle=idle,
        pressure=pressure,
        watch=["framing"],
    )
    assert found["o"] == expected
    assert events == {"framing": 0}


@pytest.mark.parametrize(("count", "beats"), [(4, 1), (3, 2), (2, 4)])
def test_a_gather_never_stalls_its_source(count, beats):
    given, expected = groups(count, beats, 5, seed=3)
    dut = Gather(packet=VECTOR, count=count, beats=beats)
    _, cycles, _ = drive(dut, {"i": given}, {"o": len(expected)})
    # A cycle after reset without ready, all beats in, and two cycles after the last of them the
    # first of the last group.
    assert cycles == 1 + len(given) + 1 + beats


def test_a_gather_flags_an_end_inside_a_group():
    given, expected = groups(3, 2, 2, seed=5)
    given[1] |= 1 << 11
    dut = Gather(packet=VECTOR, count=3, beats=2)
    found, _, events = drive(dut, {"i": given}, {"o": 4}, watch=["framing"])
    assert found["o"] == expected
    assert events == {"framing": 1}


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
def test_a_downsizer_undoes_a_gather(idle, pressure):
    given, expected = groups(4, 1, 9, seed=8)
    found, cycles, _ = drive(
        Downsizer(packet=VECTOR, count=4),
        {"i": expected},
        {"o": len(given)},
        seed=2,
        idle=idle,
        pressure=pressure,
    )
    assert found["o"] == given
    if not idle and not pressure:
        assert cycles == len(given)


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
def test_join(idle, pressure):
    rng = random.Random(4)
    a, b, c = ([rng.randrange(1 << bits) for _ in range(60)] for bits in (4, 1, 7))
    found, cycles, _ = drive(
        Join(shapes=(4, 1, 7)),
        {"i_0": a, "i_1": b, "i_2": c},
        {"o": 60},
        seed=3,
        idle=idle,
        pressure=pressure,
    )
    assert found["o"] == [x | y << 4 | z << 5 for x, y, z in zip(a, b, c, strict=True)]
    if not idle and not pressure:
        assert cycles == 60


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
def test_fork(idle, pressure):
    words = [random.Random(5).randrange(16) for _ in range(60)]
    found, cycles, _ = drive(
        Fork(shape=4, count=3),
        {"i": words},
        {"o_0": 60, "o_1": 60, "o_2": 60},
        seed=4,
        idle=idle,
        pressure=pressure,
    )
    assert found == {"o_0": words, "o_1": words, "o_2": words}
    if not idle and not pressure:
        assert cycles == 60


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
def test_skid_buffer(idle, pressure):
    words = list(range(60))
    found, cycles, _ = drive(
        SkidBuffer(shape=6), {"i": words}, {"o": 60}, seed=6, idle=idle, pressure=pressure
    )
    assert found["o"] == words
    if not idle and not pressure:
        assert cycles == 60


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
@pytest.mark.parametrize("depth", [2, 8])
def test_stream_buffer(depth, idle, pressure):
    words = [random.Random(depth).randrange(64) for _ in range(80)]
    found, cycles, _ = drive(
        StreamBuffer(shape=6, depth=depth),
        {"i": words},
        {"o": 80},
        seed=7,
        idle=idle,
        pressure=pressure,
    )
    assert found["o"] == words
    if not idle and not pressure:
        assert cycles == 80 + 2


@pytest.mark.parametrize("depth", [2, 8])
def test_a_stream_buffer_holds_its_depth_and_a_word_to_give(depth):
    dut = StreamBuffer(shape=6, depth=depth)
    accepted = 0

    async def bench(ctx):
        nonlocal accepted
        ctx.set(dut.i.valid, 1)
        for _ in range(depth + 10):
            accepted += ctx.get(dut.i.ready)
            await ctx.tick()

    clocked.drive(dut, bench)
    assert accepted == depth + 1


class Delayed(Circuit):
    """Words through three registers that a `StreamPipeline` clocks."""

    def __init__(self) -> None:
        self.pipeline = StreamPipeline(packet=WORD, stages=3)
        super().__init__({"i": In(WORD.signature), "o": Out(WORD.signature)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.pipeline = pipeline = self.pipeline
        connect(m, pipeline.o, flipped(self.o))
        word = delay(m, pipeline.en, self.i.payload.data.word, 3, name="word")
        m.d.comb += [
            self.i.ready.eq(pipeline.en),
            pipeline.accept.eq(self.i.valid),
            pipeline.last.eq(self.i.payload.last),
            pipeline.result.word.eq(word),
        ]
        return m


@pytest.mark.parametrize(("idle", "pressure"), STALLS)
def test_pipeline(idle, pressure):
    words = [random.Random(7).randrange(128) for _ in range(80)]
    found, cycles, _ = drive(
        Delayed(), {"i": words}, {"o": 80}, seed=5, idle=idle, pressure=pressure
    )
    assert found["o"] == words
    if not idle and not pressure:
        assert cycles == 80 + StreamPipeline(packet=WORD, stages=3).latency == 84


def test_output_fifo_never_overruns():
    # By its contract: pushes follow the credit of the cycle before.
    dut = OutputFifo(shape=8)
    given, taken = [], []
    rng = random.Random(9)

    async def bench(ctx):
        may = True
        for cycle in range(2000):
            push = may and rng.random() < 0.8
            may = bool(ctx.get(dut.credit))
            ctx.set(dut.push, push)
            ctx.set(dut.word, cycle & 255)
            ctx.set(dut.o.ready, rng.random() < (0.2 if cycle % 200 < 100 else 0.9))
            if push:
                given.append(cycle & 255)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                taken.append(ctx.get(dut.o.payload))
            await ctx.tick()

    clocked.drive(dut, bench)
    assert len(given) > 500
    assert taken == given[: len(taken)]
    assert len(given) - len(taken) <= OutputFifo.DEPTH
