"""Frames of the host link by literals, COBS among them; damage is told."""

import random
import zlib

import pytest

from boards.frames import FrameError, Header, Kind, cobs, decode, encode, uncobs
from sw.errors import UserError

RAMP = bytes(range(1, 255))
# The examples of Wikipedia's article on COBS, and those of the paper's text.
CODED = [
    (b"", b"\x01"),
    (b"\x00", b"\x01\x01"),
    (b"\x00\x00", b"\x01\x01\x01"),
    (b"\x00\x11\x00", b"\x01\x02\x11\x01"),
    (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
    (b"\x11\x22\x33\x44", b"\x05\x11\x22\x33\x44"),
    (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01"),
    (b"\x00" + RAMP, b"\x01\xff" + RAMP + b"\x01"),
    (RAMP + b"\xff", b"\xff" + RAMP + b"\x02\xff"),
    (RAMP[1:] + b"\xff\x00", b"\xff" + RAMP[1:] + b"\xff" + b"\x01\x01"),
    (RAMP[2:] + b"\xff\x00\x01", b"\xfe" + RAMP[2:] + b"\xff" + b"\x02\x01"),
]


@pytest.mark.parametrize(("plain", "coded"), CODED, ids=range(len(CODED)))
def test_cobs(plain, coded):
    assert cobs(plain) == coded
    assert uncobs(coded) == plain


def test_cobs_may_leave_out_an_empty_last_block():
    assert uncobs(b"\xff" + RAMP) == RAMP


@pytest.mark.parametrize("length", [*range(4), *range(252, 258), *range(506, 512), 1300])
def test_cobs_returns_what_was_put_in(length):
    rng = random.Random(length)
    for share in (0.0, 0.01, 0.5):
        plain = bytes(0 if rng.random() < share else rng.randrange(1, 256) for _ in range(length))
        coded = cobs(plain)
        assert 0 not in coded
        assert len(coded) <= length + 1 + length // 254
        assert uncobs(coded) == plain


@pytest.mark.parametrize("broken", [b"\x00", b"\x03\x11", b"\x03\x11\x00", b"\x02\x11\x05"])
def test_not_cobs(broken):
    with pytest.raises(FrameError, match="^not in COBS$"):
        uncobs(broken)


def test_frame_by_literal():
    header = Header(sequence=0x0102, kind=Kind.WRITE, channel=3, position=0x0405, extra=0, length=2)
    body = bytes.fromhex("0201 01 03 0504 0000 0200 aa00")
    assert header.pack() + b"\xaa\x00" == body
    assert zlib.crc32(b"123456789") == 0xCBF43926
    frame = encode(header, b"\xaa\x00")
    check = zlib.crc32(body).to_bytes(4, "little")
    assert 0 not in check
    coded = bytes.fromhex("07 0201 01 03 0504 01 02 02 02 aa 05") + check
    assert frame == b"\x00" + coded + b"\x00"
    assert decode(frame[1:-1], request=True) == (header, b"\xaa\x00")


def test_length_of_a_read_is_what_it_asks_for():
    header = Header(sequence=1, kind=Kind.READ, channel=1, length=500)
    assert decode(encode(header).strip(b"\0"), request=True) == (header, b"")
    with pytest.raises(FrameError, match="^500 bytes should follow the header, not 0$"):
        decode(encode(header).strip(b"\0"))


def test_damage_is_told():
    frame = encode(Header(sequence=1, kind=Kind.RESET, channel=1)).strip(b"\0")
    with pytest.raises(FrameError, match="^a frame has 14 bytes or more, not 3$"):
        decode(cobs(b"abc"))
    body = bytearray(uncobs(frame))
    body[3] ^= 1
    with pytest.raises(FrameError, match="^the CRC is wrong$"):
        decode(cobs(bytes(body)))


def test_fields_of_a_header_fit_their_bytes():
    most = Header(sequence=65535, kind=255, channel=255, position=65535, extra=65535, length=65535)
    assert most.channel == 255
    for field in ("kind", "channel"):
        with pytest.raises(UserError, match=f"^{field} must be an integer from 0 to 255, not 256$"):
            Header(**{"sequence": 0, "kind": 0, "channel": 0} | {field: 256})
    with pytest.raises(UserError, match="^sequence must be an integer from 0 to 65535, not -1$"):
        Header(sequence=-1, kind=0, channel=0)
