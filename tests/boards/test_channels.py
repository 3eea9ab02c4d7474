"""Buffers between frames and words, and register accesses, against what bytes must become."""

import struct

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import In

from boards.frames import ANSWER, COMMAND
from boards.link.channel import InputChannel, OutputChannel
from boards.link.channels import Channels
from boards.link.registers import REGISTER_COMMAND, RegisterAccess
from hw.bus.axi_lite import AxiLiteRegisters, axi_lite_members
from hw.engine.registers import word
from hw.units import UNITS

from ..clocked import drive
from .multiplier import PARAMETERS

BUFFER = 256


def through_input(frames: list[tuple[bytes, bool]], *, width: int, pressure: int) -> bytes:
    """The words that come of frames, each good or not."""
    dut = InputChannel(width=width, buffer=BUFFER)
    total = sum(len(data) for data, good in frames if good) // width
    words = bytearray()

    async def put(context):
        position = 0
        for data, good in frames:
            while _free(context, dut) < len(data):
                await context.tick()
            for i, byte in enumerate(data):
                context.set(dut.position, (position + i) % 65536)
                context.set(dut.data, byte)
                context.set(dut.write, 1)
                await context.tick()
            context.set(dut.write, 0)
            context.set(dut.position, (position + len(data)) % 65536)
            context.set(dut.commit, good)
            await context.tick()
            context.set(dut.commit, 0)
            position += len(data) * good
            assert context.get(dut.received) == position % 65536

    async def take(context):
        for _ in range(total):
            for _ in range(pressure):
                await context.tick()
            context.set(dut.o.ready, 1)
            value, *_ = await context.tick().sample(dut.o.payload).until(dut.o.valid)
            context.set(dut.o.ready, 0)
            words.extend(value.to_bytes(width, "little"))
        await context.tick().repeat(4 * width)
        assert not context.get(dut.o.valid)

    drive(dut, put, take)
    return bytes(words)


def _free(context, dut) -> int:
    return BUFFER - (context.get(dut.received) - context.get(dut.consumed)) % (2 * BUFFER)


