"""The top of a unit: its core behind AXI4-Stream and AXI4-Lite ports."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Module, Mux, ResetSignal, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from .circuit import Circuit
from .core import Core, StreamField, stream_payload
from .registers import AxiLiteRegisters, Field, Register, axi_lite_members, word

__all__ = ["AxiTop"]


class AxiTop(Circuit):
    """A unit's core behind AXI4-Stream and AXI4-Lite ports.

    The core's stream ``i_a`` is ``s_axis_a``, ``o`` is ``m_axis``; data are padded with zeros to
    whole bytes. The register map begins with ``identity``, ``digest``, ``control`` and ``status``;
    the core's registers follow. Each of the core's flags is one bit of ``status`` that stays set
    until ``control.clear``. A set padding bit of an accepted beat sets ``framing``.

    Parameters
    ----------
    unit : str
        Name of the emitted module.
    core : callable
        The core's class, a `Core` made by ``core(parameters=parameters)``; one of its flags is
        ``framing``.
    parameters : Parameters
        The configuration.
    """

    def __init__(self, *, unit: str, core: Callable[..., Core], parameters: Any) -> None:
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

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
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
            with m.If(core.start & ~core.flags.refused):
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


def _layout(register: Register) -> data.StructLayout:
    return data.StructLayout({field.name: field.bits for field in register.fields})
