"""The circuits of the link in Amaranth's simulator, as functions of bytes."""

from collections.abc import Iterable

from boards.link.cobs import CobsDecoder, CobsEncoder
from boards.link.crc import Crc32

from ..clocked import drive


def cobs_decode(line: bytes) -> list[tuple[bytes, bool]]:
    """The frames that the decoder finds, and whether each ended too early."""
    dut = CobsDecoder()
    frames, frame = [], bytearray()

    async def bench(context):
        context.set(dut.valid, 1)
        for byte in (*line, None):
            context.set(dut.valid, byte is not None)
            context.set(dut.data, byte or 0)
            await context.tick()
            if context.get(dut.o_valid):
                frame.append(context.get(dut.o_data))
            if context.get(dut.end):
                frames.append((bytes(frame), bool(context.get(dut.broken))))
                frame.clear()

    drive(dut, bench)
    return frames


def cobs_encode(frames: Iterable[bytes], *, every: int = 1, pressure: int = 0) -> bytes:
    """The line of frames whose bytes come so often, while a byte leaves every ``pressure + 1``."""
    dut = CobsEncoder()
    frames = list(frames)
    line = bytearray()
    ended = sum(2 * bool(frame) for frame in frames)

    async def put(context):
        for frame in frames:
            for i, byte in enumerate(frame):
                context.set(dut.i.valid, 1)
                context.set(dut.i.payload.data, byte)
                context.set(dut.i.payload.last, i == len(frame) - 1)
                await context.tick().until(dut.i.ready)
                context.set(dut.i.valid, 0)
                if every > 1:
                    await context.tick().repeat(every - 1)

    async def take(context):
        while line.count(0) < ended:
            context.set(dut.o.ready, 1)
            byte, *_ = await context.tick().sample(dut.o.payload).until(dut.o.valid)
            line.append(byte)
            if pressure:
                context.set(dut.o.ready, 0)
                await context.tick().repeat(pressure)

    drive(dut, put, take)
    return bytes(line)


def crc32(data: bytes, *, gap: int = 8) -> tuple[int, bool]:
    """The circuit's CRC of bytes that come every ``gap`` cycles, and whether it matches."""
    dut = Crc32()
    found = []

    async def bench(context):
        # What is under way is forgotten.
        for byte, start in ((0x5A, 0), (0, 1), *((byte, 0) for byte in data)):
            context.set(dut.start, start)
            context.set(dut.valid, not start)
            context.set(dut.data, byte)
            await context.tick()
            context.set(dut.start, 0)
            context.set(dut.valid, 0)
            await context.tick().repeat(1 if start or byte == 0x5A and not found else gap - 1)
        await context.tick().repeat(2)
        found.append((context.get(dut.crc), bool(context.get(dut.match))))

    drive(dut, bench)
    return found[0]
