"""Registers of a unit: their description, and the AXI4-Lite slave in front of them."""

import dataclasses
from typing import Any

from amaranth.hdl import Module, Mux, ShapeLike, Signal
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.field import Field, struct

__all__ = [
    "AxiLiteRegisters",
    "Register",
    "axi_lite_members",
    "counter",
    "stall_registers",
    "word",
]

SLVERR = 0b10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Register:
    """A 32-bit word of the register map, fields from bit 0 up.

    ``access`` is ``ro`` (the circuit drives it; with ``constant`` it is always ``reset``), ``rw``
    (held, ``reset`` after reset), ``wo`` (the bits written are seen by the circuit for one cycle,
    and read as 0) or ``w1c`` (both: the circuit drives what is read, and clears what is written as
    1). ``locked`` is when it takes no writes: while the unit is ``aborting``, or ``busy`` or that.
    """

    name: str
    access: str
    fields: tuple[Field, ...]
    description: str
    reset: int = 0
    constant: bool = False
    locked: str = ""

    @property
    def bits(self) -> int:
        """Bits in use."""
        return sum(field.width for field in self.fields)

    @property
    def shape(self) -> ShapeLike:
        """Bits of a register of a single field, else a struct of the fields."""
        return self.bits if len(self.fields) == 1 else struct(self.fields)


def word(name: str, access: str, bits: int, description: str, **options: Any) -> Register:
    """Return a register of a single field; ``options`` are further ones of `Register`."""
    field = Field(name=name, bits=bits, description=description)
    text = f"{description[0].upper()}{description[1:]}."
    return Register(name=name, access=access, fields=(field,), description=text, **options)


def counter(name: str, description: str) -> Register:
    """Return the register of a counter of 32 bits."""
    return word(name, "ro", 32, description)


def stall_registers(awaited: str, given: str = "the output") -> tuple[Register, Register]:
    """Return the counters of the cycles in which an input, and an output, waits."""
    return (
        counter("input_stalls", f"cycles that waited for {awaited}"),
        counter("output_stalls", f"cycles that waited for {given} to be taken"),
    )


class AxiLiteRegisters(Circuit):
    """AXI4-Lite slave in front of a map of 32-bit registers.

    A read or write takes two cycles and none overlap. Byte strobes are obeyed; the lowest two bits
    of an address, which choose bytes, are of no account. An access to an address that is no
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
