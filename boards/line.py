"""A serial port: bytes out and in, and worded errors."""

import errno
import os
import select
import termios
import time
from typing import Any, Self

from sw.errors import UserError

__all__ = ["BAUD", "Line", "LinkError"]

BAUD = 3_000_000
"""Bits a second unless one says otherwise."""

TICK = 0.001
STUCK = 1.5


class LinkError(UserError):
    """A board's answer is missing or wrong, or its port is gone."""


class Line:
    """An open serial port, 8 bits without parity; used by ``with``.

    ``sent`` and ``received`` count bytes. Every method raises `LinkError` when the port is gone.

    Parameters
    ----------
    port : str
        Its name.
    baud : int
        Bits a second.
    """

    PIECE = 512

    def __init__(self, port: str, baud: int = BAUD) -> None:
        self.port = port
        self.baud = baud
        self.sent = self.received = 0
        self._waiting = bytearray()
        self._moved = 0.0
        self._serial = _open(port, baud)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._serial.close()

    def send(self, data: bytes) -> None:
        """Have bytes sent by the next calls of `receive`."""
        if not self._waiting:
            self._moved = time.monotonic()
        self._waiting += data

    def receive(self) -> bytes:
        """Send some of what waits; return what was received, perhaps nothing in a millisecond."""
        data = b""
        try:
            writers = [self._serial] if self._waiting else []
            ready, able, _ = select.select([self._serial], writers, [], TICK)
            if able:
                # In pieces, so that what arrives meanwhile fits in the system's buffer.
                count = self._serial.write(self._waiting[: self.PIECE])
                self.sent += count
                del self._waiting[:count]
                self._moved = time.monotonic()
            if ready:
                data = self._serial.read(self._serial.in_waiting or 1)
        # pyserial's errors are OSErrors, but for what termios and closed descriptors raise.
        except (OSError, TypeError, ValueError):
            raise LinkError(
                f"the port {self.port} was closed after {self.sent:,} bytes sent and "
                f"{self.received:,} received: is the board unplugged?"
            ) from None
        if self._waiting and time.monotonic() - self._moved > STUCK:
            raise LinkError(
                f"the port {self.port} has taken no bytes for {STUCK} s: is it a board's?"
            )
        self.received += len(data)
        return data


def _open(port: str, baud: int) -> Any:
    if not port:
        raise LinkError("port must be the name of a serial port, not ''")
    try:
        import serial
    except ModuleNotFoundError:
        raise UserError("pyserial is not installed: pip install -e '.[boards]'") from None
    try:
        opened = serial.Serial(port, baud, timeout=0, write_timeout=0, exclusive=True)
        opened.reset_input_buffer()
    except (OSError, ValueError, termios.error) as error:
        # pyserial has words of its own for some errors of termios, with its numbers inside.
        numbers = (*error.args[:1], *getattr(error.__context__, "args", ())[:1])
        number = next((each for each in numbers if isinstance(each, int)), None)
        reason = os.strerror(number) if number else str(error)
        if number == errno.EAGAIN:
            reason = "another program uses it"
        raise LinkError(f"cannot open the port {port} at {baud:,} baud: {reason}") from None
    return opened
