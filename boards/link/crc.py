"""CRC-32 of bytes."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit

__all__ = ["Crc32"]

POLYNOMIAL = 0xEDB88320
RESIDUE = 0xDEBB20E3


class Crc32(Circuit):
    """CRC-32 of IEEE 802.3, a bit a cycle: the line leaves forty cycles a byte or more.

    Members
    -------
    start : In(1)
        Begins anew.
    valid : In(1), data : In(8)
        A byte; the next one or ``start`` may come eight cycles later.
    crc : Out(32)
        Of the bytes since ``start``, from nine cycles after the last on.
    match : Out(1)
        The last four bytes were the CRC of those before.
    """

    def __init__(self) -> None:
        super().__init__(
            {"start": In(1), "valid": In(1), "data": In(8), "crc": Out(32), "match": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        state = Signal(32, init=0xFFFFFFFF)
        byte = Signal(8, reset_less=True)
        left = Signal(4)
        m.d.comb += [self.crc.eq(~state), self.match.eq(state == RESIDUE)]
        with m.If(self.start):
            m.d.sync += state.eq(0xFFFFFFFF)
        with m.Elif(left[3]):
            feedback = state[0] ^ byte[0]
            m.d.sync += state.eq(Cat(state[1:], 0) ^ Mux(feedback, POLYNOMIAL, 0))
        with m.If(self.valid):
            m.d.sync += [byte.eq(self.data), left.eq(15)]
        with m.Elif(self.start):
            m.d.sync += left.eq(0)
        with m.Elif(left[3]):
            m.d.sync += [byte.eq(byte >> 1), left.eq(left - 1)]
        return m
