"""The frames of the link between a host and a board.

A frame is a zero byte, its body in COBS (so that no zero is inside), and a zero byte again; empty
frames mean nothing, so that a damaged delimiter costs no neighbour. The body is a `Header` of ten
bytes, a payload, and the CRC-32 (IEEE 802.3) of both; all numbers are little endian.

The board holds a buffer for each *channel*. An input channel is written at a position, the number
of its bytes since the last reset modulo 65,536; bytes that were there before are not written again,
and a frame beyond them is refused. An output channel is read at a position; its bytes are kept
until a request acknowledges them. So each request may be sent again if it or its answer is lost.

A request to reset is refused, as damaged for want of a place, while others wait for their answers.

Input channel 0 takes register accesses (`COMMAND`) whose answers are on output channel 0
(`ANSWER`). The channels from 1 on are the unit's streams, inputs and outputs each numbered in the
order of the manifest: the bytes of each beat and a byte whose bit 0 is tlast. Output channel 255 is
the board's identity, JSON compressed by zlib after its length in two bytes.

COBS: S. Cheshire, M. Baker, *Consistent Overhead Byte Stuffing*, IEEE/ACM Trans. Networking 1999.
"""

import dataclasses
import enum
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any, Self

from sw.checks import whole

__all__ = [
    "ANSWER",
    "COMMAND",
    "IDENTITY",
    "POSITIONS",
    "VERSION",
    "FrameError",
    "Header",
    "Kind",
    "Reason",
    "Status",
    "cobs",
    "decode",
    "encode",
    "identity",
    "uncobs",
]

VERSION = 1
"""Of the frames and channels; the answer to a reset has it as its position."""

IDENTITY = 255
"""The output channel that tells what the board holds."""

POSITIONS = 1 << 16
"""Positions are modulo this."""

COMMAND = struct.Struct("<BHI")
"""A register access: 1 to write or 0 to read, the address, the word to write."""

ANSWER = struct.Struct("<BI")
"""The answer to a register access: AXI's response, the word read."""


class Kind(enum.IntEnum):
    """What a request asks for."""

    WRITE = 1
    READ = 2
    RESET = 3


class Status(enum.IntEnum):
    """How a request was answered.

    ``GAP``: the position is beyond the bytes received, or not among those held for reading.
    ``FULL``: no room. ``UNKNOWN``: no such kind or channel. ``DAMAGED``: no answer but a report:
    what arrived was no valid frame.
    """

    OK = 0
    GAP = 1
    FULL = 2
    UNKNOWN = 3
    DAMAGED = 4


class Reason(enum.IntEnum):
    """Why a frame was rejected: the number of its bytes, its CRC, or no place in the queue."""

    LENGTH = 1
    CRC = 2
    QUEUE = 3


class FrameError(ValueError):
    """Bytes that are no frame."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Header:
    """The header of a request or of an answer.

    Parameters
    ----------
    sequence : int
        Number of the request, repeated in its answer.
    kind : int
        `Kind` of a request, `Status` of an answer.
    channel : int
        The channel, repeated in the answer.
    position : int
        Of the first byte written or to read. In an answer to a write on a known channel: how many
        bytes the channel has received; in one to a reset: `VERSION`; in a report of damage: how
        many frames were damaged since power-up; else repeated.
    extra : int
        In a request to read: the position up to which bytes are acknowledged. In an answer to a
        write: free bytes of the channel; in one to a read: bytes held after those given; in a
        report of damage: the `Reason`.
    length : int
        Bytes of the payload, or in a request to read: bytes wanted at most.
    """

    sequence: int
    kind: int
    channel: int
    position: int = 0
    extra: int = 0
    length: int = 0

    LAYOUT = struct.Struct("<HBBHHH")

    def __post_init__(self) -> None:
        """Check that every field fits its bytes."""
        for field in dataclasses.fields(self):
            bits = 8 if field.name in ("kind", "channel") else 16
            whole(field.name, getattr(self, field.name), 0, (1 << bits) - 1)

    def pack(self) -> bytes:
        """Return its bytes."""
        return self.LAYOUT.pack(*dataclasses.astuple(self))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the header that `data` begins with."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**dict(zip(names, cls.LAYOUT.unpack_from(data), strict=True)))


def cobs(data: bytes) -> bytes:
    """Return bytes without a zero among them, at most one longer for each 254 begun."""
    out = bytearray()
    for part in data.split(b"\0"):
        while len(part) >= 254:
            out += b"\xff" + part[:254]
            part = part[254:]
        out += bytes([len(part) + 1]) + part
    return bytes(out)


def uncobs(data: bytes) -> bytes:
    """Return what `cobs` was given; `FrameError` if it was not."""
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        part = data[at + 1 : at + code]
        if code == 0 or len(part) != code - 1 or 0 in part:
            raise FrameError("not in COBS")
        out += part
        at += code
        if code < 255 and at < len(data):
            out.append(0)
    return bytes(out)


def encode(header: Header, payload: bytes = b"") -> bytes:
    """Return a frame with its delimiters."""
    body = header.pack() + payload
    return b"\0" + cobs(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


def decode(frame: bytes, *, request: bool = False) -> tuple[Header, bytes]:
    """Return header and payload of the bytes between two delimiters; `FrameError` if damaged."""
    body = uncobs(frame)
    if len(body) < Header.LAYOUT.size + 4:
        raise FrameError(f"a frame has {Header.LAYOUT.size + 4} bytes or more, not {len(body)}")
    body, check = body[:-4], body[-4:]
    if struct.pack("<I", zlib.crc32(body)) != check:
        raise FrameError("the CRC is wrong")
    header = Header.unpack(body)
    payload = body[Header.LAYOUT.size :]
    follows = 0 if request and header.kind != Kind.WRITE else header.length
    if follows != len(payload):
        raise FrameError(f"{follows} bytes should follow the header, not {len(payload)}")
    return header, payload


def identity(facts: Mapping[str, Any]) -> bytes:
    """Return what the identity channel holds."""
    text = zlib.compress(json.dumps(facts, separators=(",", ":")).encode(), 9)
    return struct.pack("<H", len(text)) + text
