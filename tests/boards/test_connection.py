"""Sessions over the link: order, damage that costs no data, silence that ends a run."""

import os
import random
import time

import pytest

from boards import requests
from boards.connection import Connection
from boards.frames import Header, Kind, Reason, Status, encode, identity
from boards.line import Line
from boards.model import Device

from .echo import ECHO, echo_device
from .pty_board import board

DATA = random.Random(1).randbytes(300_000)


def test_streams_both_ways(monkeypatch):
    # On a busy machine an answer may be late, which is no reason to ask again.
    monkeypatch.setattr(requests, "LATENCY", 60)
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        for part in (DATA[:1], DATA[1:70_000], DATA[70_000:]):
            assert connection.stream({1: part}, {1: len(part)}) == {1: part}
        assert connection.consumed(1) == len(DATA)
        counts = connection.statistics
        assert (counts.repeated, counts.damaged, counts.reported) == (0, 0, 0)
        assert counts.requests == counts.answers
        # Headers, checks, delimiters and polls.
        assert connection.line.sent < 1.15 * len(DATA)
        assert connection.line.received < 1.15 * len(DATA)


def test_registers_in_order():
    accesses = [(True, 4 * i % 64, i) for i in range(100)] + [(False, 8, 0), (False, 7, 0)]
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        assert connection.access(accesses) == [(0, 0)] * 100 + [(0, 98), (2, 0)]


def test_missing_output_ends_the_run():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        start = time.monotonic()
        assert connection.stream({1: b"abc"}, {1: 5}, patience=0.2) == {1: b"abc"}
        assert time.monotonic() - start < 1
        assert connection.stream({1: b"de"}, {1: 2}) == {1: b"de"}


def test_an_input_that_is_not_taken_ends_the_run():
    device = echo_device()
    device.unit = lambda inlets, outlets: None
    with board(device) as behind, Connection(Line(behind.port)) as connection:
        assert connection.stream({1: DATA}, {1: 1}, patience=0.2) == {1: b""}
        assert connection.consumed(1) == 0
        connection.reset()


def test_reset_forgets_what_was_on_its_way():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        connection.stream({1: DATA[:1000]}, {})
        connection.reset()
        assert connection.stream({1: b"abc"}, {1: 3}) == {1: b"abc"}


def test_connections_follow_each_other():
    with board(echo_device()) as behind:
        for _ in range(3):
            with Connection(Line(behind.port)) as connection:
                # Left in the middle of a frame and of what the board holds.
                connection.stream({1: DATA[:1500]}, {1: 700})
                connection.exchange(encode(Header(sequence=1, kind=Kind.READ, channel=1))[:9], 0)


def test_streams_that_a_unit_wants_interleaved():
    device = Device(
        inputs=(100, 100),
        outputs=1,
        buffer=256,
        identity=identity(ECHO | {"buffer": 256}),
        command=lambda *_: (0, 0),
        unit=lambda inlets, outlets: None,
    )

    def merge(inlets, outlets):
        while all(len(each.waiting) >= 100 for each in inlets) and outlets[0].room >= 200:
            outlets[0].put(inlets[0].take(100) + inlets[1].take(100))

    device.unit = merge
    a, b = DATA[:50_000], DATA[50_000:100_000]
    merged = b"".join(a[i : i + 100] + b[i : i + 100] for i in range(0, len(a), 100))
    with board(device) as behind, Connection(Line(behind.port)) as connection:
        assert connection.stream({1: a, 2: b}, {1: 100_000}) == {1: merged}


class Damage:
    """Flips a bit of, loses, doubles or cuts what passes, now and then; or puts garbage between."""

    def __init__(self, seed: int, share: float) -> None:
        self.random = random.Random(seed)
        self.share = share
        self.done = 0

    def __call__(self, data: bytes) -> bytes:
        rng = self.random
        if not data or rng.random() > self.share:
            return data
        self.done += 1
        i = rng.randrange(len(data))
        flipped = bytes([data[i] ^ 1 << rng.randrange(8)])
        return [
            data[:i] + flipped + data[i + 1 :],
            data[:i] + data[i + 1 :],
            data[: i + 1] + data[i:],
            data[:i],
            data[:i] + rng.randbytes(20) + data[i:],
        ][rng.randrange(5)]


