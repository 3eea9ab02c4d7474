"""The circuit of the link against its model: each answer to each frame, good or damaged."""

import dataclasses

import numpy as np
import pytest

from boards.frames import FrameError, Header, Reason, Status, decode
from boards.simulator import Simulation
from hw.flow.emit import Design
from hw.flow.yosys import netlist

from .conversation import DAMAGES, Talker, board, damage, device, exchange, parts, planted


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


FAULTS = [
    ("frame_receiver", r"whole & match", "whole"),
    ("frame_receiver", r"o__valid_and_o__ready & accept", "accept"),
    ("frame_receiver", r"o__valid_term \| alone", "o__valid_term"),
    ("cobs_decoder", r"8'hff", "8'hfe"),
    ("cobs_encoder", r"last \? 2'h2 : 2'h1", "2'h1"),
    ("responder", r"unread <= held", "unread < held"),
    ("responder", r"short \? 16'h0000", "short ? unread"),
    ("ring_width8_depth2048", r"filled != consumed", "filled[10:0] != consumed[10:0]"),
    ("input_channel_width9", r"missing - 1'h1", "missing - 2'h2"),
    ("input_channel_width9", r"ring_taken - o__valid", "ring_taken - 1'h1"),
]


@pytest.mark.parametrize(("module", "pattern", "fault"), FAULTS)
def test_planted_faults(module, pattern, fault):
    assert talk(planted(module, pattern, fault), 1, 2000, large=True)
