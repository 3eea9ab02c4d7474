"""Answers: a header, bytes of a channel, and their CRC."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.base.circuit import Circuit

from ..frames import VERSION, Header, Kind, Status
from .crc import Crc32
from .receiver import REQUEST

__all__ = ["Responder"]


class _State:
    """State of an answer, and of the report that waits.

    Parameters
    ----------
    space : int
        Bits of a number of bytes in a buffer.
    """

    def __init__(self, *, space: int) -> None:
        # Cycles until the next byte or until the channel's state is valid; bytes of a part sent.
        self.wait = Signal(4, name="wait")
        self.count = Signal(4, name="count")
        # A report is due; the answer is one; of the last damage; damages in all.
        self.report = Signal(name="report")
        self.reporting = Signal(name="reporting")
        self.reason = Signal(2, name="reason")
        self.total = Signal(16, name="total")
        # Of the answer.
        self.status = Signal(3, name="status")
        self.position = Signal(16, name="position")
        self.extra = Signal(16, name="extra")
        self.length = Signal(16, name="length")
        # Of the channel: bytes held, and from the position on; whether it is one of those held.
        self.held = Signal(space, name="held")
        self.unread = Signal(16, name="unread")
        self.inside = Signal(name="inside")
        self.short = Signal(name="short")
        # A byte is offered; it is accepted.
        self.send = Signal(name="send")
        self.gone = Signal(name="gone")


class Responder(Circuit):
    """Answers requests in order, and reports damaged frames between the answers.

    Latency is seven cycles from a request to its answer's first byte, fifteen where bytes are read;
    interval is ten cycles a byte. ``o`` is combinational, of registers and of ``byte``.

    Parameters
    ----------
    buffer : int
        Of an output channel, in bytes; a power of two.

    Members
    -------
    i : In(stream.Signature(REQUEST))
        Requests.
    damaged : In(1), reason : In(2)
        A frame was damaged, and why. What is damaged while a report waits is in its count.
    output : Out(8), release : Out(1), acknowledged : Out(16), address : Out(16), byte : In(8),
    known : In(1), produced : In(16), released : In(log2(buffer) + 1)
        As of `Channels`.
    o : Out(stream.Signature(struct of data, 8 bits, and last))
        Bytes of answers, one every tenth cycle at most.
    """

    def __init__(self, *, buffer: int) -> None:
        self.buffer = buffer
        super().__init__(
            {
                "i": In(stream.Signature(REQUEST)),
                "damaged": In(1),
                "reason": In(2),
                "output": Out(8),
                "release": Out(1),
                "acknowledged": Out(16),
                "address": Out(16),
                "byte": In(8),
                "known": In(1),
                "produced": In(16),
                "released": In(exact_log2(buffer) + 1),
                "o": Out(stream.Signature(data.StructLayout({"data": 8, "last": 1}))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Take a request or a report; look at its channel; send header, bytes and CRC."""
        m = Module()
        m.submodules.check = check = Crc32()
        request = self.i.payload
        s = _State(space=len(self.released))
        with m.If(self.damaged):
            m.d.sync += [s.report.eq(1), s.reason.eq(self.reason), s.total.eq(s.total + 1)]
        m.d.comb += [
            self.output.eq(request.channel),
            self.acknowledged.eq(s.position),
            self.address.eq(s.position),
            self.o.valid.eq(s.send & (s.wait == 0)),
            s.gone.eq(self.o.valid & self.o.ready),
            check.data.eq(self.o.payload.data),
        ]
        # Of one cycle: a byte that arrives meanwhile is in both or in neither.
        m.d.sync += [
            s.held.eq(self.produced - self.released),
            s.unread.eq(self.produced - s.position),
            s.inside.eq(s.unread <= s.held),
            s.short.eq(s.unread < request.length),
            # The CRC takes a bit a cycle.
            s.wait.eq(Mux(s.gone, 9, s.wait - (s.wait != 0))),
        ]
        with m.FSM():
            self._begin(m, s, check)
            self._look(m, s)
            self._send_header(m, s, check)
            self._send_rest(m, s, check)
        return m

    def _begin(self, m: Module, s: _State, check: Crc32) -> None:
        """Take a report, or else the next request."""
        request = self.i.payload
        with m.State("IDLE"):
            m.d.comb += check.start.eq(1)
            m.d.sync += [s.count.eq(0), s.wait.eq(6), s.reporting.eq(s.report)]
            with m.If(s.report):
                m.d.sync += [
                    s.status.eq(Status.DAMAGED),
                    s.position.eq(s.total),
                    s.extra.eq(s.reason),
                    s.length.eq(0),
                ]
                with m.If(~self.damaged):
                    m.d.sync += s.report.eq(0)
                m.next = "HEADER"
            with m.Elif(self.i.valid):
                m.d.sync += [
                    s.status.eq(request.status),
                    s.position.eq(request.position),
                    s.extra.eq(request.extra),
                    s.length.eq(0),
                ]
                m.next = "HEADER"
                with m.If(request.status == Status.UNKNOWN):
                    m.d.sync += s.extra.eq(0)
                with m.Elif(request.kind == Kind.RESET):
                    m.d.sync += [s.position.eq(VERSION), s.extra.eq(0)]
                with m.Elif(request.kind == Kind.READ):
                    m.d.sync += s.position.eq(request.extra)
                    m.next = "RELEASE"

    def _look(self, m: Module, s: _State) -> None:
        """Release what is acknowledged; find what there is to read."""
        request = self.i.payload
        # The channel's state, and what follows from it, is valid when ``wait`` ends.
        with m.State("RELEASE"):
            with m.If(s.wait == 0):
                m.d.comb += self.release.eq(self.known & s.inside)
                m.d.sync += [s.position.eq(request.position), s.wait.eq(6)]
                m.next = "LOOK"
        with m.State("LOOK"):
            with m.If(s.wait == 0):
                m.d.sync += s.extra.eq(0)
                m.next = "HEADER"
                with m.If(~self.known):
                    m.d.sync += s.status.eq(Status.UNKNOWN)
                with m.Elif(~s.inside):
                    m.d.sync += s.status.eq(Status.GAP)
                with m.Else():
                    m.d.sync += s.length.eq(Mux(s.short, s.unread, request.length))
                    with m.If(~s.short):
                        m.d.sync += s.extra.eq(s.unread - request.length)

    def _send_header(self, m: Module, s: _State, check: Crc32) -> None:
        """Send the fields of the header."""
        request = self.i.payload
        with m.State("HEADER"):
            m.d.comb += s.send.eq(1)
            fields = (
                (Mux(s.reporting, 0, request.sequence), 2),
                (s.status, 1),
                (Mux(s.reporting, 0, request.channel), 1),
                *((field, 2) for field in (s.position, s.extra, s.length)),
            )
            places = [(field, part) for field, size in fields for part in range(size)]
            with m.Switch(s.count):
                for place, (field, part) in enumerate(places):
                    with m.Case(place):
                        m.d.comb += self.o.payload.data.eq(field[8 * part : 8 * part + 8])
            m.d.comb += check.valid.eq(s.gone)
            with m.If(s.gone):
                m.d.sync += s.count.eq(s.count + 1)
                with m.If(s.count == Header.LAYOUT.size - 1):
                    m.d.sync += s.count.eq(0)
                    m.next = "BYTES"
                    with m.If(s.length == 0):
                        m.next = "CHECK"

    def _send_rest(self, m: Module, s: _State, check: Crc32) -> None:
        """Send the bytes read, and the CRC."""
        with m.State("BYTES"):
            m.d.comb += [
                s.send.eq(1),
                check.valid.eq(s.gone),
                self.o.payload.data.eq(self.byte),
            ]
            with m.If(s.gone):
                m.d.sync += [s.position.eq(s.position + 1), s.length.eq(s.length - 1)]
                with m.If(s.length == 1):
                    m.next = "CHECK"
        with m.State("CHECK"):
            m.d.comb += [s.send.eq(1), self.o.payload.last.eq(s.count == 3)]
            with m.Switch(s.count):
                for place in range(4):
                    with m.Case(place):
                        m.d.comb += self.o.payload.data.eq(check.crc[8 * place :][:8])
            with m.If(s.gone):
                m.d.sync += s.count.eq(s.count + 1)
                with m.If(s.count == 3):
                    m.d.comb += self.i.ready.eq(~s.reporting)
                    m.next = "IDLE"
