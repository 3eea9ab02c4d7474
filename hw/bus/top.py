"""The top of a unit: its core behind AXI4-Stream and AXI4-Lite ports."""

from collections.abc import Callable, Mapping
from typing import Any

from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    DomainRenamer,
    Module,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..engine.core import Core
from ..engine.registers import Register
from ..stream.packet import Packet
from .axi_lite import AxiLiteRegisters, axi_lite_members
from .common_registers import events, first_registers, last_registers

__all__ = ["AxiTop"]


class AxiTop(Circuit):
    """A unit's core behind AXI4-Stream and AXI4-Lite ports.

    The core's stream ``i_a`` is ``s_axis_a``, ``o`` is ``m_axis``; data are padded with zeros to
    whole bytes. The register map is the core's registers between those of
    `hw.bus.common_registers`. Each event, an error answer, an abort, a job's end and each of the
    core's flags, is one bit of ``status`` that stays set until it is cleared; ``irq`` is high while
    one is set that ``interrupt_enable`` has too. A set padding bit of an accepted beat sets
    ``framing``.

    After reset, and for ``control.abort``, the streams are closed: nothing is taken, and no beat is
    offered but one that was. When that has been taken, and the core's masters are idle, an abort
    resets the core, which has a clock domain of its own for that, and the streams open again. What
    a master would offer in the cycle of that reset is not seen, so that no burst is broken.

    Latency and interval are the core's, `Core.timing`: between ports and core no register stands.
    An event is in ``status`` a cycle after the core tells of it, and on ``irq`` two. Registers are
    read and written as by `AxiLiteRegisters`.

    Parameters
    ----------
    unit : str
        Name of the emitted module.
    core : callable
        The core's class, a `Core` made by ``core(parameters=parameters)``; with streams in, one of
        its flags is ``framing``.
    parameters : Parameters
        The configuration.

    Members
    -------
    aclk, aresetn : In(1)
        Clock, and its synchronous reset, active low.
    irq : Out(1)
        Interrupt, a level, active high, from a register.
    s_axi_<name> : In or Out
        AXI4-Lite, as of `axi_lite_members`.
    s_axis_<stream>_<name>, m_axis_<stream>_<name> : In or Out
        AXI4-Stream: ``tdata``, ``tvalid``, ``tready``, ``tlast``.
    <master>_<name> : In or Out
        AXI4, the core's members of the same names.
    """

    def __init__(self, *, unit: str, core: Callable[..., Core], parameters: Any) -> None:
        self.unit = unit
        self.core = core(parameters=parameters)
        self.parameters = parameters
        self.streams: dict[str, Packet] = {
            self.axis_name(name): packet for name, packet in self.core.streams.items()
        }
        self.registers = (
            *first_registers(unit, parameters.digest, self.core, self.streams),
            *self.core.registers,
            *last_registers(parameters),
        )
        self.registers_slave = AxiLiteRegisters(registers=self.registers)
        self.notes = {"irq": "interrupt, a level, active high"}
        members: dict[str, Any] = {"aclk": In(1), "aresetn": In(1), "irq": Out(1)}
        for name, member in axi_lite_members(self.registers_slave.address_bits).items():
            members[f"s_axi_{name}"] = member
        for name, packet in self.streams.items():
            down, up = (In, Out) if name.startswith("s") else (Out, In)
            members[f"{name}_tdata"] = down(8 * packet.bytes)
            members[f"{name}_tvalid"] = down(1)
            members[f"{name}_tready"] = up(1)
            members[f"{name}_tlast"] = down(1)
        for master, channels in self.masters.items():
            members |= {f"{master}_{name}": member for name, member in channels.items()}
        super().__init__(members)

    @staticmethod
    def axis_name(member: str) -> str:
        """Return the AXI4-Stream name of a core's stream member."""
        side, _, name = member.partition("_")
        return {"i": "s_axis", "o": "m_axis"}[side] + (f"_{name}" if name else "")

    @property
    def masters(self) -> dict[str, dict[str, Any]]:
        """Members of the channels of each AXI4 master."""
        return self.core.masters

    @property
    def facts(self) -> Mapping[str, Any]:
        """Further entries of the manifest."""
        return self.core.facts

    @property
    def latency(self) -> int | None:
        """Cycles from a beat's acceptance to its result, where that is fixed."""
        return self.core.latency

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        m.domains.sync = ClockDomain()
        m.domains.core = ClockDomain()
        m.submodules.core = DomainRenamer("core")(self.core)
        m.submodules.registers = slave = self.registers_slave
        control = data.View(_layout(self.registers, "control"), slave.reg_control)

        offered = Signal(sum(name.startswith("m") for name in self.streams))
        passing = Signal()
        aborting = Signal()
        flush = Signal()
        idle = ~offered.any() & self.core.idle if self.masters else ~offered.any()
        m.d.sync += [
            flush.eq(aborting & ~flush & idle),
            aborting.eq(control.abort | (aborting & ~flush)),
            passing.eq(~control.abort & (~aborting | flush)),
        ]
        m.d.comb += [
            ClockSignal().eq(self.aclk),
            ResetSignal().eq(~self.aresetn),
            ClockSignal("core").eq(self.aclk),
            ResetSignal("core").eq(~self.aresetn | flush),
        ]
        padding = self._connect_streams(m, passing, offered)
        self._connect_masters(m, aborting, flush)
        self._connect_registers(m)
        self._keep_events(m, control, passing=passing, aborted=flush, padding=padding)
        status = data.View(_layout(self.registers, "status"), slave.reg_status)
        m.d.comb += [slave.aborting.eq(aborting), status.aborting.eq(aborting)]
        if self.core.BUSY:
            m.d.comb += [slave.busy.eq(self.core.busy), status.busy.eq(self.core.busy)]
        return m

    def _connect_streams(self, m: Module, passing: Value, offered: Signal) -> Value:
        """Connect the streams while open; return whether a beat with padding is taken.

        ``offered`` keeps which outputs offered a beat that was not taken.
        """
        core = self.core
        padding, waiting = [], []
        for member, packet in core.streams.items():
            name = self.axis_name(member)
            axis = {s: getattr(self, f"{name}_t{s}") for s in ("data", "valid", "ready", "last")}
            port = getattr(core, member)
            bits = packet.bits
            if name.startswith("s"):
                m.d.comb += [
                    port.payload.data.eq(axis["data"]),
                    port.payload.last.eq(axis["last"]),
                    port.valid.eq(axis["valid"] & passing),
                    axis["ready"].eq(port.ready & passing),
                ]
                padding.append(port.valid & port.ready & axis["data"][bits:].any())
            else:
                gives = passing | offered[len(waiting)]
                m.d.comb += [
                    axis["data"].eq(port.payload.data),
                    axis["last"].eq(port.payload.last),
                    axis["valid"].eq(port.valid & gives),
                    port.ready.eq(axis["ready"] & gives),
                ]
                waiting.append(axis["valid"] & ~axis["ready"])
        m.d.sync += offered.eq(Cat(waiting))
        return Cat(padding).any()

    def _connect_masters(self, m: Module, aborting: Value, flush: Value) -> None:
        """Connect the masters, but for what they offer as the core is reset."""
        for master, channels in self.masters.items():
            m.d.comb += self.core.aborting.eq(aborting)
            for name, member in channels.items():
                mine, its = (getattr(x, f"{master}_{name}") for x in (self, self.core))
                offers = name.endswith("valid") and member.flow is Out
                given = its & ~flush if offers else its
                m.d.comb += its.eq(mine) if member.flow is In else mine.eq(given)

    def _connect_registers(self, m: Module) -> None:
        """Connect the slave to its port and to the core's registers."""
        core, slave = self.core, self.registers_slave
        for name in axi_lite_members(slave.address_bits):
            mine, its = getattr(self, f"s_axi_{name}"), getattr(slave, name)
            m.d.comb += its.eq(mine) if slave.signature.members[name].flow is In else mine.eq(its)
        for register in core.registers:
            mine, its = core.port(register), getattr(slave, f"reg_{register.name}")
            m.d.comb += its.eq(mine) if register.access == "ro" else mine.eq(its)

    def _keep_events(
        self, m: Module, control: Any, *, passing: Value, aborted: Value, padding: Value
    ) -> None:
        """Keep events until they are cleared, and raise the interrupt."""
        core, slave = self.core, self.registers_slave
        layout = data.StructLayout(dict.fromkeys(events(core), 1))
        now, kept, cleared = (Signal(layout, name=n) for n in ("now", "kept", "cleared"))
        enabled = slave.reg_interrupt_enable
        asked = data.View(layout, slave.clear_status[: len(enabled)])
        m.d.comb += [
            cleared.eq(asked.as_value() | control.clear.replicate(len(enabled))),
            now.access.eq(slave.refused),
            now.aborted.eq(aborted),
            core.clear.eq(control.clear),
            slave.reg_status[: len(enabled)].eq(kept),
        ]
        for flag in core.FLAGS:
            m.d.comb += now[flag].eq(core.flags[flag])
        if "framing" in core.FLAGS:
            m.d.comb += now.framing.eq(core.flags.framing | padding)
        if core.JOBS:
            started = core.start & ~core.flags.refused
            m.d.comb += [
                core.start.eq(control.start & passing),
                now.done.eq(core.done),
                now.refused.eq(core.flags.refused | (control.start & ~passing)),
                cleared.done.eq(asked.done | started),
            ]
        m.d.sync += [
            kept.eq((kept.as_value() & ~cleared.as_value()) | now.as_value()),
            self.irq.eq((kept.as_value() & enabled).any()),
        ]


def _layout(registers: tuple[Register, ...], name: str) -> data.StructLayout:
    """Return the fields of a register."""
    [register] = (r for r in registers if r.name == name)
    return data.StructLayout({field.name: field.bits for field in register.fields})
