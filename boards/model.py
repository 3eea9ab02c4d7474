"""The golden model of the link: bytes from the wire in, bytes to the wire out."""

import struct
import zlib
from collections.abc import Callable, Sequence

from .frames import (
    ANSWER,
    COMMAND,
    IDENTITY,
    POSITIONS,
    VERSION,
    FrameError,
    Header,
    Kind,
    Reason,
    Status,
    encode,
    uncobs,
)

__all__ = ["Device", "Inlet", "Outlet"]

HALF = POSITIONS // 2


class Inlet:
    """Bytes of an input channel that the unit has not accepted.

    It holds ``buffer`` of them. The first ``word``, which are gathered for the unit, take no place
    but for the last.
    """

    def __init__(self, buffer: int, word: int) -> None:
        self.buffer = buffer
        self.word = word
        self.received = 0
        self.waiting = bytearray()

    @property
    def free(self) -> int:
        """Bytes that find a place."""
        return self.buffer - max(len(self.waiting) - self.word + 1, 0)

    def put(self, data: bytes) -> None:
        """Add bytes at the end."""
        self.waiting += data
        self.received = (self.received + len(data)) % POSITIONS

    def take(self, size: int) -> bytes:
        """Return and remove the first bytes, at most ``size``."""
        data = bytes(self.waiting[:size])
        del self.waiting[:size]
        return data


class Outlet:
    """Bytes of an output channel that are kept until they are acknowledged."""

    def __init__(self, buffer: int, held: bytes = b"") -> None:
        self.buffer = buffer
        self.held = bytearray(held)
        self.produced = len(held)

    @property
    def room(self) -> int:
        """Bytes that find a place."""
        return self.buffer - len(self.held)

    def put(self, data: bytes) -> None:
        """Add bytes at the end; there must be room."""
        if len(data) > self.room:
            raise ValueError(f"{len(data)} bytes do not fit in {self.room}")
        self.held += data
        self.produced = (self.produced + len(data)) % POSITIONS

    def unread(self, position: int) -> int:
        """Return the bytes from a position on; more than are held if it is not among them."""
        return (self.produced - position) % POSITIONS

    def release(self, position: int) -> None:
        """Forget what is before a position, if that is among those held."""
        unread = self.unread(position)
        if unread <= len(self.held):
            del self.held[: len(self.held) - unread]


Unit = Callable[[list[Inlet], list[Outlet]], None]
Command = Callable[[bool, int, int], tuple[int, int]]


class Device:
    """A board's link, as `boards.frames` describes it, which answers each request at once.

    So there is never a queue, nor a frame for which it has no place.

    Parameters
    ----------
    inputs : sequence of int
        Bytes of a word of each input stream of the unit.
    outputs : int
        Output streams of the unit.
    buffer : int
        Bytes that each channel holds.
    identity : bytes
        What channel 255 gives.
    command : callable
        Makes a register access: takes whether it is a write, the address and the word, and returns
        AXI's response and the word read.
    unit : callable
        Moves bytes from the streams' inlets to the outlets as far as there are bytes and room;
        called whenever there may be more of either.
    reset : callable
        Resets what ``command`` and ``unit`` act on.
    """

    def __init__(
        self,
        *,
        inputs: Sequence[int],
        outputs: int,
        buffer: int,
        identity: bytes,
        command: Command,
        unit: Unit,
        reset: Callable[[], None] = lambda: None,
    ) -> None:
        self.words = (COMMAND.size, *inputs)
        self.outputs = outputs
        self.buffer = buffer
        self.identity = identity
        self.command = command
        self.unit = unit
        self.reset = reset
        self.damaged = 0
        self._line = bytearray()
        self._clear()

    def _clear(self) -> None:
        self.inlets = [Inlet(self.buffer, word) for word in self.words]
        self.outlets = [Outlet(self.buffer) for _ in range(self.outputs + 1)]

    def receive(self, data: bytes) -> bytes:
        """Return what the board sends when it gets bytes, of which the last frame may be open."""
        *frames, rest = (self._line + data).split(b"\0")
        self._line = rest
        return b"".join(self._frame(bytes(frame)) for frame in frames if frame)

    def _frame(self, frame: bytes) -> bytes:
        """Return the answer to a frame, or the report of its damage."""
        reason = _damage(frame)
        if reason is not None:
            self.damaged = (self.damaged + 1) % POSITIONS
            return encode(
                Header(
                    sequence=0,
                    kind=Status.DAMAGED,
                    channel=0,
                    position=self.damaged,
                    extra=reason,
                )
            )
        body = uncobs(frame)
        request = Header.unpack(body)
        payload = b""
        fields = {"kind": Status.UNKNOWN, "position": request.position}
        if request.kind == Kind.WRITE and request.channel < len(self.inlets):
            fields = self._write(request, body[Header.LAYOUT.size : -4])
        elif request.kind == Kind.READ:
            fields, payload = self._read(request)
        elif request.kind == Kind.RESET:
            self._clear()
            self.reset()
            fields = {"kind": Status.OK, "position": VERSION}
        answer = Header(
            sequence=request.sequence, channel=request.channel, length=len(payload), **fields
        )
        return encode(answer, payload)

    def _write(self, request: Header, payload: bytes) -> dict[str, int]:
        inlet = self.inlets[request.channel]
        status, free = Status.OK, inlet.free
        behind = (inlet.received - request.position) % POSITIONS
        if behind >= HALF:
            status = Status.GAP
        elif not behind and len(payload) > free:
            status = Status.FULL
        elif not behind:
            inlet.put(payload)
            free -= len(payload)
        fields = {"kind": status, "position": inlet.received, "extra": free}
        self._move()
        return fields

    def _read(self, request: Header) -> tuple[dict[str, int], bytes]:
        fields: dict[str, int]
        fields = {"kind": Status.UNKNOWN, "position": request.position, "extra": 0}
        if request.channel == IDENTITY:
            outlet = Outlet(len(self.identity), self.identity)
        elif request.channel < len(self.outlets):
            outlet = self.outlets[request.channel]
            outlet.release(request.extra)
            self._move()
        else:
            return fields, b""
        unread = outlet.unread(request.position)
        held = len(outlet.held)
        if unread > held:
            return fields | {"kind": Status.GAP}, b""
        payload = bytes(outlet.held[held - unread :][: request.length])
        return fields | {"kind": Status.OK, "extra": unread - len(payload)}, payload

    def _move(self) -> None:
        """Let register accesses and streams go on."""
        commands, answers = self.inlets[0], self.outlets[0]
        while len(commands.waiting) >= COMMAND.size and answers.room >= ANSWER.size:
            write, address, value = COMMAND.unpack(commands.take(COMMAND.size))
            answers.put(ANSWER.pack(*self.command(bool(write & 1), address, value)))
        self.unit(self.inlets[1:], self.outlets[1:])


def _damage(frame: bytes) -> Reason | None:
    """Return why the bytes between two zeros are no valid frame, None for one that is."""
    try:
        body = uncobs(frame)
    except FrameError:
        return Reason.LENGTH
    least = Header.LAYOUT.size + 4
    if len(body) < least:
        return Reason.LENGTH
    header = Header.unpack(body)
    if len(body) != least + (header.length if header.kind == Kind.WRITE else 0):
        return Reason.LENGTH
    return None if struct.pack("<I", zlib.crc32(body[:-4])) == body[-4:] else Reason.CRC
