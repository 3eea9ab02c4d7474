"""Long conversations over a line that damages one frame in a hundred."""

import dataclasses
import time

import numpy as np
import pytest

from boards.connection import Connection
from boards.engine import BoardEngine
from boards.frames import FrameError, Header, Kind, Status, decode
from boards.host import Board
from boards.line import Line
from boards.simulator import SimulatedBoard
from sim.approx import multiplier
from sim.streams import Stalls

from .conversation import BAUD, DAMAGES, Talker, board, damage, device, parts
from .multiplier import PARAMETERS

FRAMES = 100_000
"""With --deep; else a fifth."""
BATCH = 4


class Ear:
    """Listens to a board: its answers as bytes, and how many damaged frames it has reported."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.reported = 0
        self._open = b""
        self._found: list[bytes] = []

    def answers(self, count: int, reported: int) -> list[bytes]:
        """Return the next answers, when so many have come, and so many reports."""
        limit = time.monotonic() + 10
        while len(self._found) < count or self.reported < reported:
            assert time.monotonic() < limit, f"{len(self._found)} of {count} answers came"
            *frames, self._open = (self._open + self.line.receive()).split(b"\0")
            for frame in filter(None, frames):
                header, _ = decode(frame)
                if header.kind == Status.DAMAGED:
                    self.reported = header.position
                else:
                    self._found.append(frame)
        found, self._found = self._found[:count], self._found[count:]
        return found


def is_read(frame: bytes) -> bool:
    return decode(parts(frame)[0], request=True)[0].kind == Kind.READ


class Told:
    """Requests that were sent together, with what must come of them."""

    def __init__(self) -> None:
        self.expected: list[tuple[Header, bytes]] = []
        self.damaged = 0


def test_each_damage_is_reported_and_every_other_frame_answered(deep):
    frames = FRAMES if deep else FRAMES // 5
    model, talker, rng = device(), Talker(11), np.random.default_rng(11)
    unharmed, reads, answered, unseen = [], set(), [], []
    done = {kind: [0, 0] for kind in DAMAGES}

    def tell(first: int, line: Line) -> Told:
        told = Told()
        for number in range(first, first + BATCH):
            frame = sent = talker.ask(model, reset=number % 1000 == 0)
            kind = DAMAGES[number // 200 % len(DAMAGES)]
            if number % 200 == 100:
                sent = damage(frame, kind, rng)
            before = model.damaged
            line.send(sent)
            answers = map(decode, parts(model.receive(sent)))
            told.expected += [a for a in answers if a[0].kind != Status.DAMAGED]
            if parts(frame)[0] in parts(sent):
                unharmed.append(talker.sequence)
            if is_read(frame):
                reads.add(talker.sequence)
            harm = parts(sent) != parts(frame)
            done[kind][0] += harm
            # Of a frame cut to nothing there is nothing to see, but for the missing answer.
            if harm and parts(sent) and sent.endswith(b"\0") and model.damaged == before:
                unseen.append(sent)
        told.damaged = model.damaged
        return told

    def hear(told: Told, ear: Ear) -> list[bytes]:
        found = ear.answers(len(told.expected), told.damaged)
        for raw, (wanted, payload) in zip(found, told.expected, strict=True):
            header, body = decode(raw)
            answered.append(header.sequence)
            # More may be there to read by the time a request is answered.
            more = header.extra - wanted.extra
            assert more >= 0 if wanted.sequence in reads else more == 0
            assert (dataclasses.replace(header, extra=wanted.extra), body) == (wanted, payload)
        return found

    with SimulatedBoard(board()) as simulated, Line(simulated.port, BAUD) as line:
        ear = Ear(line)
        waiting: list[Told] = []
        found: list[bytes] = []
        for first in range(0, frames, BATCH):
            while waiting and (len(waiting) > 1 or first % 1000 == 0):
                found = hear(waiting.pop(0), ear)
            if first and first % 200 == 0:
                kind = DAMAGES[first // 200 % len(DAMAGES)]
                done[kind][1] += heard_wrong(found[int(rng.integers(len(found)))], kind, rng)
            waiting.append(tell(first, line))
        for told in waiting:
            hear(told, ear)
        assert ear.reported == model.damaged
    assert answered == unharmed
    assert not unseen
    # As many of each kind, both ways; a delimiter lost or doubled harms nothing.
    each = frames // 200 // len(DAMAGES)
    for kind, harms in done.items():
        assert all(0.75 * each <= harm <= each for harm in harms), (kind, harms)


def heard_wrong(answer: bytes, kind: str, rng: np.random.Generator) -> bool:
    """Damage an answer; return whether that can be seen, after having seen it."""
    pieces = parts(damage(b"\0" + answer + b"\0", kind, rng))
    for piece in pieces:
        if piece != answer:
            with pytest.raises(FrameError):
                decode(piece)
    return pieces != [answer]


class NoisyLine(Line):
    """Damages one frame in a hundred, both ways."""

    damages = 0

    def __init__(self, port: str, baud: int) -> None:
        super().__init__(port, baud)
        self._rng = np.random.default_rng(5)
        self._part = b""

    def send(self, data: bytes) -> None:
        """Send a frame, or what is left of it."""
        super().send(self._noise(data))

    def receive(self) -> bytes:
        """Return whole frames, or what is left of them."""
        data = self._part + super().receive()
        whole, zero, self._part = data.rpartition(b"\0")
        frames = [b"\0" + frame + b"\0" for frame in whole.split(b"\0") if frame]
        return b"".join(map(self._noise, frames))

    def _noise(self, frame: bytes) -> bytes:
        if self._rng.random() >= 0.01:
            return frame
        self.damages += 1
        return damage(frame, str(self._rng.choice(DAMAGES)), self._rng)


def test_a_regression_over_a_noisy_line():
    with (
        SimulatedBoard(board()) as simulated,
        NoisyLine(simulated.port, BAUD) as line,
        Board(Connection(line)) as held,
    ):
        stalls = Stalls(idle=0.5, back_pressure=0.5)
        report = multiplier.regress(
            PARAMETERS, seed=3, blocks=30_000, stalls=stalls, engine=BoardEngine(held)
        )
        counts = held.statistics
    assert report.message == "" and report.values >= 60_000
    assert line.damages > 10
    assert counts.repeated > 5 and counts.reported > 2 and counts.damaged > 2
