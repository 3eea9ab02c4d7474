"""Register accesses that come as words."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.engine.registers import axi_lite_members

from ..frames import ANSWER, COMMAND

__all__ = ["RegisterAccess"]


class RegisterAccess(Circuit):
    """AXI4-Lite master that makes one access for a word and answers with a word.

    An address beyond those of the slave is answered by SLVERR without an access.

    Parameters
    ----------
    address_bits : int
        Of the slave.

    Members
    -------
    i : In(stream.Signature(56))
        `boards.frames.COMMAND`.
    o : Out(stream.Signature(40))
        `boards.frames.ANSWER`.
    aw, w, b, ar, r : AXI4-Lite channels, flat: ``awaddr``, ``awvalid``, ...
    """

    def __init__(self, *, address_bits: int) -> None:
        self.address_bits = address_bits
        channels = {n: member.flip() for n, member in axi_lite_members(address_bits).items()}
        streams = {
            "i": In(stream.Signature(8 * COMMAND.size)),
            "o": Out(stream.Signature(8 * ANSWER.size)),
        }
        super().__init__(streams | channels)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        write, address, data = (self.i.payload[a:b] for a, b in ((0, 8), (8, 24), (24, 56)))
        beyond = Signal()
        response = Signal(2)
        read = Signal(32)
        m.d.comb += [
            beyond.eq(address[self.address_bits :].any()),
            self.awaddr.eq(address),
            self.araddr.eq(address),
            self.wdata.eq(data),
            self.wstrb.eq(0b1111),
            self.bready.eq(1),
            self.rready.eq(1),
            self.o.payload[:8].eq(response),
            self.o.payload[8:].eq(read),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.i.valid):
                    m.d.sync += read.eq(0)
                    with m.If(beyond):
                        m.d.sync += response.eq(0b10)
                        m.next = "ANSWER"
                    with m.Elif(write[0]):
                        m.d.sync += [self.awvalid.eq(1), self.wvalid.eq(1)]
                        m.next = "WRITE"
                    with m.Else():
                        m.d.sync += self.arvalid.eq(1)
                        m.next = "READ"
            with m.State("WRITE"):
                with m.If(self.awready):
                    m.d.sync += self.awvalid.eq(0)
                with m.If(self.wready):
                    m.d.sync += self.wvalid.eq(0)
                with m.If(self.bvalid):
                    m.d.sync += response.eq(self.bresp)
                    m.next = "ANSWER"
            with m.State("READ"):
                with m.If(self.arready):
                    m.d.sync += self.arvalid.eq(0)
                with m.If(self.rvalid):
                    m.d.sync += [response.eq(self.rresp), read.eq(self.rdata)]
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [self.o.valid.eq(1), self.i.ready.eq(self.o.ready)]
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
