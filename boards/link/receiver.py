"""Requests: frames that are checked, written to channels, and queued for their answers."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.base.circuit import Circuit

from ..frames import Header, Kind, Reason, Status
from .crc import Crc32

__all__ = ["REQUEST", "FrameReceiver"]

_HEADER = data.StructLayout(
    {"sequence": 16, "kind": 8, "channel": 8, "position": 16, "extra": 16, "length": 16}
)

REQUEST = data.StructLayout(dict(_HEADER.members) | {"kind": 2, "status": 2})
"""A request in the queue: the fields of its `boards.frames.Header`, and how it ended."""


class _State:
    """State of a request while its frame arrives.

    Parameters
    ----------
    header : View
        Its header.
    space : int
        Bits of a number of bytes in a buffer.
    """

    def __init__(self, *, header: Any, space: int) -> None:
        self.header = header
        self.status = Signal(2, name="status")
        # The bytes of the payload are written to the channel.
        self.accept = Signal(name="accept")
        self.whole = Signal(name="whole")
        self.writes = Signal(name="writes")
        self.unknown = Signal(name="unknown")
        # Bytes held, free and, after this payload, free still; how far the position is behind.
        self.held = Signal(space, name="held")
        self.free = Signal(16, name="free")
        self.rest = Signal(17, name="rest")
        self.behind = Signal(16, name="behind")


class FrameReceiver(Circuit):
    """Parser of frames: checks them, and does what can not wait until they are answered.

    The bytes of a request to write go to its channel as they arrive, beyond those that count; they
    count when the frame was found good. A reset is done at once, but finds no place while another
    request waits for its answer, which may need the channels. Each good frame that finds a place
    becomes a request of the queue; another one is counted as damaged and reported.

    Interval is 16 cycles a byte or end of a frame; latency is none from the end to ``o`` and one
    cycle to ``damaged``.

    Parameters
    ----------
    buffer : int
        Bytes that an input channel holds, a power of two.

    Members
    -------
    i_valid : In(1), i_data : In(8), end : In(1), broken : In(1)
        As from `CobsDecoder`.
    channel : Out(8), write : Out(1), position : Out(16), data : Out(8), commit : Out(1),
    known : In(1), received : In(16), consumed : In(log2(buffer) + 1)
        As of `Channels`.
    alone : In(1)
        No request waits for its answer.
    o : Out(stream.Signature(REQUEST))
        Requests to answer; one that is not accepted is damaged. The position and the extra number
        of a request to write are already those of its answer.
    reset : Out(1)
        A request to reset was received and is in the queue, for one cycle.
    damaged : Out(1), reason : Out(2)
        A frame was damaged, for one cycle, and its `boards.frames.Reason`.
    """

    def __init__(self, *, buffer: int) -> None:
        self.buffer = buffer
        super().__init__(
            {
                "i_data": In(8),
                **dict.fromkeys(("i_valid", "end", "broken"), In(1)),
                "channel": Out(8),
                "write": Out(1),
                "position": Out(16),
                "data": Out(8),
                "commit": Out(1),
                "known": In(1),
                "received": In(16),
                "consumed": In(exact_log2(buffer) + 1),
                "alone": In(1),
                "o": Out(stream.Signature(REQUEST)),
                "reset": Out(1),
                "damaged": Out(1),
                "reason": Out(2),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Check a frame, follow its fields, and queue or report it at its end."""
        m = Module()
        m.submodules.check = check = Crc32()
        s = _State(header=Signal(_HEADER, name="header"), space=len(self.consumed))
        header = s.header
        m.d.comb += [
            check.data.eq(self.i_data),
            check.valid.eq(self.i_valid),
            check.start.eq(self.end),
            self.channel.eq(header.channel),
            self.position.eq(header.position),
            self.data.eq(self.i_data),
            self.commit.eq(self.o.valid & self.o.ready & s.accept),
            self.reset.eq(self.o.valid & self.o.ready & (header.kind == Kind.RESET)),
            s.writes.eq(header.kind == Kind.WRITE),
            s.unknown.eq(
                (header.kind == 0) | (header.kind > Kind.RESET) | (s.writes & ~self.known)
            ),
            s.held.eq(self.received - self.consumed),
        ]
        m.d.sync += [
            s.free.eq(self.buffer - s.held),
            s.behind.eq(self.received - header.position),
            s.rest.eq(s.free - header.length),
        ]
        self._follow(m, s)
        reason = Mux(s.whole, Mux(check.match, Reason.QUEUE, Reason.CRC), Reason.LENGTH)
        m.d.sync += [
            self.damaged.eq(self.end & ~(self.o.valid & self.o.ready)),
            self.reason.eq(reason),
        ]
        place = (header.kind != Kind.RESET) | self.alone
        m.d.comb += [
            self.o.valid.eq(self.end & s.whole & check.match & place),
            *(self.o.payload[name].eq(header[name]) for name in _HEADER.members),
            self.o.payload.status.eq(s.status),
        ]
        return m

    def _follow(self, m: Module, s: _State) -> None:
        """Follow the fields of a frame."""
        header, count = s.header, Signal(4)
        with m.FSM():
            with m.State("HEADER"):
                m.d.sync += [s.accept.eq(0), s.status.eq(Status.OK)]
                with m.If(self.i_valid):
                    m.d.sync += [header.eq(Cat(header, self.i_data)[8:]), count.eq(count + 1)]
                    with m.If(count == Header.LAYOUT.size - 1):
                        m.d.sync += count.eq(0)
                        m.next = "LOOK"
                with m.If(self.end):
                    m.next = "HEADER"
            # The channel's state, and what follows from it, is valid after four cycles.
            with m.State("LOOK"):
                m.d.sync += count.eq(count + 1)
                with m.If(count == 4):
                    m.d.sync += count.eq(0)
                    m.next = "CHECK"
                    self._decide(m, s)
                    with m.If(s.writes & (header.length != 0)):
                        m.next = "PAYLOAD"
                with m.If(self.end):
                    m.next = "HEADER"
            with m.State("PAYLOAD"):
                with m.If(self.i_valid):
                    m.d.comb += self.write.eq(s.accept)
                    m.d.sync += [
                        header.position.eq(header.position + s.accept),
                        header.length.eq(header.length - 1),
                    ]
                    with m.If(header.length == 1):
                        m.next = "CHECK"
                with m.If(self.end):
                    m.next = "HEADER"
            with m.State("CHECK"):
                with m.If(self.i_valid):
                    m.d.sync += count.eq(count + 1)
                    with m.If(count == 3):
                        m.next = "WHOLE"
                with m.If(self.end):
                    m.next = "HEADER"
            with m.State("WHOLE"):
                m.d.comb += s.whole.eq(~self.broken)
                with m.If(self.i_valid):
                    m.next = "LONG"
                with m.If(self.end):
                    m.next = "HEADER"
            with m.State("LONG"):
                with m.If(self.end):
                    m.next = "HEADER"
        with m.If(self.end):
            m.d.sync += count.eq(0)

    def _decide(self, m: Module, s: _State) -> None:
        """Decide how a request ends by the state of its channel."""
        next_ = s.behind == 0
        full = Mux(next_ & s.rest[-1], Status.FULL, 0)
        with m.If(s.unknown):
            m.d.sync += s.status.eq(Status.UNKNOWN)
        with m.Elif(s.writes):
            m.d.sync += [
                s.status.eq(Mux(s.behind[-1], Status.GAP, full)),
                s.accept.eq(next_ & ~s.rest[-1]),
                s.header.position.eq(self.received),
                s.header.extra.eq(Mux(next_ & ~s.rest[-1], s.rest, s.free)),
            ]
