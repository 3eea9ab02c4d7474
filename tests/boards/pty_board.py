"""A model of a board behind a pseudo-terminal, with a line that may do damage."""

import contextlib
import os
import select
import threading
import tty
from collections.abc import Callable, Iterator

from boards.model import Device

Line = Callable[[bytes], bytes]


def clean(data: bytes) -> bytes:
    return data


class PtyBoard:
    """Answers on a pseudo-terminal, whose name is ``port``, until it is unplugged."""

    def __init__(self, device: Device, to_board: Line = clean, to_host: Line = clean) -> None:
        self.device = device
        self.to_board = to_board
        self.to_host = to_host
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        self._slave = slave
        self._stop, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        out = b""
        os.set_blocking(self._master, False)
        while True:
            writers = [self._master] if out else []
            ready, able, _ = select.select([self._master, self._stop], writers, [])
            if self._stop in ready:
                return
            if ready:
                data = os.read(self._master, 4096)
                out += self.to_host(self.device.receive(self.to_board(data)))
            if able or out:
                with contextlib.suppress(BlockingIOError):
                    out = out[os.write(self._master, out) :] if out else out

    def unplug(self) -> None:
        """Close the pseudo-terminal."""
        if self._thread.is_alive():
            os.write(self._wake, b"x")
            self._thread.join()
            for descriptor in (self._master, self._slave, self._stop, self._wake):
                os.close(descriptor)


@contextlib.contextmanager
def board(device: Device, to_board: Line = clean, to_host: Line = clean) -> Iterator[PtyBoard]:
    """Give a board, and unplug it in the end."""
    made = PtyBoard(device, to_board, to_host)
    try:
        yield made
    finally:
        made.unplug()
