"""Registers of a unit: their description, and the AXI4-Lite slave in front of them."""

import dataclasses
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from .circuit import Circuit

__all__ = ["AxiLiteRegisters", "Field", "Register", "axi_lite_members", "word"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """Bits of a register."""

    name: str
    bits: int
    description: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Register:
    """A 32-bit word of the register map, fields from bit 0 up.

    ``access`` is ``ro`` (the circuit drives it), ``rw`` (held, ``reset`` after reset) or ``wo``
    (the bits written are seen by the circuit for one cycle, and read as 0).
    """

    name: str
    access: str
    fields: tuple[Field, ...]
    description: str
    reset: int = 0

    @property
    def bits(self) -> int:
        """Bits in use."""
        return sum(field.bits for field in self.fields)


def word(name: str, access: str, bits: int, description: str, *, reset: int = 0) -> Register:
    """Return a register of a single field."""
    field = Field(name=name, bits=bits, description=description)
    text = f"{description[0].upper()}{description[1:]}."
    return Register(name=name, access=access, fields=(field,), description=text, reset=reset)


class AxiLiteRegisters(Circuit):
    """AXI4-Lite slave in front of a map of 32-bit registers.

    A read or write takes two cycles and none overlap. Byte strobes are obeyed. An address that is
    no register's, or not a multiple of four, is answered by SLVERR. All outputs but the read data
    path's select come from registers.

    Parameters
    ----------
    registers : tuple of Register
        The map; register ``i`` has the address ``4 * i``.

    Members
    -------
    aw, w, b, ar, r : AXI4-Lite channels, flat: ``awaddr``, ``awvalid``, ...
    <name> : Out(bits) for ``rw`` and ``wo`` registers, In(bits) for ``ro``.
    """

    def __init__(self, *, registers: tuple[Register, ...]) -> None:
        self.registers = registers
        self.address_bits = max(3, (4 * len(registers) - 1).bit_length())
        members: dict[str, Any] = dict(axi_lite_members(self.address_bits))
        for register in registers:
            direction = In if register.access == "ro" else Out
            # The stubs have the name of an older Amaranth.
            member = direction(register.bits, init=register.reset)  # pyright: ignore[reportCallIssue]
            members[f"reg_{register.name}"] = member
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        known = range(len(self.registers))

        write = Signal()
        write_hit = Signal()
        m.d.comb += [
            write.eq(self.awvalid & self.wvalid & ~self.bvalid & ~self.awready),
            write_hit.eq(Cat(self.awaddr == 4 * i for i in known).any()),
        ]
        m.d.sync += [self.awready.eq(write), self.wready.eq(write)]
        with m.If(self.awready):
            m.d.sync += [self.bvalid.eq(1), self.bresp.eq(Mux(write_hit, 0, 0b10))]
        with m.Elif(self.bready):
            m.d.sync += self.bvalid.eq(0)

        strobes = Cat(strobe.replicate(8) for strobe in self.wstrb)
        for i, register in enumerate(self.registers):
            value = getattr(self, f"reg_{register.name}")
            if register.access == "ro":
                continue
            mask = strobes[: register.bits]
            bits = self.wdata[: register.bits] & mask
            if register.access == "wo":
                m.d.sync += value.eq(0)
                with m.If(write & (self.awaddr == 4 * i)):
                    m.d.sync += value.eq(bits)
            else:
                with m.If(write & (self.awaddr == 4 * i)):
                    m.d.sync += value.eq(bits | (value & ~mask))

        read = Signal()
        m.d.comb += read.eq(self.arvalid & ~self.rvalid & ~self.arready)
        m.d.sync += self.arready.eq(read)
        with m.If(self.arready):
            m.d.sync += [self.rvalid.eq(1), self.rresp.eq(0b10), self.rdata.eq(0)]
            with m.Switch(self.araddr):
                for i, register in enumerate(self.registers):
                    with m.Case(4 * i):
                        m.d.sync += self.rresp.eq(0)
                        if register.access != "wo":
                            m.d.sync += self.rdata.eq(getattr(self, f"reg_{register.name}"))
        with m.Elif(self.rready):
            m.d.sync += self.rvalid.eq(0)
        return m


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
