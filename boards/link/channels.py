"""A unit behind the channels of its link."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw.base.circuit import Circuit
from hw.bus.axi_lite import axi_lite_members
from hw.bus.top import AxiTop

from ..frames import ANSWER, COMMAND, IDENTITY
from .channel import InputChannel, OutputChannel
from .registers import RegisterAccess

__all__ = ["Channels"]


class Channels(Circuit):
    """A unit, and a buffer for its registers and each of its streams.

    Channels are numbered as in `boards.frames`. Latency is one cycle from a channel's number to its
    positions, two from ``address`` to ``byte``; interval is that of the channels.

    Parameters
    ----------
    top : AxiTop
        The unit.
    buffer : int
        Bytes that each channel holds.
    identity : bytes
        What output channel 255 gives; less than two buffers.

    Members
    -------
    aclk, aresetn : In(1)
        Clock, and reset of the unit and of all channels.
    input : In(8)
        Number of an input channel.
    write : In(1), position : In(16), data : In(8)
        A byte for it, and its position.
    commit : In(1)
        Its bytes before the position are good.
    input_known : Out(1), received : Out(16), consumed : Out(log2(buffer) + 1)
        Whether there is such a channel, its position, and the low bits of the unit's.
    output : In(8)
        Number of an output channel.
    release : In(1), acknowledged : In(16)
        Its bytes before a position are no longer needed.
    address : In(16), byte : Out(8)
        Position of a byte kept, and the byte two cycles later.
    output_known : Out(1), produced : Out(16), released : Out(log2(buffer) + 1)
        Whether there is such a channel, its position, and the low bits of what was acknowledged.
    """

    def __init__(self, *, top: AxiTop, buffer: int, identity: bytes) -> None:
        self.top = top
        self.buffer = buffer
        self.identity_bytes = identity
        assert len(identity) < 2 * buffer, "the size has as many bits as that of what is kept"
        super().__init__(
            {
                "aclk": In(1),
                "aresetn": In(1),
                "input": In(8),
                "write": In(1),
                "position": In(16),
                "data": In(8),
                "commit": In(1),
                "input_known": Out(1),
                "received": Out(16),
                "consumed": Out(exact_log2(buffer) + 1),
                "output": In(8),
                "release": In(1),
                "acknowledged": In(16),
                "address": In(16),
                "byte": Out(8),
                "output_known": Out(1),
                "produced": Out(16),
                "released": Out(exact_log2(buffer) + 1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Connect the unit's registers and streams to channels, and these to the link."""
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        m.submodules.unit = top = self.top
        m.d.comb += [top.aclk.eq(self.aclk), top.aresetn.eq(self.aresetn)]
        m.submodules.access = access = RegisterAccess(address_bits=len(top.s_axi_awaddr))
        for name, member in axi_lite_members(access.address_bits).items():
            mine, its = getattr(access, name), getattr(top, f"s_axi_{name}")
            m.d.comb += its.eq(mine) if member.flow is In else mine.eq(its)

        inputs = [self._input(m, "registers", COMMAND.size)]
        outputs = [self._output(m, "registers", ANSWER.size)]
        wiring.connect(m, inputs[0].o, access.i)
        wiring.connect(m, access.o, outputs[0].i)
        for name, packet in top.streams.items():
            axis = {s: getattr(top, f"{name}_t{s}") for s in ("data", "valid", "ready", "last")}
            size = packet.bytes + 1
            layout = data.StructLayout({"data": 8 * packet.bytes, "last": 8})
            if name.startswith("s"):
                inputs.append(channel := self._input(m, name, size))
                beat = data.View(layout, channel.o.payload)
                m.d.comb += [
                    axis["data"].eq(beat.data),
                    axis["last"].eq(beat.last),
                    axis["valid"].eq(channel.o.valid),
                    channel.o.ready.eq(axis["ready"]),
                ]
            else:
                outputs.append(channel := self._output(m, name, size))
                beat = data.View(layout, channel.i.payload)
                m.d.comb += [
                    beat.data.eq(axis["data"]),
                    beat.last.eq(axis["last"]),
                    channel.i.valid.eq(axis["valid"]),
                    axis["ready"].eq(channel.i.ready),
                ]
        self._choose_input(m, inputs)
        self._choose_output(m, outputs)
        return m

    def _choose_input(self, m: Module, inputs: list[InputChannel]) -> None:
        """Connect the input channel whose number ``input`` is."""
        with m.Switch(self.input):
            for number, channel in enumerate(inputs):
                m.d.comb += [channel.position.eq(self.position), channel.data.eq(self.data)]
                with m.Case(number):
                    m.d.comb += [channel.write.eq(self.write), channel.commit.eq(self.commit)]
                    m.d.comb += self.input_known.eq(1)
                    m.d.sync += [
                        self.received.eq(channel.received),
                        self.consumed.eq(channel.consumed),
                    ]

    def _choose_output(self, m: Module, outputs: list[OutputChannel]) -> None:
        """Connect the output channel whose number ``output`` is, or the identity."""
        rom = memory.Memory(shape=8, depth=len(self.identity_bytes), init=self.identity_bytes)
        m.submodules.identity = rom
        identity = rom.read_port()
        m.d.comb += identity.addr.eq(self.address)
        with m.Switch(self.output):
            for number, channel in enumerate(outputs):
                m.d.comb += [channel.address.eq(self.address)]
                m.d.comb += channel.position.eq(self.acknowledged)
                with m.Case(number):
                    m.d.comb += channel.release.eq(self.release)
                    m.d.comb += self.output_known.eq(1)
                    m.d.sync += [
                        self.byte.eq(channel.data),
                        self.produced.eq(channel.produced),
                        self.released.eq(channel.released),
                    ]
            with m.Case(IDENTITY):
                m.d.comb += self.output_known.eq(1)
                m.d.sync += [
                    self.byte.eq(identity.data),
                    self.produced.eq(rom.depth),
                    self.released.eq(0),
                ]

    def _input(self, m: Module, name: str, width: int) -> InputChannel:
        channel = InputChannel(width=width, buffer=self.buffer)
        m.submodules[f"to_{name}"] = channel
        return channel

    def _output(self, m: Module, name: str, width: int) -> OutputChannel:
        channel = OutputChannel(width=width, buffer=self.buffer)
        m.submodules[f"from_{name}"] = channel
        return channel
