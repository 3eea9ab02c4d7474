"""The circuit of the link against its model: each answer to each frame, good or damaged."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Const, Value

from boards.frames import FrameError, Header, Kind, Reason, Status, decode
from boards.link.channel import InputChannel
from boards.link.cobs import CobsDecoder, CobsEncoder
from boards.link.receiver import FrameReceiver
from boards.link.responder import Responder
from boards.link.ring import Ring
from boards.simulator import Simulation
from hw.flow.emit import Design
from hw.flow.yosys import netlist
from tests.faults import Fault

from .conversation import DAMAGES, Talker, board, damage, device, exchange, faulty_board, parts


def talk(design: Design, seed: int, frames: int, *, large: bool = False) -> str:
    """Say what the first wrong answer is, of many to requests one after the other."""
    model, talker = device(), Talker(seed, large=large)
    rng = np.random.default_rng(seed)
    with Simulation(design, seed=seed) as simulation:
        simulation.run(cycles=6_000)
        for number in range(frames):
            line = talker.ask(model)
            if number % 8 == 0:
                line = damage(line, DAMAGES[number // 8 % len(DAMAGES)], rng) + b"\0"
            expected = sorted(parts(model.receive(line)))
            found = sorted(parts(exchange(simulation, line)))
            where = f"seed {seed}, request {number}, {line.hex()}"
            try:
                if _latest(found) != _latest(expected):
                    return f"{where}: got {_read(found)}, expected {_read(expected)}"
            except FrameError as error:
                return f"{where}: {error}"
    return ""


def _read(frames: list[bytes]) -> list[tuple[Header, bytes]]:
    return [decode(frame) for frame in frames]


def _latest(frames: list[bytes]) -> tuple[list[bytes], int]:
    """The answers, and how many frames are reported damaged; reports may come in one."""
    answers = [frame for frame in frames if decode(frame)[0].kind != Status.DAMAGED]
    reports = [decode(frame)[0].position for frame in frames if frame not in answers]
    return answers, max(reports, default=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_answers(seed):
    assert talk(board(), seed, 2000, large=seed == 1) == ""


def test_netlist():
    design = board()
    text = netlist(design)
    assert talk(dataclasses.replace(design, verilog=text), 3, 40) == ""


def test_reasons():
    """A report has the reason for which a frame was rejected."""
    model, talker = device(), Talker(1)
    good = talker._identity(model)
    long, broken = good[:-1] + b"\x02\x01\0", bytes([0, 40, 3, 4, 0])
    wrong = bytearray(good)
    # Bytes of the CRC come last.
    wrong[-2] ^= 3
    with Simulation(board()) as simulation:
        simulation.run(cycles=6_000)
        for line, reason in ((long, Reason.LENGTH), (broken, Reason.LENGTH), (wrong, Reason.CRC)):
            [report] = _read(parts(exchange(simulation, bytes(line))))
            assert (report[0].kind, report[0].extra) == (Status.DAMAGED, reason)
            [told] = _read(parts(model.receive(bytes(line))))
            assert report == told


def test_requests_beyond_the_queue_are_reported():
    """Ten requests for long answers: nine find a place, that of the one being answered included."""
    model, talker = device(), Talker(1)
    size = len(model.identity)
    lines = []
    for _ in range(14):
        talker.sequence += 1
        lines.append(talker._frame(2, channel=255, length=size))
    with Simulation(board()) as simulation:
        simulation.run(cycles=6_000)
        found = _read(parts(exchange(simulation, b"".join(lines))))
        answers = [header.sequence for header, _ in found if header.kind == Status.OK]
        reports = [header for header, _ in found if header.kind == Status.DAMAGED]
        assert 8 <= len(answers) < 14
        assert reports[-1].position == 14 - len(answers)
        assert {report.extra for report in reports} == {Reason.QUEUE}
        # Those that were lost can be asked for again.
        again = [line for i, line in enumerate(lines, 2) if i not in answers]
        found = _read(parts(exchange(simulation, b"".join(again))))
        assert len(found) == len(again)


def checked(s: Any, check: Value, alone: Value) -> Any:
    """A request is given by the end of a frame, its CRC, and whether no other waits."""
    kind = s.header[16:24]
    return s.o.valid.eq(s.end & s.whole & check & ((kind != Kind.RESET) | alone))


def zero_follows(s: Any) -> Any:
    """A block of 254 bytes has no zero behind it."""
    begins = s.valid & (s.data != 0) & (s.left == 0)
    return [(begins, s.zero_follows.eq(s.data != 254))]


def extra(s: Any) -> Any:
    """Bytes that are given still count as held."""
    looks = ~s.send & ~s.check.start & (s.wait == 0)
    return [(looks & s.known & s.inside & s.short, s.extra.eq(s.unread))]


def rings(s: Any) -> Any:
    """A full ring of 2048 bytes is empty."""
    return [(~s.o.valid, s.o.valid.eq(s.filled[:11] != s.consumed[:11]))]


def missing(s: Any) -> Any:
    """A byte of a word counts twice."""
    return [(s.ring.o.ready & s.ring.o.valid, s.missing.eq(s.missing - 2))]


FAULTS = {
    "the CRC may be any": Fault(FrameReceiver, lambda s: checked(s, Const(1), s.alone)),
    "bytes of bad frames count": Fault(FrameReceiver, lambda s: s.commit.eq(s.accept)),
    "a reset finds no place": Fault(FrameReceiver, lambda s: checked(s, s.check.match, Const(0))),
    "a zero follows 254 bytes": Fault(CobsDecoder, zero_follows),
    "a frame that ends with a zero goes on": Fault(CobsEncoder, lambda s: s.last.eq(0)),
    "the first byte held is none of those": Fault(
        Responder, lambda s: s.inside.eq(s.unread < s.held)
    ),
    "what is left of too few bytes": Fault(Responder, extra),
    "a full ring is empty": Fault(Ring, rings),
    "a byte counts twice": Fault(InputChannel, missing),
    "a word's last byte is never taken": Fault(
        InputChannel, lambda s: s.consumed.eq(s.ring.consumed - 1)
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    assert talk(faulty_board(FAULTS[name]), 1, 2000, large=True)
