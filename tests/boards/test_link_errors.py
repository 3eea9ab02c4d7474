"""What is said where a board's answer is missing or wrong, or its port is gone."""

import contextlib
import dataclasses
import os
import random
import re
import threading
import time
import tty
from collections.abc import Callable
from typing import Any

import pytest

from boards.connection import Connection
from boards.frames import Header, Status, decode, encode, identity
from boards.line import BAUD, Line, LinkError
from boards.model import Device

from .echo import ECHO, echo_device
from .pty_board import board

DATA = random.Random(1).randbytes(300_000)


def error_of(device: Device, baud: int = BAUD, **lines) -> str:
    """What opening a connection says."""
    with board(device, **lines) as behind:
        with pytest.raises(LinkError) as error:
            Connection(Line(behind.port, baud))
    return str(error.value).replace(behind.port, "PORT")


def answered(payload: bytes = b"", **changes: Callable[[Header], int]) -> Callable[[bytes], bytes]:
    """What a line makes of an answer: other fields of its header, and bytes behind its payload."""

    def to_host(data: bytes) -> bytes:
        header, found = decode(data.strip(b"\0"))
        fields: dict[str, Any] = {name: change(header) for name, change in changes.items()}
        return encode(dataclasses.replace(header, **fields), found + payload)

    return to_host


def test_a_silent_board():
    words = (
        r"^no answer to RESET \(sequence \d+\) after 4 tries in 3\.\d s: expected version 1 of the "
        r"link, nothing came; is the board at PORT programmed, and at 1,000,000 baud\?$"
    )
    said = error_of(echo_device(), 1_000_000, to_board=lambda data: b"")
    assert re.search(words, said)


def test_a_board_that_gives_garbage(monkeypatch):
    monkeypatch.setattr("boards.requests.LATENCY", 0.3)
    words = "version 1 of the link, 2,000 bytes came, 4 damaged frames among them; is the board at"
    assert words in error_of(echo_device(), to_host=lambda data: DATA[:500])


def test_a_board_that_hears_garbage():
    words = (
        r" after \d+ tries in 4\.\d s: expected version 1 of the link, [\d,]+ bytes came, 0 "
        r"damaged frames among them, and reports of \d+ damaged frames; is the board at PORT"
    )
    said = error_of(echo_device(), to_board=lambda data: data.replace(b"\x03", b"\x05"))
    assert re.search(words, said)


def test_an_answer_of_another_channel():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        behind.to_host = answered(channel=lambda header: 2)
        with pytest.raises(LinkError, match="^the answer to WRITE of channel 0 at 0 .* channel 2$"):
            connection.stream({0: b"abc"}, {})


def test_another_version(monkeypatch):
    monkeypatch.setattr("boards.model.VERSION", 2)
    assert error_of(echo_device()) == (
        "the board at PORT speaks version 2 of the link, and this checkout version 1: generate its "
        "bitstream again"
    )


UNKNOWN = "the board at PORT does not say what it is: "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\x04\0abcd", "b'abcd'"),
        (b"", "b''"),
        (b"\x01", "b''"),
        (b"\x40\0abc", "b'abc'"),
        (identity(ECHO | {"link": 2}), "b'x"),
        (identity(ECHO), "buffer is None"),
        (identity(ECHO | {"unit": [1]}), "unit is [1]"),
        (identity(ECHO | {"buffer": "x"}), "buffer is 'x'"),
        (identity(ECHO | {"buffer": True}), "buffer is True"),
        (identity(ECHO | {"buffer": 3}), "buffer must be an integer from 256 to 16384, not 3"),
        (identity(ECHO | {"buffer": 256, "board": "[/x]"}), "board must be letters, digits, "),
        (identity(ECHO | {"buffer": 256, "clock": None}), "clock is None"),
        (identity(ECHO | {"buffer": 256, "parameters": 7}), "parameters is 7"),
    ],
)
def test_no_identity(text, words, monkeypatch):
    monkeypatch.setattr("boards.connection.PATIENCE", 0.1)
    device = echo_device()
    device.identity = text
    assert error_of(device).startswith(UNKNOWN + words)


@pytest.mark.parametrize("rate", [1_000_000, 2_909_999, 3_090_001, 6_000_000])
def test_another_rate(rate):
    assert error_of(echo_device(baud=rate)) == (
        f"the board at PORT is made for {rate:,} baud, and the port was opened at 3,000,000"
    )


@pytest.mark.parametrize("rate", [2_910_000, 3_090_000])
def test_a_rate_that_the_line_bears(rate):
    with board(echo_device(baud=rate)) as behind, Connection(Line(behind.port)) as connection:
        assert connection.identity["baud"] == rate


