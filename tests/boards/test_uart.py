"""The serial line against bits that are written down here: a start bit, eight of data, a stop."""

import math

import numpy as np
import pytest

from boards.link.uart import UartReceiver, UartTransmitter, bit_step

from ..clocked import drive

# Cycles a bit: at least four; those of 3 Mbaud at 50 MHz, and 115,200 baud at 12 MHz.
LINES = [(4, 1), (50, 3), (25, 6), (1250, 12)]


def wave(bits: list[int], per_bit: float, cycles: int) -> list[int]:
    """The level of a line in each cycle, then idle."""
    return [bits[int(c / per_bit)] if c / per_bit < len(bits) else 1 for c in range(cycles)]


def as_bits(data: bytes, idle: int = 0) -> list[int]:
    bits = []
    for byte in data:
        bits += [0, *(byte >> i & 1 for i in range(8)), 1, *[1] * idle]
    return bits


def received(clock: int, baud: int, levels: list[int]) -> bytes:
    """What the circuit makes of levels, one a cycle."""
    dut = UartReceiver(clock=clock, baud=baud)
    out = bytearray()

    async def bench(context):
        for level in levels:
            context.set(dut.rx, level)
            await context.tick()
            if context.get(dut.valid):
                out.append(context.get(dut.data))

    drive(dut, bench)
    return bytes(out)


DATA = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80, 0x7E, *np.random.default_rng(1).bytes(60)])


@pytest.mark.parametrize(("clock", "baud"), LINES)
@pytest.mark.parametrize("idle", [0, 1])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_receiver(clock, baud, idle, off):
    # A line of another clock, as a cable's converter has: two per cent off, or one where a bit
    # has four cycles.
    error = off * (0.02 if clock >= 8 * baud else 0.01)
    data = DATA if clock < 100 * baud else DATA[:9]
    bits = [1, *as_bits(data, idle)]
    per_bit = clock / baud * (1 + error)
    levels = wave(bits, per_bit, int(per_bit * (len(bits) + 2)))
    assert received(clock, baud, levels) == data


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.6, 0.9])
def test_receiver_at_four_cycles_a_bit_wherever_the_edge_is(offset):
    bits = as_bits(DATA)
    levels = [1] + [bits[int(c + offset) // 4] for c in range(4 * len(bits) - 1)] + [1] * 12
    assert received(4, 1, levels) == DATA


def test_a_byte_without_a_stop_bit_is_left_out():
    bits = as_bits(b"ab") + [0, *[0] * 8, 0] + [0] * 25 + [1] * 3 + as_bits(b"cd")
    assert received(16, 1, wave([1, *bits], 16, 16 * (len(bits) + 5))) == b"abcd"


def test_a_line_that_is_low_for_long_gives_no_byte():
    """It ends in a stop bit at the least; a byte that follows it by a bit is one."""
    levels = [1] * 8
    breaks = np.arange(9.75, 60, 0.25)
    for number, length in enumerate(breaks):
        levels += [0] * int(8 * length) + wave([1, *as_bits(bytes([number]))], 8, 8 * 12)
    assert received(8, 1, levels) == bytes(range(len(breaks)))


def test_a_glitch_is_no_start_bit():
    levels = [1] * 20 + [0] * 3 + [1] * 40 + wave(as_bits(b"x"), 16, 200)
    assert received(16, 1, levels) == b"x"


@pytest.mark.parametrize(("clock", "baud"), LINES)
def test_transmitter_leaves_no_gap_and_ends_bits_in_time(clock, baud):
    data = DATA[:40] if clock < 100 * baud else DATA[:6]
    dut = UartTransmitter(clock=clock, baud=baud)
    levels = []

    async def put(context):
        context.set(dut.i.valid, 1)
        for byte in data:
            context.set(dut.i.payload, byte)
            await context.tick().until(dut.i.ready)
        context.set(dut.i.valid, 0)

    async def look(context):
        for _ in range(int(clock / baud * 10 * (len(data) + 1)) + 20):
            levels.append(context.get(dut.tx))
            await context.tick()

    drive(dut, put, look)
    start = levels.index(0)
    bits = as_bits(data)
    per_bit = clock / baud
    for number, bit in enumerate(bits):
        middle = start + round((number + 0.5) * per_bit)
        assert levels[middle] == bit, number
        if number and bits[number - 1] != bit:
            edge = start + number * per_bit
            # A thousandth of the bits sent, and the cycle that a fraction of one takes.
            late = 1 + number * per_bit / 1000
            near = range(math.ceil(edge - late), math.floor(edge + late) + 1)
            assert [levels[c] != levels[c - 1] for c in near].count(True) == 1, number


@pytest.mark.parametrize(("clock", "baud"), [(c * k, b * k) for c, b in LINES for k in (1, 10**6)])
def test_the_length_of_a_bit(clock, baud):
    bits, step = bit_step(clock, baud)
    assert abs((1 << bits) / step / (clock / baud) - 1) < 1e-3


def test_planted_fault():
    # A receiver of a rate a tenth off.
    levels = wave([1, *as_bits(DATA)], 16, 16 * 10 * len(DATA) + 50)
    assert received(16, 1, levels) == DATA
    assert received(176, 10, levels) != DATA
