"""Requests to a board and their answers: sequence numbers, time-outs, repetition."""

import dataclasses
import itertools
import time
from collections.abc import Callable

from .frames import FrameError, Header, Kind, Status, decode, encode
from .line import Line, LinkError
from .settings import LinkSettings

__all__ = ["Requests", "Statistics"]

TIMEOUTS = 4
MOST_TRIES = 16
GIVE_UP = 4.0
PACE = 0.02
LATENCY = 0.25
SEQUENCES = 1 << 16
REMEMBERED = 256


@dataclasses.dataclass
class Statistics:
    """Counts of a connection.

    Parameters
    ----------
    requests, answers : int
        Frames sent, with those repeated, and answers accepted.
    repeated : int
        Frames sent again.
    reported : int
        Frames that the board found damaged.
    damaged : int
        Frames found damaged here.
    duplicates : int
        Further answers to requests that had been answered.
    """

    requests: int = 0
    answers: int = 0
    repeated: int = 0
    reported: int = 0
    damaged: int = 0
    duplicates: int = 0


Accept = Callable[[Header, bytes], bool]


@dataclasses.dataclass(eq=False)
class _Request:
    header: Header
    frame: bytes
    expected: str
    accept: Accept
    first: float
    sent: float
    tries: int = 1
    timeouts: int = 0
    suspect: bool = False


