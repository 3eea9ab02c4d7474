"""AXI on the outside of a unit: the AXI4-Lite registers and the top with AXI4-Stream names."""

import dataclasses
from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Mux, ResetSignal, Signal
from amaranth.hdl import Module as Body
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from .module import Module

__all__ = [
    "AxiLiteRegisters",
    "AxiTop",
    "Field",
    "Register",
    "StreamField",
    "stream_payload",
    "word",
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """Bits of a register."""

    name: str
    bits: int
    description: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Register:
    """A 32-bit word of the register map, fields from bit 0 up.

    ``access`` is ``ro`` (the circuit drives it), ``rw`` (held, 0 after reset) or ``wo`` (the bits
    written are seen by the circuit for one cycle, and read as 0).
    """

    name: str
    access: str
    fields: tuple[Field, ...]
    description: str

    @property
    def bits(self) -> int:
        """Bits in use."""
        return sum(field.bits for field in self.fields)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StreamField:
    """``count`` equal lanes of ``bits`` in a stream's data, lane 0 lowest."""

    name: str
    bits: int
    count: int
    description: str


def stream_payload(fields: tuple[StreamField, ...]) -> data.StructLayout:
    """Return the payload of a unit's stream: its fields from bit 0 up, and the packet's end."""
    return data.StructLayout({"data": sum(f.bits * f.count for f in fields), "last": 1})


class AxiLiteRegisters(Module):
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
            members[f"reg_{register.name}"] = direction(register.bits)
        super().__init__(members)

    def elaborate(self, platform: Any) -> Body:
        """Build the circuit."""
        m = Body()
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


class AxiTop(Module):
    """A unit's core behind AXI4-Stream and AXI4-Lite ports.

    The core's stream ``i_a`` is ``s_axis_a``, ``o`` is ``m_axis``; data are padded with zeros to
    whole bytes. The register map begins with ``identity``, ``digest``, ``control`` and ``status``;
    the core's registers follow. Each of the core's flags is one bit of ``status`` that stays set
    until ``control.clear``. A set padding bit of an accepted beat sets ``framing``.

    Parameters
    ----------
    unit : str
        Name of the emitted module.
    core : type
        The core's class; built as ``core(parameters=parameters)``. It has ``streams`` and
        ``registers`` (descriptions), members of these names, ``start``, ``clear``, ``busy``,
        ``done`` and ``flags`` (a struct of single bits, one of them ``framing``).
    parameters : Parameters
        The configuration.
    """

    def __init__(self, *, unit: str, core: type[Any], parameters: Any) -> None:
        self.unit = unit
        self.core = core(parameters=parameters)
        self.parameters = parameters
        self.registers = (*self._common(), *self.core.registers)
        self.registers_slave = AxiLiteRegisters(registers=self.registers)
        self.streams: dict[str, tuple[StreamField, ...]] = {
            self.axis_name(name): fields for name, fields in self.core.streams.items()
        }
        members: dict[str, Any] = {"aclk": In(1), "aresetn": In(1)}
        for name, member in axi_lite_members(self.registers_slave.address_bits).items():
            members[f"s_axi_{name}"] = member
        for name, fields in self.streams.items():
            down, up = (In, Out) if name.startswith("s") else (Out, In)
            members[f"{name}_tdata"] = down(8 * self.bytes(fields))
            members[f"{name}_tvalid"] = down(1)
            members[f"{name}_tready"] = up(1)
            members[f"{name}_tlast"] = down(1)
        super().__init__(members)

    @staticmethod
    def axis_name(member: str) -> str:
        """Return the AXI4-Stream name of a core's stream member."""
        side, _, name = member.partition("_")
        return {"i": "s_axis", "o": "m_axis"}[side] + (f"_{name}" if name else "")

    @staticmethod
    def bytes(fields: tuple[StreamField, ...]) -> int:
        """Return the bytes of a beat."""
        return -(-sum(f.bits * f.count for f in fields) // 8)

    @property
    def latency(self) -> int | None:
        """Cycles from a beat's acceptance to its result, where that is fixed."""
        return self.core.latency

    def _common(self) -> tuple[Register, ...]:
        flags = [Field(name=n, bits=1, description=t) for n, t in self.core.FLAGS.items()]
        control = [Field(name="clear", bits=1, description="clears flags and counters")]
        state = []
        if self.core.JOBS:
            control.insert(0, Field(name="start", bits=1, description="starts the job set up"))
            state.append(Field(name="busy", bits=1, description="a job runs"))
            state.append(Field(name="done", bits=1, description="a job has ended since the start"))
        return (
            word("identity", "ro", 32, "ASCII 'GG' above, the layout of this map (1) below"),
            word("digest", "ro", 32, "the first 32 bits of the configuration's digest"),
            Register(name="control", access="wo", fields=tuple(control), description="Commands."),
            Register(
                name="status",
                access="ro",
                fields=(*state, *flags),
                description="State, and flags that stay until cleared.",
            ),
        )

    def elaborate(self, platform: Any) -> Body:
        """Build the circuit."""
        m = Body()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        m.submodules.core = core = self.core
        m.submodules.registers = slave = self.registers_slave

        for name in axi_lite_members(slave.address_bits):
            mine, its = getattr(self, f"s_axi_{name}"), getattr(slave, name)
            m.d.comb += its.eq(mine) if slave.signature.members[name].flow is In else mine.eq(its)

        padding = []
        for member, fields in core.streams.items():
            name = self.axis_name(member)
            axis = {s: getattr(self, f"{name}_t{s}") for s in ("data", "valid", "ready", "last")}
            port = getattr(core, member)
            bits = stream_payload(fields)["data"].width
            if name.startswith("s"):
                m.d.comb += [
                    port.payload.data.eq(axis["data"]),
                    port.payload.last.eq(axis["last"]),
                    port.valid.eq(axis["valid"]),
                    axis["ready"].eq(port.ready),
                ]
                padding.append(port.valid & port.ready & axis["data"][bits:].any())
            else:
                m.d.comb += [
                    axis["data"].eq(port.payload.data),
                    axis["last"].eq(port.payload.last),
                    axis["valid"].eq(port.valid),
                    port.ready.eq(axis["ready"]),
                ]

        control = data.View(_layout(self.registers[2]), slave.reg_control)
        m.d.comb += core.clear.eq(control.clear)
        flags = Signal(len(core.FLAGS))
        events = data.View(core.flags.shape(), Signal(len(core.FLAGS)))
        m.d.comb += [
            events.as_value().eq(core.flags),
            events.framing.eq(core.flags.framing | Cat(padding).any()),
        ]
        m.d.sync += flags.eq(Mux(control.clear, 0, flags) | events.as_value())
        state = []
        if core.JOBS:
            done = Signal()
            with m.If(core.start):
                m.d.sync += done.eq(0)
            with m.Elif(core.done):
                m.d.sync += done.eq(1)
            m.d.comb += core.start.eq(control.start)
            state = [core.busy, done]
        m.d.comb += [
            slave.reg_identity.eq(0x47470001),
            slave.reg_digest.eq(int(self.parameters.digest[:8], 16)),
            slave.reg_status.eq(Cat(*state, flags)),
        ]
        for register in core.registers:
            mine, its = getattr(core, register.name), getattr(slave, f"reg_{register.name}")
            m.d.comb += its.eq(mine) if register.access == "ro" else mine.eq(its)
        return m


def word(name: str, access: str, bits: int, description: str) -> Register:
    """Return a register of a single field."""
    field = Field(name=name, bits=bits, description=description)
    text = f"{description[0].upper()}{description[1:]}."
    return Register(name=name, access=access, fields=(field,), description=text)


def _layout(register: Register) -> data.StructLayout:
    return data.StructLayout({field.name: field.bits for field in register.fields})
