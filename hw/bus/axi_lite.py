"""The AXI4-Lite slave in front of a unit's registers."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..engine.registers import Register

__all__ = ["AxiLiteRegisters", "axi_lite_members"]

SLVERR = 0b10


class AxiLiteRegisters(Circuit):
    """AXI4-Lite slave in front of a map of 32-bit registers.

    Latency is two cycles from an address, and a word that is written, to the answer, interval three
    cycles a read and a write: of each kind none overlap. Byte strobes are obeyed; the lowest two
    bits of an address, which choose bytes, are of no account. An access to an address that is no
    register's, and a write to a register that takes none, or none now, is answered by SLVERR and
    changes nothing. All outputs but the read data path's select come from registers.

    Parameters
    ----------
    registers : tuple of Register
        The map; register ``i`` has the address ``4 * i``.

    Members
    -------
    aw, w, b, ar, r : AXI4-Lite channels, flat: ``awaddr``, ``awvalid``, ...
    aborting, busy : In(1)
        Registers that are ``locked`` then take no writes.
    refused : Out(1)
        An access is answered by SLVERR; for one cycle.
    reg_<name> : Out(bits) for ``rw`` and ``wo`` registers, In(bits) for ``ro`` and ``w1c``.
    clear_<name> : Out(bits)
        Bits of a ``w1c`` register that are to be cleared.
    """

    def __init__(self, *, registers: tuple[Register, ...]) -> None:
        self.registers = registers
        self.address_bits = max(3, (4 * len(registers) - 1).bit_length())
        members: dict[str, Any] = dict(axi_lite_members(self.address_bits))
        members |= {"aborting": In(1), "busy": In(1), "refused": Out(1)}
        for register in registers:
            if register.constant:
                continue
            direction = In if register.access in ("ro", "w1c") else Out
            # The stubs have the name of an older Amaranth.
            member = direction(register.bits, init=register.reset)  # pyright: ignore[reportCallIssue]
            members[f"reg_{register.name}"] = member
            if register.access == "w1c":
                members[f"clear_{register.name}"] = Out(register.bits)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.d.sync += self.refused.eq(0)
        self._write(m)
        self._read(m)
        return m

    def _write(self, m: Module) -> None:
        """Take an address and a word that are both there; answer."""
        write = Signal()
        taken = Signal()
        free = {"": 1, "aborting": ~self.aborting, "busy": ~(self.aborting | self.busy)}
        m.d.comb += write.eq(self.awvalid & self.wvalid & ~self.bvalid & ~self.awready)
        m.d.sync += [self.awready.eq(write), self.wready.eq(write)]
        # Of the cycle before, in which a register was written or was locked.
        m.d.sync += taken.eq(0)
        for i, register in enumerate(self.registers):
            if register.access == "ro":
                continue
            name = f"{'clear' if register.access == 'w1c' else 'reg'}_{register.name}"
            value = getattr(self, name)
            hit = Signal(name=f"write_{register.name}")
            m.d.comb += hit.eq(write & (self.awaddr[2:] == i) & free[register.locked])
            if register.access != "rw":
                m.d.sync += value.eq(0)
            with m.If(hit):
                m.d.sync += taken.eq(1)
                for byte in range(-(-register.bits // 8)):
                    bits = slice(8 * byte, min(8 * byte + 8, register.bits))
                    with m.If(self.wstrb[byte]):
                        m.d.sync += value[bits].eq(self.wdata[bits])
        with m.If(self.awready):
            m.d.sync += [self.bvalid.eq(1), self.bresp.eq(Mux(taken, 0, SLVERR))]
            m.d.sync += self.refused.eq(~taken)
        with m.Elif(self.bready):
            m.d.sync += self.bvalid.eq(0)

    def _read(self, m: Module) -> None:
        """Take an address and answer with a word."""
        read = Signal()
        m.d.comb += read.eq(self.arvalid & ~self.rvalid & ~self.arready)
        m.d.sync += self.arready.eq(read)
        with m.If(self.arready):
            m.d.sync += [self.rvalid.eq(1), self.rresp.eq(0), self.rdata.eq(0)]
            with m.Switch(self.araddr[2:]):
                for i, register in enumerate(self.registers):
                    with m.Case(i):
                        if register.constant:
                            m.d.sync += self.rdata.eq(register.reset)
                        elif register.access != "wo":
                            m.d.sync += self.rdata.eq(getattr(self, f"reg_{register.name}"))
                with m.Default():
                    m.d.sync += [self.rresp.eq(SLVERR), self.refused.eq(1)]
        with m.Elif(self.rready):
            m.d.sync += self.rvalid.eq(0)


def axi_lite_members(address_bits: int) -> dict[str, Any]:
    """Return the members of an AXI4-Lite slave with 32-bit data, in the specification's order."""
    return {
        "awaddr": In(address_bits),
        "awvalid": In(1),
        "awready": Out(1),
        "wdata": In(32),
        "wstrb": In(4),
        "wvalid": In(1),
        "wready": Out(1),
        "bresp": Out(2),
        "bvalid": Out(1),
        "bready": In(1),
        "araddr": In(address_bits),
        "arvalid": In(1),
        "arready": Out(1),
        "rdata": Out(32),
        "rresp": Out(2),
        "rvalid": Out(1),
        "rready": In(1),
    }
