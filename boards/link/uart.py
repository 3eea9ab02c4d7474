"""The serial line: bytes of eight bits between a start and a stop bit, no parity."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit

__all__ = ["UartReceiver", "UartTransmitter", "bit_step"]


def bit_step(clock: int, baud: int) -> tuple[int, int]:
    """Return bits of an accumulator, and what it adds each cycle so that it overflows once a bit.

    The mean length of a bit is right to a thousandth.
    """
    bits = (clock // baud).bit_length() + 10
    return bits, round((baud << bits) / clock)


class UartReceiver(Circuit):
    """Receiver of a serial line.

    The line is sampled in the middle of each bit, to a cycle; its rate may be two per cent off,
    or one where a bit has but four cycles. A byte without a stop bit is left out, and the next one
    begins when the line has been high. Latency is three cycles from the middle of
    the stop bit, interval ten bits; outputs come from registers.

    Parameters
    ----------
    clock, baud : int
        Hz and bits a second; four cycles a bit or more.

    Members
    -------
    rx : In(1)
        The line; may change at any time.
    valid : Out(1), data : Out(8)
        A byte, for one cycle.
    """

    def __init__(self, *, clock: int, baud: int) -> None:
        self.clock = clock
        self.baud = baud
        super().__init__({"rx": In(1), "valid": Out(1), "data": Out(8)})

    def elaborate(self, platform: Any) -> Module:
        """Synchronize, wait for a start bit, sample."""
        m = Module()
        bits, step = bit_step(self.clock, self.baud)
        # Both start with the line's idle state: a start bit needs an edge.
        settling = Signal(2, init=0b11)
        line = settling[1]
        m.d.sync += settling.eq(Cat(self.rx, settling[0]))

        phase = Signal(bits, reset_less=True)
        later = Signal(bits + 1)
        sample = later[-1]
        left = Signal(range(11))
        shift = Signal(9, reset_less=True)
        m.d.comb += [later.eq(phase + step), self.data.eq(shift[:8])]
        m.d.sync += [phase.eq(later), self.valid.eq(0)]
        with m.FSM():
            with m.State("IDLE"):
                # The edge was half a cycle ago on average.
                m.d.sync += [phase.eq((1 << (bits - 1)) + step // 2), left.eq(10)]
                with m.If(~line):
                    m.next = "BITS"
            with m.State("BITS"):
                with m.If(sample):
                    m.d.sync += [left.eq(left - 1), shift.eq(Cat(shift[1:], line))]
                    with m.If((left == 10) & line):
                        m.next = "IDLE"
                    with m.If(left == 1):
                        m.d.sync += [self.valid.eq(line), shift.eq(shift[1:])]
                        m.next = "IDLE"
                        with m.If(~line):
                            m.next = "BROKEN"
            with m.State("BROKEN"):
                with m.If(line):
                    m.next = "IDLE"
        return m


class UartTransmitter(Circuit):
    """Transmitter of a serial line.

    Latency is one cycle from a byte to its start bit, interval ten bits. ``tx`` is a register,
    ``i.ready`` comes from registers.

    Parameters
    ----------
    clock, baud : int
        Hz and bits a second.

    Members
    -------
    i : In(stream.Signature(8))
        Bytes.
    tx : Out(1)
        The line, from a register.
    """

    def __init__(self, *, clock: int, baud: int) -> None:
        self.clock = clock
        self.baud = baud
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})  # pyright: ignore[reportCallIssue]

    def elaborate(self, platform: Any) -> Module:
        """Shift a bit out at each overflow of the phase."""
        m = Module()
        bits, step = bit_step(self.clock, self.baud)
        phase = Signal(bits)
        later = Signal(bits + 1)
        tick = later[-1]
        left = Signal(range(11))
        shift = Signal(9, reset_less=True)
        m.d.comb += [
            later.eq(phase + step),
            self.i.ready.eq((left == 0) | (tick & (left == 1))),
        ]
        m.d.sync += phase.eq(later)
        with m.If(left == 0):
            m.d.sync += phase.eq(0)
        with m.Elif(tick):
            m.d.sync += [left.eq(left - 1), self.tx.eq(shift[0]), shift.eq(Cat(shift[1:], 1))]
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [left.eq(10), self.tx.eq(0), shift.eq(Cat(self.i.payload, 1))]
        return m
