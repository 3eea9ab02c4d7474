"""Flow control of a channel: what to request next, and what its answer means."""

from .frames import POSITIONS, Header, Kind, Status
from .line import LinkError
from .requests import Requests

__all__ = ["Reader", "Sender", "status"]

WINDOW = 3
"""Requests of a channel under way: with frames of a quarter of the buffer the line never idles."""


class _Pause:
    """Time until a channel is looked at again.

    After a change it is what a whole frame takes, so that requests leave most of the line to data;
    without one it begins with an eighth of that, and doubles.
    """

    def __init__(self, frame: float) -> None:
        self.frame = frame
        self.seconds = frame / 8
        self.until = 0.0

    def after(self, now: float, *, change: bool) -> None:
        if change:
            self.until = now + self.frame
            self.seconds = self.frame / 8
        else:
            self.until = now + self.seconds
            self.seconds = min(2 * self.seconds, 8 * self.frame)


class _Transfer:
    """Bytes of a channel.

    Parameters
    ----------
    channel : int
        Its number.
    buffer : int
        Bytes that the board holds of it.
    rate : float
        Bytes a second that are to be expected.
    """

    def __init__(self, channel: int, buffer: int, rate: float) -> None:
        self.channel = channel
        self.buffer = buffer
        self._pause = _Pause(buffer // 4 / rate)


class Sender(_Transfer):
    """Sends bytes to an input channel as far as it has credit.

    Positions here are not modulo anything.
    """

    def __init__(self, channel: int, buffer: int, rate: float) -> None:
        super().__init__(channel, buffer, rate)
        self.accepted = 0
        self.limit = buffer
        self._sent = self._end = self._first = 0
        self._data = b""
        self._flying: list[int] = []

    @property
    def consumed(self) -> int:
        """Bytes that the unit has accepted, as far as is known."""
        return self.limit - self.buffer

    @property
    def done(self) -> bool:
        """Whether the unit has accepted everything."""
        return self.consumed == self._end

    def put(self, data: bytes) -> None:
        """Add bytes to send."""
        self._data = self._data[self.accepted - self._first :] + data
        self._first = self.accepted
        self._end = self._first + len(self._data)

    def post(self, requests: Requests, now: float) -> bool:
        """Make a request if there is cause to; return whether there was."""
        credit = self.limit - self._sent
        size = min(self.buffer // 4, self._end - self._sent)
        if len(self._flying) >= WINDOW or self.done:
            return False
        if not size or credit < size:
            if self._flying or now < self._pause.until:
                return False
            size = 0
        start = self._sent

        def accept(header: Header, _: bytes) -> bool:
            return self._take(header, start, size, now)

        self._sent += size
        self._flying.append(start)
        requests.post(
            Kind.WRITE,
            self.channel,
            accept,
            expected=f"{start + size:,} bytes received in all",
            position=start,
            payload=self._data[start - self._first :][:size],
        )
        return True

    def _take(self, header: Header, start: int, size: int, now: float) -> bool:
        lag = (header.position - self.accepted) % POSITIONS
        if header.kind == Status.GAP and start > min(self._flying):
            # The request that brings what is before is still under way.
            return False
        beyond = self.accepted + lag
        if header.kind != Status.OK or not start + size <= beyond <= self._sent:
            raise LinkError(
                f"channel {self.channel} answered {status(header)} to a WRITE of {size} bytes at "
                f"{start:,}: {self.accepted:,} were received and {self.limit - self._sent} free, "
                f"now {header.position} (modulo {POSITIONS:,}) and {header.extra}; was the board "
                "reset?"
            )
        change = beyond + header.extra > self.limit
        self.accepted = beyond
        self.limit = beyond + header.extra
        self._flying.remove(start)
        if not size:
            self._pause.after(now, change=change)
        return True


class Reader(_Transfer):
    """Takes bytes from an output channel."""

    def __init__(self, channel: int, buffer: int, rate: float) -> None:
        super().__init__(channel, buffer, rate)
        self.received = 0
        self._data = bytearray()
        self._end = self._asked = 0
        self._flying = 0
        self._full = False

    @property
    def done(self) -> bool:
        """Whether everything wanted was received."""
        return self.received >= self._end

    def want(self, size: int) -> None:
        """Ask for ``size`` bytes more than have been consumed."""
        self._end = self.received - len(self._data) + size

    def take_away(self) -> bytes:
        """Return what was received since the last call."""
        data = bytes(self._data)
        self._data.clear()
        return data

    def post(self, requests: Requests, now: float) -> bool:
        """Make a request if there is cause to; return whether there was."""
        if not self._flying:
            self._asked = self.received
        size = min(self.buffer // 4, self._end - self._asked)
        # More than one at a time only while as many bytes arrive as are asked for.
        if size <= 0 or self._flying >= (WINDOW if self._full else 1) or now < self._pause.until:
            return False
        start = self._asked

        def accept(header: Header, payload: bytes) -> bool:
            return self._take(header, payload, start, size, now)

        self._asked += size
        self._flying += 1
        requests.post(
            Kind.READ,
            self.channel,
            accept,
            expected=f"{size} bytes or what there is of them",
            position=start,
            extra=self.received,
            length=size,
        )
        return True

    def _take(self, header: Header, payload: bytes, start: int, size: int, now: float) -> bool:
        early = header.kind == Status.GAP and start > self.received
        wrong = header.position != start % POSITIONS or len(payload) > size
        if header.kind != Status.OK and not early or wrong:
            raise LinkError(
                f"channel {self.channel} answered {status(header)}, {len(payload)} bytes at "
                f"{header.position}, to a READ of {size} bytes at {start:,} (modulo {POSITIONS:,} "
                f"{start % POSITIONS}) of which all before {self.received:,} were received; was "
                "the board reset?"
            )
        self._flying -= 1
        # Bytes after missing ones are asked for again.
        if start == self.received:
            self._data += payload
            self.received += len(payload)
            self._full = len(payload) == size
            if not self._full:
                self._pause.after(now, change=bool(payload))
        return True


def status(header: Header) -> str:
    """Return the name of an answer's status."""
    known = header.kind in Status.__members__.values()
    return Status(header.kind).name if known else f"status {header.kind}"
