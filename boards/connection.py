"""A connection with a board's link: reset, identity, registers, streams."""

import contextlib
import json
import struct
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sw.errors import UserError

from .frames import ANSWER, COMMAND, IDENTITY, VERSION, Header, Kind, Status
from .line import Line, LinkError
from .requests import Requests, Statistics
from .settings import LinkSettings
from .transfer import Reader, Sender, status

__all__ = ["Connection"]

End = TypeVar("End", Sender, Reader)

LEAST_BUFFER = 256
PATIENCE = 5.0
ATTEMPTS = 3
TOLERANCE = 0.03
"""How far a line's rate may be from the board's."""

FACTS = {"unit": str, "version": str, "digest": str, "parameters": dict, "board": str}
FACTS |= {"clock": int, "baud": int, "buffer": int}
"""The types of the fields of an identity, beside the version of the link."""


class Connection(contextlib.AbstractContextManager["Connection"]):
    """The link to a board; used by ``with``, which closes the line. It begins with a reset.

    Every method raises `LinkError` where an answer is missing or wrong, or the port is gone.

    Parameters
    ----------
    line : Line
        The board's port, which is closed if the board does not answer.

    Attributes
    ----------
    identity : dict
        Identity of the board, as of `boards.frames.identity`.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._requests = Requests(line)
        try:
            self._buffer = LEAST_BUFFER
            self.identity: dict[str, Any] = self._identify()
            self._buffer = self.identity["buffer"]
            self.reset()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self.line.__exit__()

    @property
    def statistics(self) -> Statistics:
        """Counts of frames."""
        return self._requests.statistics

    def reset(self) -> None:
        """Reset the unit and all channels."""

        def accept(header: Header, _: bytes) -> bool:
            if header.kind != Status.OK:
                raise LinkError(
                    f"{self.line.port} answered {status(header)} to a RESET: expected OK and "
                    f"version {VERSION} of the link; is it the port of a board?"
                )
            if header.position != VERSION:
                raise LinkError(
                    f"the board at {self.line.port} speaks version {header.position} of the link, "
                    f"and this checkout version {VERSION}: generate its bitstream again"
                )
            return True

        expected = f"version {VERSION} of the link"
        self._requests.post(Kind.RESET, 0, accept, expected=expected)
        self._requests.finish()
        self._senders: dict[int, Sender] = {}
        self._readers: dict[int, Reader] = {}

    def access(self, accesses: Sequence[tuple[bool, int, int]]) -> list[tuple[int, int]]:
        """Access registers in order; return AXI's response and the word read of each.

        An access is whether it writes, the address and the word. Answers that are missing after
        two seconds are not among those returned.
        """
        data = b"".join(COMMAND.pack(*each) for each in accesses)
        answers = self.stream({0: data}, {0: ANSWER.size * len(accesses)}, patience=2.0)[0]
        whole = len(answers) // ANSWER.size * ANSWER.size
        return list(ANSWER.iter_unpack(answers[:whole]))

    def stream(
        self, inputs: Mapping[int, bytes], outputs: Mapping[int, int], *, patience: float = PATIENCE
    ) -> dict[int, bytes]:
        """Move bytes on all channels at once; return those of the outputs.

        Ends when the unit has accepted all inputs' bytes and sent all that was asked for, or when
        nothing has moved for ``patience`` seconds.
        """
        senders = [self._end(self._senders, Sender, channel) for channel in inputs]
        readers = [self._end(self._readers, Reader, channel) for channel in outputs]
        for sender, data in zip(senders, inputs.values(), strict=True):
            sender.put(data)
        for reader, size in zip(readers, outputs.values(), strict=True):
            reader.want(size)

        def moved() -> int:
            return sum(r.received for r in readers) + sum(s.limit + s.accepted for s in senders)

        before, since = -1, 0.0
        # Whoever made a request goes to the end of the queue.
        queue = [*senders, *readers]
        while not all(each.done for each in queue):
            now = time.monotonic()
            if before == moved() and now - since > patience:
                # What is under way may bring something yet.
                self._requests.finish()
                if before == moved():
                    break
            if before != moved():
                before, since = moved(), now
            for each in tuple(queue):
                if self._requests.room and each.post(self._requests, now):
                    queue.remove(each)
                    queue.append(each)
            self._requests.poll()
        self._requests.finish()
        return {reader.channel: reader.take_away() for reader in readers}

    def consumed(self, channel: int) -> int:
        """Return how many bytes of an input channel the unit has accepted since the reset."""
        return self._senders[channel].consumed

    def exchange(
        self, data: bytes, answers: int, *, seconds: float = 0.5
    ) -> list[tuple[Header, bytes]]:
        """Send bytes as they are; return the frames received, for tests of the link.

        Ends when so many frames have arrived, or none for some ``seconds``. The connection's other
        methods work again after `reset`.
        """
        self._requests.forget()
        self.line.send(data)
        found: list[tuple[Header, bytes]] = []
        until = time.monotonic() + seconds
        while len(found) < answers and time.monotonic() < until:
            if came := self._requests.receive():
                found += came
                until = time.monotonic() + seconds
        return found

    def _identify(self) -> dict[str, Any]:
        """Return the identity of the board, and note how fast it sends it."""
        text = b""
        for _ in range(ATTEMPTS):
            self.reset()
            repeated = self.statistics.repeated
            start = time.monotonic()
            head = self.stream({}, {IDENTITY: 2}, patience=PATIENCE)[IDENTITY]
            middle = time.monotonic()
            [size] = struct.unpack("<H", head.ljust(2, b"\0"))
            text = self.stream({}, {IDENTITY: size}, patience=PATIENCE)[IDENTITY]
            took = time.monotonic() - middle - (middle - start)
            if self.statistics.repeated == repeated:
                # A simulated board may be slower than its line, which has some latency.
                rate = size / took if took > 0 else self._requests.rate
                self._requests.rate = min(self._requests.rate, rate)
                break
        return self._checked(text)

    def _checked(self, text: bytes) -> dict[str, Any]:
        port = self.line.port
        try:
            facts = json.loads(zlib.decompress(text))
        except (ValueError, zlib.error, RecursionError):
            facts = None
        if not isinstance(facts, dict) or facts.get("link") != VERSION:
            raise LinkError(f"the board at {port} does not say what it is: {text[:20]!r}")
        for name, kind in FACTS.items():
            if type(facts.get(name)) is not kind:
                value = facts.get(name)
                raise LinkError(f"the board at {port} does not say what it is: {name} is {value!r}")
        try:
            LinkSettings(**{name: facts[name] for name in ("board", "clock", "baud", "buffer")})
        except UserError as error:
            raise LinkError(f"the board at {port} does not say what it is: {error}") from None
        if abs(facts["baud"] - self.line.baud) > TOLERANCE * self.line.baud:
            raise LinkError(
                f"the board at {port} is made for {facts['baud']:,} baud, and the port was opened "
                f"at {self.line.baud:,}"
            )
        return facts

    def _end(self, ends: dict[int, End], kind: type[End], channel: int) -> End:
        """Return the host's end of a channel, which is made when it is first used."""
        if channel not in ends:
            ends[channel] = kind(channel, self._buffer, self._requests.rate)
        return ends[channel]
