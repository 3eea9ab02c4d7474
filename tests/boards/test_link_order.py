"""The circuit of the link where requests do not wait for each other."""

import pytest

from boards.frames import IDENTITY, VERSION, Header, Kind, Reason, Status, decode, encode
from boards.link.receiver import FrameReceiver
from boards.link.unit import SerialUnit
from boards.simulator import Simulation
from tests.faults import Fault

from .conversation import WORD, board, device, exchange, faulty_board, parts

IDENTITY_BYTES = device().identity


def request(sequence: int, kind: Kind, payload: bytes = b"", **fields: int) -> bytes:
    fields = {"length": len(payload), "channel": 1} | fields
    return encode(Header(sequence=sequence, kind=kind, **fields), payload)


def identity(sequence: int, length: int = len(IDENTITY_BYTES)) -> bytes:
    return request(sequence, Kind.READ, channel=IDENTITY, length=length)


def answers(simulation: Simulation, *requests: bytes) -> dict[int, tuple[Header, bytes]]:
    """What comes of requests that do not wait for answers, by sequence; reports as that of 0."""
    found = map(decode, parts(exchange(simulation, b"".join(requests))))
    return {header.sequence: (header, payload) for header, payload in found}


@pytest.fixture
def simulation():
    with Simulation(board()) as simulation:
        simulation.run(cycles=6_000)
        yield simulation


def write(simulation: Simulation, position: int, payload: bytes = b"") -> Header:
    return answers(simulation, request(9, Kind.WRITE, payload, position=position))[9][0]


@pytest.mark.parametrize("reads", [1, 3, 14])
def test_a_reset_behind_others_does_nothing(simulation, reads):
    """It is reported; those before it are answered as without it, be the queue full or not."""
    assert write(simulation, 0, bytes(30)).position == 30
    lines = [identity(10 + number) for number in range(reads)]
    found = answers(simulation, *lines, request(99, Kind.RESET))
    assert 99 not in found
    report, _ = found.pop(0)
    # Of fourteen long answers not all find a place.
    lost = reads - len(found)
    assert bool(lost) == (reads == 14)
    assert (report.kind, report.extra, report.position) == (Status.DAMAGED, Reason.QUEUE, 1 + lost)
    for header, payload in found.values():
        assert (header.kind, header.extra, payload) == (Status.OK, 0, IDENTITY_BYTES)
    header = write(simulation, 30, bytes(6))
    assert (header.kind, header.position) == (Status.OK, 36)
    header, _ = answers(simulation, request(7, Kind.RESET))[7]
    assert (header.kind, header.position) == (Status.OK, VERSION)
    header = write(simulation, 36)
    assert (header.kind, header.position) == (Status.GAP, 0)


def test_a_reset_when_an_answer_ends(simulation):
    """It comes in each part of the answer before it, or after, and never harms that."""
    done = []
    for length in range(60):
        assert write(simulation, 0, bytes(WORD)).position == WORD
        found = answers(simulation, identity(5, length), request(6, Kind.RESET))
        assert found[5][1] == IDENTITY_BYTES[:length]
        done.append(6 in found)
        assert done[-1] == (0 not in found)
        answers(simulation, request(7, Kind.RESET))
    assert done == sorted(done, reverse=True) and 5 < sum(done) < 55


FAULTS = {
    "a reset does not wait for answers": Fault(SerialUnit, lambda s: s.receiver.alone.eq(1)),
    # The third byte of a header is the kind.
    "a reset that finds no place is done": Fault(
        FrameReceiver, lambda s: s.reset.eq(s.end & (s.header[16:24] == Kind.RESET))
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name):
    with Simulation(faulty_board(FAULTS[name])) as simulation:
        simulation.run(cycles=6_000)
        with pytest.raises(AssertionError):
            test_a_reset_when_an_answer_ends(simulation)
