"""The circuits between frames and bytes, against `boards.frames` and zlib."""

import zlib

import numpy as np
import pytest

from boards.frames import FrameError, cobs, uncobs

from .clocked import cobs_decode, cobs_encode, crc32

RNG = np.random.default_rng(7)


def frames(count: int) -> list[bytes]:
    """Frames of lengths around those of a block, with many zeros, few and none."""
    lengths = [1, 2, 253, 254, 255, 256, 508, 509, 510, 1024, *RNG.integers(1, 600, count)]
    out = []
    for i, length in enumerate(lengths):
        data = RNG.integers(0, 256, length)
        chance = (0, 0.01, 0.5, 1)[i % 4]
        data = np.where(RNG.random(length) < chance, 0, data if chance else np.maximum(data, 1))
        out.append(data.astype(np.uint8).tobytes())
    return out


def on_line(frame: bytes) -> bytes:
    return b"\0" + cobs(frame) + b"\0"


@pytest.mark.parametrize(("every", "pressure"), [(1, 0), (1, 9), (12, 0), (3, 4)])
def test_encoder(every, pressure):
    few = frames(6)
    found = cobs_encode(few, every=every, pressure=pressure)
    assert found == b"".join(map(on_line, few))


@pytest.mark.parametrize("length", [1, 253, 254, 255, 508])
@pytest.mark.parametrize("byte", [b"\0", b"\1", b"\xff"])
def test_frames_of_one_byte_again_and_again(length, byte):
    frame = byte * length
    line = cobs_encode([frame, frame])
    assert line == 2 * on_line(frame)
    assert cobs_decode(line) == 2 * [(frame, False)]


def test_decoder():
    few = frames(12)
    assert cobs_decode(b"".join(map(on_line, few))) == [(frame, False) for frame in few]


def test_decoder_on_any_bytes():
    # Every second byte is small, so that many blocks are whole by chance.
    data = np.where(RNG.random(20_000) < 0.5, RNG.integers(0, 4, 20_000), RNG.integers(0, 256))
    line = data.astype(np.uint8).tobytes() + b"\0"
    expected = []
    for part in line.split(b"\0"):
        if part:
            try:
                expected.append((uncobs(part), False))
            except FrameError:
                expected.append((None, True))
    found = [(None if broken else frame, broken) for frame, broken in cobs_decode(line)]
    assert found == expected
    assert 100 < sum(broken for _, broken in found) < len(found) - 100


@pytest.mark.parametrize("gap", [8, 11])
def test_crc(gap):
    # The check value of the catalogues: CRC-32/ISO-HDLC of the digits.
    assert crc32(b"123456789", gap=gap) == (0xCBF43926, False)
    for length in (1, 2, 40):
        data = RNG.bytes(length)
        assert crc32(data, gap=gap)[0] == zlib.crc32(data)
        checked = data + zlib.crc32(data).to_bytes(4, "little")
        assert crc32(checked, gap=gap)[1]
        assert not crc32(checked[:-1] + bytes([checked[-1] ^ 16]), gap=gap)[1]


def test_planted_faults():
    assert cobs_encode([b"a\0b"]) != on_line(b"a\0c")
    assert crc32(b"123456789", gap=5)[0] != 0xCBF43926
