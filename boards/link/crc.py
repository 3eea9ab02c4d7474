"""CRC-32 of bytes."""

from typing import Any

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit

__all__ = ["Crc32"]


class Crc32(Circuit):
    """CRC-32 of IEEE 802.3, a bit a cycle: the line leaves forty cycles a byte or more.

    A byte a cycle would take 240 LUTs more in the link. Latency is nine cycles from a byte,
    interval eight cycles.

    Members
    -------
    start : In(1)
        Begins anew.
    valid : In(1), data : In(8)
        A byte; the next one or ``start`` may follow eight cycles later.
    crc : Out(32)
        Of the bytes since ``start``.
    match : Out(1)
        The last four bytes were the CRC of those before.
    """

    def __init__(self) -> None:
        super().__init__(
            {"start": In(1), "valid": In(1), "data": In(8), "crc": Out(32), "match": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        """Give the bits of each byte, lowest first."""
        m = Module()
        processor = CRC32_ISO_HDLC(1).create()
        # The reset of flip-flops is free, which its own ``start`` is not.
        m.submodules.processor = ResetInserter(self.start)(processor)
        byte = Signal(8, reset_less=True)
        left = Signal(4)
        m.d.comb += [
            processor.valid.eq(left[3]),
            processor.data.eq(byte[0]),
            self.crc.eq(processor.crc),
            self.match.eq(processor.match_detected),
        ]
        with m.If(self.valid):
            m.d.sync += [byte.eq(self.data), left.eq(15)]
        with m.Elif(self.start):
            m.d.sync += left.eq(0)
        with m.Elif(left[3]):
            m.d.sync += [byte.eq(byte >> 1), left.eq(left - 1)]
        return m