@pytest.mark.parametrize("width", [1, 3, 38])
@pytest.mark.parametrize("pressure", [0, 40])
def test_input(width, pressure):
    rng = np.random.default_rng(width)
    lengths = [BUFFER // width * width, *rng.integers(1, 90, 12).tolist()]
    frames = [
        (rng.bytes(length), bool(i == 0 or rng.random() < 0.8)) for i, length in enumerate(lengths)
    ]
    rest = -sum(len(data) for data, good in frames if good) % width
    frames.append((rng.bytes(rest), True))
    expected = b"".join(data for data, good in frames if good)
    assert through_input(frames, width=width, pressure=pressure) == expected


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_word_counts_when_it_is_taken(width):
    """Until then its last byte is kept, whatever has come after it."""
    dut = InputChannel(width=width, buffer=BUFFER)

    async def bench(context):
        context.set(dut.write, 1)
        for position in range(BUFFER):
            context.set(dut.position, position)
            await context.tick()
        context.set(dut.write, 0)
        context.set(dut.position, BUFFER)
        context.set(dut.commit, 1)
        await context.tick()
        for count in range(1, BUFFER // width + 1):
            context.set(dut.o.ready, 0)
            await context.tick().repeat(2 * width + 4)
            assert context.get(dut.o.valid)
            assert context.get(dut.consumed) == count * width - 1
            context.set(dut.o.ready, 1)
            await context.tick()
            assert context.get(dut.consumed) == count * width

    drive(dut, bench)


@pytest.mark.parametrize("width", [1, 2, 5, 38])
@pytest.mark.parametrize("step", [1, 100, BUFFER])
def test_output(width, step):
    """Bytes are kept until they are released, are read more than once, and stop words if full."""
    rng = np.random.default_rng(width)
    words = [rng.bytes(width) for _ in range(2 * BUFFER // width + 20)]
    data = b"".join(words)
    dut = OutputChannel(width=width, buffer=BUFFER)

    async def put(context):
        for each in words:
            context.set(dut.i.valid, 1)
            context.set(dut.i.payload, int.from_bytes(each, "little"))
            await context.tick().until(dut.i.ready)
            context.set(dut.i.valid, 0)

    async def take(context):
        await context.tick().repeat(2 * BUFFER + 8)
        assert context.get(dut.produced) == min(BUFFER, len(data))
        at = 0
        while at < len(data):
            held = min(context.get(dut.produced) - at, step if at % 2 else BUFFER)
            for _ in range(2):
                for position in (at, at + held // 2, at + held - 1):
                    context.set(dut.address, position)
                    await context.tick().repeat(2)
                    assert context.get(dut.data) == data[position]
            at += min(step, held)
            context.set(dut.position, at)
            context.set(dut.release, 1)
            await context.tick()
            context.set(dut.release, 0)
            assert context.get(dut.released) == at % (2 * BUFFER)
            while context.get(dut.produced) < min(at + 1, len(data)):
                await context.tick()
        assert context.get(dut.produced) == len(data)

    drive(dut, put, take)


REGISTERS = (
    word("one", "rw", 32, "a word", reset=0x12345678),
    word("two", "rw", 7, "seven bits"),
    word("three", "ro", 32, "given"),
)


def access(commands: list[tuple[int, int, int]], *, pressure: int) -> list[tuple[int, int]]:
    """The answers to register accesses: whether to write, address, value."""
    m = Module()
    m.submodules.slave = slave = AxiLiteRegisters(registers=REGISTERS)
    m.submodules.dut = dut = RegisterAccess(address_bits=slave.address_bits)
    m.d.comb += slave.reg_three.eq(0xCAFEBABE)
    for name, member in axi_lite_members(slave.address_bits).items():
        mine, its = getattr(dut, name), getattr(slave, name)
        m.d.comb += its.eq(mine) if member.flow is In else mine.eq(its)
    answers = []

    async def put(context):
        for command in commands:
            context.set(dut.i.valid, 1)
            bits = int.from_bytes(COMMAND.pack(*command), "little")
            context.set(dut.i.payload, REGISTER_COMMAND.from_bits(bits))
            await context.tick().until(dut.i.ready)
            context.set(dut.i.valid, 0)

    async def take(context):
        for _ in commands:
            for _ in range(pressure):
                await context.tick()
            context.set(dut.o.ready, 1)
            value, *_ = await context.tick().sample(dut.o.payload).until(dut.o.valid)
            context.set(dut.o.ready, 0)
            answers.append(ANSWER.unpack(value.as_bits().to_bytes(ANSWER.size, "little")))

    drive(m, put, take)
    return answers


@pytest.mark.parametrize("pressure", [0, 9])
def test_registers(pressure):
    commands = [(0, 0, 0), (1, 0, 0xDEADBEEF), (0, 0, 0), (1, 4, 0xFF), (0, 4, 0), (0, 8, 0)]
    commands += [(1, 8, 5), (0, 0x800, 0), (1, 0x800, 1), (0, 1, 0), (0, 0, 0)]
    expected = [(0, 0x12345678), (0, 0), (0, 0xDEADBEEF), (0, 0), (0, 0x7F), (0, 0xCAFEBABE)]
    # AXI's SLVERR where there is no register, or none to be written; an address may be a byte's.
    expected += [(2, 0), (2, 0), (2, 0), (0, 0xDEADBEEF), (0, 0xDEADBEEF)]
    assert access(commands, pressure=pressure) == expected


def test_layouts():
    # The command's and the answer's fields, as bytes lie on the line.
    assert COMMAND.pack(1, 0x0203, 0x04050607) == bytes([1, 3, 2, 7, 6, 5, 4])
    assert ANSWER.pack(2, 0x04050607) == bytes([2, 7, 6, 5, 4])
    assert struct.calcsize("<BHI") == COMMAND.size == REGISTER_COMMAND.size // 8


def test_an_identity_has_a_size_that_is_kept():
    top = UNITS["approx_multiplier"].top(PARAMETERS)
    Channels(top=top, buffer=BUFFER, identity=bytes(2 * BUFFER - 1))
    with pytest.raises(AssertionError):
        Channels(top=top, buffer=BUFFER, identity=bytes(2 * BUFFER))
