"""The Verilog of a board's top behind a pseudo-terminal."""

import contextlib
import ctypes
import errno
import os
import select
import threading
import tty
from pathlib import Path
from typing import Self

from hw.flow.emit import Design
from sim.models import library_model, load
from sw.errors import UserError

from .table import board as find_board

__all__ = ["Simulation", "SimulatedBoard"]

SLICE = 4096
GRACE = 1 << 17
ROOM = 1 << 16
ROOM_IN = 1 << 9
POWER_UP = 1 << 13

U64, ADDRESS = ctypes.c_uint64, ctypes.c_void_p


class _Run(ctypes.Structure):
    _fields_ = [
        ("cycles", U64),
        ("in_", ADDRESS),
        ("in_size", U64),
        ("out", ADDRESS),
        ("out_size", U64),
        ("quiet", U64),
        ("leds", U64),
    ]


class Simulation:
    """A board's top, simulated, between the ends of its serial line; used by ``with``.

    Building it takes a C++ compiler and half a minute, once for each design.

    Parameters
    ----------
    design : Design
        As of `boards.top.board_design`.
    seed : int
        Of what registers and memories hold at power-up, where they have no other value.

    Attributes
    ----------
    cycles : int
        Clock cycles simulated.
    quiet : int
        Those since the line was last in use.
    leds : tuple of bool
        Whether the LEDs that tell of frames and of damage are lit.
    """

    def __init__(self, design: Design, *, seed: int = 1) -> None:
        where = find_board(design.manifest["board"])
        verilog = design.verilog + design.cells
        glue = Path(__file__).with_name("simulator.cpp").read_text(encoding="utf-8")
        self._library = load(library_model(design.name, verilog, glue), "board")
        hertz, baud = (U64(design.manifest[name]) for name in ("hertz", "baud"))
        self._board = self._library.board_open(ctypes.c_uint32(seed), hertz, baud)
        self._out = ctypes.create_string_buffer(ROOM)
        self._waiting = b""
        self._dark = 0b11 if where.inverted else 0
        self.cycles = self.quiet = 0
        self.leds = False, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.board_close(self._board)

    @property
    def waiting(self) -> int:
        """Bytes to be sent yet."""
        return len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether all bytes were sent, and the line has been silent for long."""
        return not self._waiting and self.quiet > GRACE

    def run(self, data: bytes = b"", *, cycles: int = SLICE) -> bytes:
        """Send bytes after those that wait, and return those received in some cycles.

        It ends earlier at the end of a frame.
        """
        self._waiting += data
        address = ctypes.cast(ctypes.c_char_p(self._waiting), ADDRESS)
        run = _Run(cycles, address, len(self._waiting), ctypes.addressof(self._out), ROOM)
        run.quiet = self.quiet
        self._library.board_run(self._board, ctypes.addressof(run))
        self._waiting = self._waiting[run.in_size :]
        self.cycles += run.cycles
        self.quiet = run.quiet
        busy, error = (bool((run.leds ^ self._dark) >> i & 1) for i in range(2))
        self.leds = busy, error
        return ctypes.string_at(self._out, run.out_size)


class SimulatedBoard:
    """A simulated board behind a pseudo-terminal; used by ``with``, and unplugged in the end.

    Time passes while there is traffic, and for a while after it. A program may open the port, close
    it and open it again.

    Parameters
    ----------
    design : Design
        As of `boards.top.board_design`.
    link : path or None
        A symbolic link to the port, to be made for as long. A folder that is missing is made; a
        link that is left of another simulation is replaced.

    Attributes
    ----------
    port : str
        Name of the pseudo-terminal.
    """

    def __init__(self, design: Design, *, link: str | Path | None = None) -> None:
        self._link = Path(link) if link is not None else None
        self._make_link()
        self._simulation = Simulation(design)
        self._thread = threading.Thread(target=self._work, name="simulated board")

    def __enter__(self) -> Self:
        self._master, self._slave = os.openpty()
        self._stop, self._wake = os.pipe()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port = os.ttyname(self._slave)
        self._open = True
        try:
            self._make_link(self.port)
        except BaseException:
            self._close()
            raise
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._open:
            return
        # Another simulation may have replaced the link.
        if self._link is not None and self._target() == self.port:
            self._link.unlink()
        os.write(self._wake, b"\0")
        self._thread.join()
        self._close()

    @property
    def alive(self) -> bool:
        """Whether the simulation goes on."""
        return self._thread.is_alive()

    @property
    def cycles(self) -> int:
        """Clock cycles simulated."""
        return self._simulation.cycles

    def _make_link(self, port: str | None = None) -> None:
        """See to it that the link can be made, and make it if there is a port."""
        if self._link is None:
            return
        try:
            self._link.parent.mkdir(parents=True, exist_ok=True)
            target = self._target()
            if target.startswith("/dev/pts/") or (target and not self._link.exists()):
                self._link.unlink()
            elif os.path.lexists(self._link):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            if port is not None:
                self._link.symlink_to(port)
        except OSError as error:
            raise UserError(f"cannot make the link {self._link}: {error.strerror}") from None

    def _target(self) -> str:
        """Return where the link points to, empty if there is none."""
        if self._link is None or not self._link.is_symlink():
            return ""
        return os.readlink(self._link)

    def _close(self) -> None:
        self._open = False
        # The other end stays open until now, so that a client's closing it is no error here.
        for descriptor in (self._master, self._slave, self._stop, self._wake):
            os.close(descriptor)
        self._simulation.__exit__()

    def _work(self) -> None:
        """Carry bytes between the pseudo-terminal and the simulation."""
        self._simulation.run(cycles=POWER_UP)
        out = b""
        while True:
            wait = None if self._simulation.idle else 0
            writable = [self._master] if out else []
            # A line has no memory: what a client sends waits at its end.
            readable = [self._stop, *([self._master] if self._simulation.waiting < ROOM_IN else [])]
            ready, able, _ = select.select(readable, writable, [], wait)
            if self._stop in ready:
                return
            data = os.read(self._master, ROOM_IN) if ready else b""
            if able:
                with contextlib.suppress(BlockingIOError):
                    out = out[os.write(self._master, out) :]
            out += self._simulation.run(data)
