"""Register accesses over the link."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.bus.axi_lite import axi_lite_members

__all__ = ["REGISTER_ANSWER", "REGISTER_COMMAND", "RegisterAccess"]

REGISTER_COMMAND = data.StructLayout({"write": 8, "address": 16, "data": 32})
"""`boards.frames.COMMAND`."""

REGISTER_ANSWER = data.StructLayout({"response": 8, "data": 32})
"""`boards.frames.ANSWER`."""


class RegisterAccess(Circuit):
    """AXI4-Lite master that makes one access for a command and answers it.

    An address beyond those of the slave is answered by SLVERR without an access. Latency is two
    cycles and those of the slave; one access is under way at a time. All outputs but ``i.ready``
    and the addresses and data, which are the command's, come from registers.

    Parameters
    ----------
    address_bits : int
        Of the slave.

    Members
    -------
    i : In(stream.Signature(REGISTER_COMMAND))
        Accesses.
    o : Out(stream.Signature(REGISTER_ANSWER))
        Their answers.
    aw, w, b, ar, r : AXI4-Lite channels, flat: ``awaddr``, ``awvalid``, ...
    """

    def __init__(self, *, address_bits: int) -> None:
        self.address_bits = address_bits
        channels = {n: member.flip() for n, member in axi_lite_members(address_bits).items()}
        streams = {
            "i": In(stream.Signature(REGISTER_COMMAND)),
            "o": Out(stream.Signature(REGISTER_ANSWER)),
        }
        super().__init__(streams | channels)

    def elaborate(self, platform: Any) -> Module:
        """Decode, access, answer."""
        m = Module()
        command = self.i.payload
        beyond = Signal()
        response = Signal(2)
        read = Signal(32)
        m.d.comb += [
            beyond.eq(command.address[self.address_bits :].any()),
            self.awaddr.eq(command.address),
            self.araddr.eq(command.address),
            self.wdata.eq(command.data),
            self.wstrb.eq(0b1111),
            self.bready.eq(1),
            self.rready.eq(1),
            self.o.payload.response.eq(response),
            self.o.payload.data.eq(read),
        ]
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.i.valid):
                    m.d.sync += read.eq(0)
                    with m.If(beyond):
                        m.d.sync += response.eq(0b10)
                        m.next = "ANSWER"
                    with m.Elif(command.write[0]):
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