@pytest.mark.parametrize("seed", range(3))
def test_damage_costs_no_data(seed):
    there, back = Damage(seed, 0.03), Damage(seed + 10, 0.03)
    with board(echo_device(), there, back) as behind, Connection(Line(behind.port)) as connection:
        # How much is damaged depends on how many reads the data come in.
        for _ in range(10):
            assert connection.stream({1: DATA}, {1: len(DATA)}) == {1: DATA}
            if there.done > 5 and back.done > 5:
                break
        counts = connection.statistics
        assert there.done > 5 and back.done > 5
        assert counts.reported > 0 and counts.damaged > 0 and counts.repeated > 0


def test_every_frame_by_itself():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        good = encode(Header(sequence=3, kind=Kind.READ, channel=1, length=9))
        [(header, payload)] = connection.exchange(good, 1)
        assert (header.sequence, header.kind, payload) == (3, Status.OK, b"")
        bad = good[:2] + bytes([good[2] ^ 4]) + good[3:]
        first, second, third = connection.exchange(bad + good + bad[:-4] + b"\0", 3)
        assert (first[0].kind, first[0].position, first[0].extra) == (Status.DAMAGED, 1, Reason.CRC)
        assert second == (header, payload)
        assert (third[0].kind, third[0].position) == (Status.DAMAGED, 2)
        assert connection.exchange(b"", 1, seconds=0.05) == []


@pytest.mark.parametrize("size", [1_000, 40_000])
def test_garbage_before_a_connection(size):
    """Reports of damage that follow each other for a while, as of a line that takes its time."""
    device, heard = echo_device(), 0

    def slow(data: bytes) -> bytes:
        nonlocal heard
        heard += len(data)
        time.sleep(len(data) / 100_000)
        return data

    with board(device, slow) as behind:
        with Line(behind.port) as line:
            line.send(random.Random(3).randbytes(size))
            while heard < size // 4:
                line.receive()
        with Connection(Line(behind.port)) as connection:
            assert connection.stream({1: DATA[:5000]}, {1: 5000}) == {1: DATA[:5000]}
        assert device.damaged > 0


def test_what_waits_in_a_port_is_not_of_a_connection():
    master, slave = os.openpty()
    os.write(master, b"old\0\0")
    with Line(os.ttyname(slave)) as line:
        assert line.receive() == b""
    os.close(master)
    os.close(slave)


def test_answers_to_an_earlier_connection():
    """Those that come late are not taken for this connection's."""
    old: list[bytes] = []

    def keep(data: bytes) -> bytes:
        old.append(data)
        return data

    with board(echo_device(), to_host=keep) as behind, Connection(Line(behind.port)) as connection:
        connection.stream({1: DATA[:3000]}, {1: 3000})

    def late(data: bytes) -> bytes:
        before = b"".join(old)
        old.clear()
        return before + data

    with board(echo_device(digest="1" * 16), to_host=late) as behind:
        with Connection(Line(behind.port)) as connection:
            assert connection.identity["digest"] == "1" * 16
            assert connection.stream({1: DATA[3000:6000]}, {1: 3000}) == {1: DATA[3000:6000]}
            assert connection.statistics.duplicates > 0


class Losses:
    """Loses the answers with the numbers given."""

    def __init__(self, *numbers: int) -> None:
        self.numbers = numbers
        self.count = -1

    def __call__(self, data: bytes) -> bytes:
        kept = []
        for frame in filter(None, data.split(b"\0")):
            self.count += 1
            kept.append(b"" if self.count in self.numbers else b"\0" + frame + b"\0")
        return b"".join(kept)


def test_losses_at_the_beginning_do_not_slow_a_connection_down():
    # The answers that tell of the identity, whose time is measured.
    with board(echo_device(), to_host=Losses(1, 3)) as behind:
        with Connection(Line(behind.port)) as connection:
            assert connection._requests.rate > 1e4
            assert connection.statistics.repeated == 2


def test_patience_does_not_run_out_while_an_answer_is_missing():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        behind.to_host = Losses(0, 1, 2, 3)
        assert connection.stream({1: b"abc"}, {1: 3}, patience=0.1) == {1: b"abc"}


def test_registers_that_never_answer():
    device = echo_device()
    device._move = lambda: None
    with board(device) as behind, Connection(Line(behind.port)) as connection:
        start = time.monotonic()
        assert connection.access([(False, 0, 0)]) == []
        assert 2 < time.monotonic() - start < 4
