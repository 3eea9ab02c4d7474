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


class Responder(Circuit):
    """Answers requests in order, and reports damaged frames between the answers.

    Parameters
    ----------
    buffer : int
        Bytes that a channel holds.

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
        """Build the circuit."""
        m = Module()
        m.submodules.check = check = Crc32()
        request = self.i.payload
        wait = Signal(4)
        count = Signal(4)

        report = Signal()
        reporting = Signal()
        reason = Signal(2)
        total = Signal(16)
        with m.If(self.damaged):
            m.d.sync += [report.eq(1), reason.eq(self.reason), total.eq(total + 1)]

        status = Signal(3)
        position = Signal(16)
        extra = Signal(16)
        length = Signal(16)
        held = Signal(len(self.released))
        unread = Signal(16)
        inside = Signal()
        short = Signal()
        m.d.comb += [
            self.output.eq(request.channel),
            self.acknowledged.eq(position),
            self.address.eq(position),
        ]
        # Of one cycle: a byte that comes meanwhile is in both or in neither.
        m.d.sync += [
            held.eq(self.produced - self.released),
            unread.eq(self.produced - position),
            inside.eq(unread <= held),
            short.eq(unread < request.length),
        ]

        send = Signal()
        gone = Signal()
        m.d.comb += [
            self.o.valid.eq(send & (wait == 0)),
            gone.eq(self.o.valid & self.o.ready),
            check.data.eq(self.o.payload.data),
        ]
        # The CRC takes a bit a cycle.
        m.d.sync += wait.eq(Mux(gone, 9, wait - (wait != 0)))

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += check.start.eq(1)
                m.d.sync += [count.eq(0), wait.eq(6), reporting.eq(report)]
                with m.If(report):
                    m.d.sync += [
                        status.eq(Status.DAMAGED),
                        position.eq(total),
                        extra.eq(reason),
                        length.eq(0),
                    ]
                    with m.If(~self.damaged):
                        m.d.sync += report.eq(0)
                    m.next = "HEADER"
                with m.Elif(self.i.valid):
                    m.d.sync += [
                        status.eq(request.status),
                        position.eq(request.position),
                        extra.eq(request.extra),
                        length.eq(0),
                    ]
                    m.next = "HEADER"
                    with m.If(request.status == Status.UNKNOWN):
                        m.d.sync += extra.eq(0)
                    with m.Elif(request.kind == Kind.RESET):
                        m.d.sync += [position.eq(VERSION), extra.eq(0)]
                    with m.Elif(request.kind == Kind.READ):
                        m.d.sync += position.eq(request.extra)
                        m.next = "RELEASE"
            # What the channel tells, and what follows from it, has come when ``wait`` ends.
            with m.State("RELEASE"):
                with m.If(wait == 0):
                    m.d.comb += self.release.eq(self.known & inside)
                    m.d.sync += [position.eq(request.position), wait.eq(6)]
                    m.next = "LOOK"
            with m.State("LOOK"):
                with m.If(wait == 0):
                    m.d.sync += extra.eq(0)
                    m.next = "HEADER"
                    with m.If(~self.known):
                        m.d.sync += status.eq(Status.UNKNOWN)
                    with m.Elif(~inside):
                        m.d.sync += status.eq(Status.GAP)
                    with m.Else():
                        m.d.sync += length.eq(Mux(short, unread, request.length))
                        with m.If(~short):
                            m.d.sync += extra.eq(unread - request.length)
            with m.State("HEADER"):
                m.d.comb += send.eq(1)
                fields = (
                    (Mux(reporting, 0, request.sequence), 2),
                    (status, 1),
                    (Mux(reporting, 0, request.channel), 1),
                    *((field, 2) for field in (position, extra, length)),
                )
                places = [(field, part) for field, size in fields for part in range(size)]
                with m.Switch(count):
                    for place, (field, part) in enumerate(places):
                        with m.Case(place):
                            m.d.comb += self.o.payload.data.eq(field[8 * part : 8 * part + 8])
                m.d.comb += check.valid.eq(gone)
                with m.If(gone):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == Header.LAYOUT.size - 1):
                        m.d.sync += count.eq(0)
                        m.next = "BYTES"
                        with m.If(length == 0):
                            m.next = "CHECK"
            with m.State("BYTES"):
                m.d.comb += [
                    send.eq(1),
                    check.valid.eq(gone),
                    self.o.payload.data.eq(self.byte),
                ]
                with m.If(gone):
                    m.d.sync += [position.eq(position + 1), length.eq(length - 1)]
                    with m.If(length == 1):
                        m.next = "CHECK"
            with m.State("CHECK"):
                m.d.comb += [send.eq(1), self.o.payload.last.eq(count == 3)]
                with m.Switch(count):
                    for place in range(4):
                        with m.Case(place):
                            m.d.comb += self.o.payload.data.eq(check.crc[8 * place :][:8])
                with m.If(gone):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == 3):
                        m.d.comb += self.i.ready.eq(~reporting)
                        m.next = "IDLE"
        return m