class Requests:
    """Keeps requests until they are answered, and sends those again that are not.

    A board answers in order, so a request is lost when a later one is answered, or when it is the
    only one and the board reports damage; else after a time-out, which doubles each time. An answer
    that arrives twice is ignored; one to a request that was not made raises `LinkError`, and so do
    four time-outs, or sixteen tries in four seconds and more: what the line held before a
    connection may be reported as damaged for a while.

    Parameters
    ----------
    line : Line
        The board's port.

    Attributes
    ----------
    rate : float
        Bytes a second that are to be expected of the board.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self.rate = line.baud / 10
        self.statistics = Statistics()
        self._open = bytearray()
        self._pending: dict[int, _Request] = {}
        # Answers to another connection's last requests are not confused with this one's.
        self._next = time.time_ns() // 1000 % SEQUENCES
        self._made = 0
        self._heard = 0.0
        self._answered = False
        self._since = 0

    @property
    def room(self) -> int:
        """Requests that may be posted."""
        return LinkSettings.QUEUE - len(self._pending)

    def post(
        self,
        kind: Kind,
        channel: int,
        accept: Accept,
        *,
        expected: str,
        position: int = 0,
        extra: int = 0,
        length: int = 0,
        payload: bytes = b"",
    ) -> None:
        """Send a request.

        ``accept`` gets the header and the payload of its answer, and returns False to have the
        request sent again; ``expected`` describes the answer. Other arguments are those of
        `Header`; the length of a payload is filled in.
        """
        header = Header(
            sequence=self._next,
            kind=kind,
            channel=channel,
            position=position % (1 << 16),
            extra=extra % (1 << 16),
            length=len(payload) or length,
        )
        now = time.monotonic()
        frame = encode(header, payload)
        self._pending[self._next] = _Request(header, frame, expected, accept, now, now)
        self._next = (self._next + 1) % SEQUENCES
        self._made += 1
        self._send(frame)

    def finish(self) -> None:
        """Wait until all requests are answered."""
        while self._pending:
            self.poll()

    def poll(self) -> None:
        """Send and receive for a millisecond or so."""
        self.dispatch(self.receive())
        # The oldest alone: a board that is only slow has no room for all of them again.
        for request in itertools.islice(self._pending.values(), 1):
            since = max(request.sent, self._heard)
            if time.monotonic() - since > self._patience(request):
                request.timeouts += 1
                if request.timeouts == TIMEOUTS:
                    raise LinkError(self._unanswered(request))
                self._again(request)

    def receive(self) -> list[tuple[Header, bytes]]:
        """Return the frames received; damaged ones are counted."""
        data = self.line.receive()
        self._listen(len(data))
        *frames, rest = (self._open + data).split(b"\0")
        self._open = rest
        answers = []
        for frame in filter(None, frames):
            try:
                answers.append(decode(bytes(frame)))
            except FrameError:
                self.statistics.damaged += 1
        return answers

    def dispatch(self, answers: list[tuple[Header, bytes]]) -> None:
        """Give answers to those who wait for them."""
        for header, payload in answers:
            if header.kind == Status.DAMAGED:
                self.statistics.reported += 1
                for request in self._pending.values():
                    request.suspect = True
            else:
                self._answer(header, payload)
        if len(self._pending) == 1:
            [request] = self._pending.values()
            if request.suspect and time.monotonic() - request.sent > PACE:
                self._repeat(request)

    def forget(self) -> None:
        """Drop all requests without waiting for their answers."""
        self._pending.clear()

    def _listen(self, count: int) -> None:
        """Note that the board speaks, but no longer than the answers that are missing may be."""
        self._since += count
        if count and self._since <= sum(map(_answer_size, self._pending.values())):
            self._heard = time.monotonic()

    def _answer(self, header: Header, payload: bytes) -> None:
        request = self._pending.get(header.sequence)
        if request is None:
            self._unasked(header)
            return
        if header.channel != request.header.channel:
            raise LinkError(f"the answer to {_name(request.header)} is of channel {header.channel}")
        lost = []
        for earlier in self._pending.values():
            if earlier is request:
                break
            lost.append(earlier)
        for earlier in lost:
            self._repeat(earlier)
        self.statistics.answers += 1
        self._answered = True
        self._heard, self._since = time.monotonic(), 0
        if request.accept(header, payload):
            del self._pending[header.sequence]
        else:
            self._repeat(request)

    def _unasked(self, header: Header) -> None:
        """Count the second answer to a request."""
        age = (self._next - 1 - header.sequence) % SEQUENCES
        # Before the first answer there may be those to an earlier connection.
        if self._answered and age >= min(self._made, REMEMBERED):
            raise LinkError(
                f"an answer came to request {header.sequence}, which was not made: "
                f"the last one is {(self._next - 1) % SEQUENCES}"
            )
        self.statistics.duplicates += 1

    def _repeat(self, request: _Request) -> None:
        """Send a request again after the others; it is the last one then."""
        self._pending[request.header.sequence] = self._pending.pop(request.header.sequence)
        self._again(request)

    def _again(self, request: _Request) -> None:
        if request.tries >= MOST_TRIES and time.monotonic() - request.first > GIVE_UP:
            raise LinkError(self._unanswered(request))
        request.tries += 1
        request.sent = time.monotonic()
        request.suspect = False
        self.statistics.repeated += 1
        self._send(request.frame)

    def _send(self, frame: bytes) -> None:
        self.statistics.requests += 1
        self.line.send(frame)

    def _patience(self, request: _Request) -> float:
        """Return the seconds after which an answer is missed."""
        size = len(request.frame) + _answer_size(request)
        return (LATENCY + 4 * size / self.rate) * 2**request.timeouts

    def _unanswered(self, request: _Request) -> str:
        seconds = time.monotonic() - request.first
        counts = self.statistics
        came = "nothing came"
        if counts.answers:
            came = f"{counts.answers:,} answers came before"
        elif self.line.received:
            came = f"{self.line.received:,} bytes came, {counts.damaged} damaged frames among them"
        if counts.reported:
            came += f", and reports of {counts.reported} damaged frames"
        return (
            f"no answer to {_name(request.header)} after {request.tries} tries in "
            f"{seconds:.1f} s: expected {request.expected}, {came}; is the board at "
            f"{self.line.port} programmed, and at {self.line.baud:,} baud?"
        )


def _answer_size(request: _Request) -> int:
    """Return more than the bytes of an answer."""
    return 64 + (request.header.length if request.header.kind == Kind.READ else 0)


def _name(header: Header) -> str:
    kind = Kind(header.kind).name
    where = f" of channel {header.channel} at {header.position}" if kind != "RESET" else ""
    return f"{kind}{where} (sequence {header.sequence})"
