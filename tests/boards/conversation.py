"""Requests of all kinds to a board with the multiplier, and its golden model beside it."""

import numpy as np

from boards.frames import COMMAND, Header, Kind, encode
from boards.model import Device
from boards.settings import LinkSettings
from boards.simulator import Simulation
from boards.top import board_design
from hw.flow.emit import Design
from tests.faults import Fault, planted

from .multiplier import PARAMETERS, multiplier_device

BOARD = "tang-nano-9k"
# Four cycles a bit: the least, and the fastest to simulate.
BAUD = 6_750_000
WORD = 9
BUFFER = 2048


def board() -> Design:
    return board_design(BOARD, "approx_multiplier", PARAMETERS, baud=BAUD)


def faulty_board(fault: Fault) -> Design:
    """The board with a fault."""
    with planted(fault):
        return board()


def device() -> Device:
    manifest = board().manifest
    settings = LinkSettings(board=BOARD, clock=manifest["hertz"], baud=BAUD, buffer=BUFFER)
    return multiplier_device(settings=settings)


class Talker:
    """Makes random requests, most of which follow from those before as a host's would.

    Parameters
    ----------
    seed : int
        Of the requests.
    large : bool
        Whether some write as much as there is room for, or a byte more, and read much.
    """

    def __init__(self, seed: int, *, large: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        self.large = large
        self.sequence = 0

    def ask(self, device: Device, *, reset: bool = True) -> bytes:
        """Return the next request, given the state in which the board will be."""
        self.sequence = (self.sequence + 1) % 65536
        kind = self.rng.choice(
            ["write", "register", "read", "identity", "again", "gap", "unknown", "reset", "full"],
            p=[0.35, 0.1, 0.35, 0.06, 0.04, 0.04, 0.03, 0.02, 0.01],
        )
        if kind == "reset" and not reset:
            kind = "read"
        return getattr(self, f"_{kind}")(device)

    def _frame(self, kind: int, payload: bytes = b"", **fields: int) -> bytes:
        fields = {"length": len(payload), "channel": 0} | fields
        return encode(Header(sequence=self.sequence, kind=kind, **fields), payload)

    def _write(self, device: Device) -> bytes:
        # What a full output stops is a matter of cycles: the outputs stay half empty.
        if len(device.outlets[1].held) > BUFFER // 2:
            return self._read(device, channel=1)
        payload = self.rng.bytes(int(self.rng.integers(0, 5)) * WORD)
        return self._frame(
            Kind.WRITE, payload, channel=1, position=device.inlets[1].received, extra=self._any()
        )

    def _register(self, device: Device) -> bytes:
        if len(device.outlets[0].held) > BUFFER // 2:
            return self._read(device, channel=0)
        addresses = self.rng.choice([0, 4, 8, 12, 16], int(self.rng.integers(0, 6)))
        payload = b"".join(COMMAND.pack(0, int(address), 0) for address in addresses)
        return self._frame(
            Kind.WRITE, payload, position=device.inlets[0].received, extra=self._any()
        )

    def _read(self, device: Device, channel: int | None = None) -> bytes:
        if channel is None:
            channel = int(self.rng.integers(0, 2))
        outlet = device.outlets[channel]
        held = len(outlet.held)
        start = int(self.rng.integers(0, held + 1)) if self.rng.random() < 0.3 else 0
        size = min(int(self.rng.integers(0, held - start + 1)), int(self.rng.integers(4, 32)))
        released = int(self.rng.integers(0, start + 1))
        first = outlet.produced - held
        return self._frame(
            Kind.READ,
            channel=channel,
            position=(first + start) % 65536,
            extra=(first + released) % 65536,
            length=size,
        )

    def _identity(self, device: Device) -> bytes:
        start = int(self.rng.integers(0, len(device.identity) + 20))
        length = int(self.rng.integers(0, 400 if self.large else 32))
        return self._frame(Kind.READ, channel=255, position=start, length=length)

    def _again(self, device: Device) -> bytes:
        received = device.inlets[1].received
        back = int(self.rng.integers(1, 2000))
        return self._frame(
            Kind.WRITE, self.rng.bytes(30), channel=1, position=(received - back) % 65536
        )

    def _gap(self, device: Device) -> bytes:
        inlet, outlet = device.inlets[1], device.outlets[1]
        if self.rng.random() < 0.5:
            ahead = int(self.rng.integers(1, 30_000))
            position = (inlet.received + ahead) % 65536
            return self._frame(Kind.WRITE, self.rng.bytes(5), channel=1, position=position)
        before = (outlet.produced - len(outlet.held) - 1) % 65536
        return self._frame(Kind.READ, channel=1, position=before, extra=before, length=9)

    def _unknown(self, device: Device) -> bytes:
        kind = int(self.rng.choice([0, 1, 2, 4, 5, 6, 7, 9, 66, 131, 255]))
        payload = self.rng.bytes(4) if kind == Kind.WRITE else b""
        return self._frame(
            kind, payload, channel=int(self.rng.integers(2, 255)), position=7, extra=self._any()
        )

    def _reset(self, device: Device) -> bytes:
        return self._frame(Kind.RESET, position=self._any(), extra=self._any())

    def _full(self, device: Device) -> bytes:
        if not self.large:
            return self._identity(device)
        inlet = device.inlets[1]
        # What just fits fills the buffer to the last byte, and the outputs by less than half.
        payload = self.rng.bytes(inlet.free + int(self.rng.integers(0, 2)))
        if len(device.outlets[1].held) > BUFFER // 4:
            return self._read(device, channel=1)
        return self._frame(Kind.WRITE, payload, channel=1, position=inlet.received)

    def _any(self) -> int:
        return int(self.rng.integers(0, 65536))


def damage(frame: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """Return a frame with the damage that a line may do to it."""
    at = int(rng.integers(0, len(frame)))
    if kind == "flipped bit":
        return frame[:at] + bytes([frame[at] ^ 1 << int(rng.integers(0, 8))]) + frame[at + 1 :]
    if kind == "lost byte":
        return frame[:at] + frame[at + 1 :]
    if kind == "doubled byte":
        return frame[: at + 1] + frame[at:]
    if kind == "cut":
        return frame[:at]
    return frame + rng.bytes(int(rng.integers(1, 20)))


DAMAGES = ("flipped bit", "lost byte", "doubled byte", "cut", "garbage between")


def parts(data: bytes) -> list[bytes]:
    """The frames of a line, whole or not."""
    return [part for part in data.split(b"\0") if part]


def exchange(simulation: Simulation, data: bytes) -> bytes:
    """Send bytes; return those that come until nothing has come for long."""
    out = simulation.run(data, cycles=1)
    while not out or simulation.quiet < 4_000:
        out += simulation.run(cycles=1000)
        if simulation.quiet > 10_000:
            break
    return out