def test_a_port_that_echoes():
    """The requests come back as they are."""
    master, slave = os.openpty()
    tty.setraw(slave)

    def echo() -> None:
        with contextlib.suppress(OSError):
            while True:
                os.write(master, os.read(master, 4096))

    threading.Thread(target=echo, daemon=True).start()
    port = os.ttyname(slave)
    with pytest.raises(LinkError) as error:
        Connection(Line(port))
    assert str(error.value) == (
        f"{port} answered UNKNOWN to a RESET: expected OK and version 1 of the link; is it the "
        "port of a board?"
    )
    os.close(slave)


@pytest.mark.parametrize(
    ("read", "inputs", "outputs", "words"),
    [
        (
            5000,
            {1: b"abc"},
            {},
            (
                "channel 1 answered GAP to a WRITE of 3 bytes at 5,000: 5,000 were received and "
                "2045 free, now 0 (modulo 65,536) and 2048; was the board reset?"
            ),
        ),
        (
            4000,
            {},
            {1: 100},
            (
                "channel 1 answered GAP, 0 bytes at 4000, to a READ of 100 bytes at 4,000 (modulo "
                "65,536 4000) of which all before 4,000 were received; was the board reset?"
            ),
        ),
    ],
)
def test_a_board_that_resets_itself(read, inputs, outputs, words):
    device = echo_device()
    with board(device) as behind, Connection(Line(behind.port)) as connection:
        connection.stream({1: DATA[:5000]}, {1: read})
        device._clear()
        with pytest.raises(LinkError) as error:
            connection.stream(inputs, outputs)
    assert str(error.value) == words


def test_bytes_that_were_not_sent():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        behind.to_host = answered(position=lambda header: header.position + 1)
        with pytest.raises(LinkError) as error:
            connection.stream({1: b"abc"}, {}, patience=0.2)
    assert str(error.value) == (
        "channel 1 answered OK to a WRITE of 3 bytes at 0: 0 were received and 2045 free, now 4 "
        "(modulo 65,536) and 2045; was the board reset?"
    )


def test_more_bytes_than_were_asked_for():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        connection.stream({1: b"abc"}, {})
        behind.to_host = answered(b"d", length=lambda header: 4)
        with pytest.raises(LinkError) as error:
            connection.stream({}, {1: 3}, patience=0.2)
    assert str(error.value) == (
        "channel 1 answered OK, 4 bytes at 0, to a READ of 3 bytes at 0 (modulo 65,536 0) of which "
        "all before 0 were received; was the board reset?"
    )


def test_an_answer_that_was_not_asked_for():
    stray = encode(Header(sequence=0, kind=Status.OK, channel=0))
    device = echo_device()
    with board(device) as behind, Connection(Line(behind.port)) as connection:
        connection._requests._next = 500
        behind.to_host = lambda data: stray + data
        with pytest.raises(LinkError) as error:
            connection.access([(False, 0, 0)])
    words = r"^an answer came to request 0, which was not made: the last one is 50\d$"
    assert re.search(words, str(error.value))


def test_unplugged_while_streaming():
    with board(echo_device()) as behind, Connection(Line(behind.port)) as connection:
        timer = threading.Timer(0.1, behind.unplug)
        timer.start()
        start = time.monotonic()
        with pytest.raises(LinkError) as error:
            while True:
                connection.stream({1: DATA}, {1: len(DATA)})
        assert time.monotonic() - start < 2
        timer.join()
    words = (
        rf"^the port {behind.port} was closed after [\d,]+ bytes sent and [\d,]+ received: is the"
    )
    assert re.search(words + r" board unplugged\?$", str(error.value))
    with board(echo_device()) as again, Connection(Line(again.port)) as connection:
        assert connection.stream({1: b"abc"}, {1: 3}) == {1: b"abc"}


def test_no_such_port(tmp_path):
    with pytest.raises(LinkError) as error:
        Line(f"{tmp_path}/none")
    words = f"cannot open the port {tmp_path}/none at 3,000,000 baud: No such file or directory"
    assert str(error.value) == words


def test_no_port(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LinkError) as error:
        Line(f"{tmp_path}/file")
    assert str(error.value).startswith(f"cannot open the port {tmp_path}/file at 3,000,000 baud: ")


def test_a_port_in_use():
    with board(echo_device()) as behind, Connection(Line(behind.port)):
        with pytest.raises(LinkError) as error:
            Line(behind.port)
    words = f"cannot open the port {behind.port} at 3,000,000 baud: another program uses it"
    assert str(error.value) == words


def test_a_port_without_a_board(monkeypatch):
    monkeypatch.setattr("boards.requests.LATENCY", 0.05)
    master, slave = os.openpty()
    with pytest.raises(LinkError, match="^no answer to RESET"):
        Connection(Line(os.ttyname(slave)))
    os.close(master)
    os.close(slave)
