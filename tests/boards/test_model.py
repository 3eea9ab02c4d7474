"""The model of the link's far end: repeats, gaps, damage, every flipped bit."""

import itertools

import pytest

from boards.frames import COMMAND, IDENTITY, Header, Kind, Reason, Status, cobs, decode, encode
from boards.model import Device, Inlet

from .echo import echo_device

BUFFER = 64


def ask(device: Device, kind: int, channel: int = 0, payload: bytes = b"", **fields):
    """Send a request; return the only answer."""
    fields = {"sequence": 7, "length": len(payload)} | fields
    header = Header(kind=kind, channel=channel, **fields)
    [answer] = answers(device.receive(encode(header, payload)))
    return answer


def answers(data: bytes):
    return [decode(frame) for frame in data.split(b"\0") if frame]


@pytest.fixture
def device() -> Device:
    return echo_device(buffer=BUFFER)


def test_write_and_read_through_the_unit(device):
    header, _ = ask(device, Kind.WRITE, 1, b"abcde\x01")
    # The answer tells of the time before the unit took anything.
    assert header == Header(sequence=7, kind=Status.OK, channel=1, position=6, extra=BUFFER - 6)
    header, payload = ask(device, Kind.READ, 1, position=0, extra=0, length=4)
    assert payload == b"abcd"
    assert header == Header(sequence=7, kind=Status.OK, channel=1, extra=2, length=4)
    assert ask(device, Kind.READ, 1, position=4, length=100)[1] == b"e\x01"


def test_a_repeated_write_is_answered_and_not_done(device):
    first, _ = ask(device, Kind.WRITE, 1, b"abcdef")
    again, _ = ask(device, Kind.WRITE, 1, b"abcdef")
    assert (again.kind, again.position) == (first.kind, first.position) == (Status.OK, 6)
    assert ask(device, Kind.READ, 1, length=100)[1] == b"abcdef"


def test_gap_and_full(device):
    assert ask(device, Kind.WRITE, 1, b"x", position=1)[0].kind == Status.GAP
    header, _ = ask(device, Kind.WRITE, 1, bytes(BUFFER + 1))
    assert (header.kind, header.position, header.extra) == (Status.FULL, 0, BUFFER)
    assert ask(device, Kind.READ, 1, position=1, extra=0)[0].kind == Status.GAP


def test_bytes_are_kept_until_acknowledged(device):
    for position in range(0, 2 * BUFFER, 16):
        header, _ = ask(device, Kind.WRITE, 1, bytes(range(16)), position=position)
        assert header.kind == Status.OK
    header, _ = ask(device, Kind.WRITE, 1, b"x", position=2 * BUFFER)
    assert (header.kind, header.position, header.extra) == (Status.FULL, 2 * BUFFER, 0)
    assert ask(device, Kind.READ, 1, position=3, extra=3, length=2)[1] == b"\x03\x04"
    assert ask(device, Kind.READ, 1, position=3, extra=0, length=2)[1] == b"\x03\x04"
    assert ask(device, Kind.READ, 1, position=2, extra=3)[0].kind == Status.GAP
    # Three bytes have found room.
    header, payload = ask(device, Kind.READ, 1, position=3, extra=3, length=BUFFER)
    assert len(payload) == BUFFER and header.extra == 0


@pytest.mark.parametrize(
    ("word", "waiting", "free"),
    [(1, 0, 64), (1, 1, 63), (1, 64, 0), (9, 8, 64), (9, 9, 63), (9, 18, 54), (9, 72, 0)],
)
def test_a_word_that_waits_takes_the_place_of_its_last_byte(word, waiting, free):
    inlet = Inlet(BUFFER, word)
    inlet.put(bytes(waiting))
    assert inlet.free == free


def test_positions_wrap(device):
    sent = bytes(range(48))
    for at in (48 * count & 0xFFFF for count in range(2000)):
        assert ask(device, Kind.WRITE, 1, sent, position=at)[0].kind == Status.OK
        assert ask(device, Kind.READ, 1, position=at, extra=at, length=48)[1] == sent


def test_registers(device):
    commands = COMMAND.pack(1, 8, 0xDEADBEEF) + COMMAND.pack(0, 8, 0) + COMMAND.pack(0, 6, 0)
    ask(device, Kind.WRITE, 0, commands)
    expected = bytes.fromhex("0000000000 00efbeadde 0200000000")
    assert ask(device, Kind.READ, 0, length=100)[1] == expected


def test_identity(device):
    assert ask(device, Kind.READ, IDENTITY, length=1000)[1] == device.identity
    assert ask(device, Kind.READ, IDENTITY, position=2, length=3)[1] == device.identity[2:5]
    assert ask(device, Kind.READ, IDENTITY, position=len(device.identity) + 1)[0].kind == Status.GAP


def test_unknown(device):
    assert ask(device, Kind.WRITE, 2, b"x")[0].kind == Status.UNKNOWN
    assert ask(device, Kind.READ, 2)[0].kind == Status.UNKNOWN
    header, _ = ask(device, 9, 1, position=3)
    assert header == Header(sequence=7, kind=Status.UNKNOWN, channel=1, position=3)


def test_reset(device):
    ask(device, Kind.WRITE, 1, b"abcdef")
    ask(device, Kind.WRITE, 0, COMMAND.pack(1, 8, 5))
    assert ask(device, Kind.RESET)[0] == Header(sequence=7, kind=0, channel=0, position=1)
    assert ask(device, Kind.READ, 1, length=100)[1] == b""
    ask(device, Kind.WRITE, 0, COMMAND.pack(0, 8, 0))
    assert ask(device, Kind.READ, 0, length=100)[1] == bytes(5)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\x05abc", Reason.LENGTH),
        (cobs(b"abc"), Reason.LENGTH),
        (cobs(Header(sequence=1, kind=1, channel=1, length=2).pack() + b"abcd"), Reason.LENGTH),
        (cobs(Header(sequence=1, kind=1, channel=1).pack() + b"abcd"), Reason.CRC),
    ],
)
def test_damage_is_reported_once(device, frame, reason):
    for count in (1, 2):
        [(header, _)] = answers(device.receive(b"\0" + frame + b"\0\0\0"))
        report = Header(sequence=0, kind=Status.DAMAGED, channel=0, position=count, extra=reason)
        assert header == report


def test_every_flipped_bit_is_found(device):
    frame = encode(Header(sequence=1, kind=Kind.WRITE, channel=1, length=5), b"ab\0de")
    for byte, bit in itertools.product(range(1, len(frame) - 1), range(8)):
        damaged = bytearray(frame)
        damaged[byte] ^= 1 << bit
        kinds = {header.kind for header, _ in answers(device.receive(bytes(damaged)))}
        assert kinds == {Status.DAMAGED}
    assert ask(device, Kind.WRITE, 1, b"ab\0de")[0].position == 5


def test_bytes_may_come_one_by_one(device):
    frame = encode(Header(sequence=1, kind=Kind.RESET, channel=0))
    got = [device.receive(frame[i : i + 1]) for i in range(len(frame))]
    assert not any(got[:-1]) and answers(got[-1])[0][0].kind == Status.OK
