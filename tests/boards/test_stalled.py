"""A unit that stops because nobody reads its outputs, behind the circuit of the link."""

import pytest

from boards.frames import Header, Kind, Status, decode, encode
from boards.link.channel import InputChannel
from boards.simulator import Simulation
from hw.flow.emit import Design
from tests.faults import Fault

from .conversation import BUFFER, WORD, board, exchange, faulty_board, parts

# Bytes of a product's beat.
WIDE = 5


def ask(simulation: Simulation, kind: Kind, position: int, payload: bytes = b"", **fields: int):
    """Send a request to the stream; return the header of the answer."""
    fields = {"length": len(payload)} | fields
    position %= 65536
    header = Header(sequence=1, kind=kind, channel=1, position=position, **fields)
    [answer] = parts(exchange(simulation, encode(header, payload)))
    return decode(answer)[0]


def test_a_word_that_the_unit_never_took():
    """A byte of it is told as waiting; where all were taken the unit has them."""
    check(board())


def check(design: Design) -> None:
    with Simulation(design) as simulation:
        simulation.run(cycles=6_000)
        position = 0
        while (header := ask(simulation, Kind.WRITE, position, bytes(20 * WORD))).kind == Status.OK:
            position = header.position
        assert header.kind == Status.FULL
        while (free := ask(simulation, Kind.WRITE, position).extra) >= WORD:
            position = ask(simulation, Kind.WRITE, position, bytes(WORD)).position
        assert position % WORD == 0 and (BUFFER - free) % WORD == 1
        told, read = [BUFFER - free], 0
        # Word by word in the end, and once more when there is none.
        while told[-2:] != [0, 0]:
            length = WIDE if told[-1] < 20 * WORD else 10 * WIDE
            header = ask(simulation, Kind.READ, read, extra=read % 65536, length=length)
            read += header.length
            told.append(BUFFER - ask(simulation, Kind.WRITE, position).extra)
        assert told[-3] == 1 and all(waiting % WORD == 1 for waiting in told[:-2])
        while header.length:
            header = ask(simulation, Kind.READ, read, extra=read % 65536, length=10 * WIDE)
            read += header.length
        assert read == position // WORD * WIDE


def test_planted_fault():
    fault = Fault(InputChannel, lambda s: s.consumed.eq(s.ring.consumed))
    with pytest.raises(AssertionError):
        check(faulty_board(fault))
