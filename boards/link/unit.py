"""A unit behind a serial line."""

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.base.circuit import Circuit
from hw.units import unit as find_unit
from sw.parameters import Parameters
from sw.version import version

from ..frames import VERSION, identity
from ..settings import LinkSettings
from .channels import Channels
from .cobs import CobsDecoder, CobsEncoder
from .receiver import REQUEST, FrameReceiver
from .responder import Responder
from .ring import Ring
from .uart import UartReceiver, UartTransmitter

__all__ = ["SerialUnit", "facts"]


def facts(unit: str, parameters: Parameters, settings: LinkSettings) -> dict[str, Any]:
    """Return the identity of a board: the unit with its configuration, and the link."""
    return {
        "link": VERSION,
        "unit": unit,
        "version": version(),
        "digest": parameters.digest,
        "parameters": parameters.as_dict(),
        "board": settings.board,
        "clock": settings.clock,
        "baud": settings.baud,
        "buffer": settings.buffer,
    }


def _wire(m: Module, to: Circuit, source: Circuit, *names: str, **renamed: str) -> None:
    """Connect members of ``to`` to those of the same name of ``source``, or of another name."""
    pairs = {name: name for name in names} | renamed
    m.d.comb += [getattr(to, one).eq(getattr(source, other)) for one, other in pairs.items()]


class SerialUnit(Circuit):
    """A unit behind a serial line: see `boards.frames` for what goes over it.

    A request to reset is done when no other waits for its answer. Its own has nothing of the
    channels, which are still being reset. Latency and interval are those of the line: ten bits a
    byte.

    Parameters
    ----------
    unit : str
        Name of the unit.
    parameters : Parameters
        Its configuration.
    settings : LinkSettings
        Clock, line and buffers.

    Members
    -------
    aclk, aresetn : In(1)
        Clock, and synchronous reset, active low.
    rx : In(1), tx : Out(1)
        The line, as the board receives and sends.
    busy : Out(1)
        Frames were received lately: in the last 2**20 to 2**21 cycles.
    error : Out(1)
        A frame was damaged since the last reset.
    """

    RESET_CYCLES = 16

    def __init__(self, *, unit: str, parameters: Parameters, settings: LinkSettings) -> None:
        self.unit = unit
        self.parameters = parameters
        self.settings = settings
        inputs = dict.fromkeys(("aclk", "aresetn", "rx"), In(1))
        super().__init__({**inputs, **dict.fromkeys(("tx", "busy", "error"), Out(1))})

    def elaborate(self, platform: Any) -> Module:
        """Connect line, frames, channels and unit."""
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        clock, baud = self.settings.clock, self.settings.baud
        m.submodules.uart_receiver = line = UartReceiver(clock=clock, baud=baud)
        m.submodules.decoder = decoder = CobsDecoder()
        m.submodules.receiver = receiver = FrameReceiver(buffer=self.settings.buffer)
        m.submodules.requests = queue = Ring(width=REQUEST.size, depth=self.settings.QUEUE)
        m.submodules.responder = responder = Responder(buffer=self.settings.buffer)
        m.submodules.encoder = encoder = CobsEncoder()
        m.submodules.uart_transmitter = sender = UartTransmitter(clock=clock, baud=baud)
        m.submodules.channels = channels = Channels(
            top=find_unit(self.unit).top(self.parameters),
            buffer=self.settings.buffer,
            identity=identity(facts(self.unit, self.parameters, self.settings)),
        )

        self._queue(m, receiver, queue)
        self._reset(m, receiver, channels)
        self._connect(m, channels, receiver, responder)
        self._lights(m, decoder, receiver)
        m.d.comb += [line.rx.eq(self.rx), self.tx.eq(sender.tx)]
        _wire(m, decoder, line, "valid", "data")
        _wire(m, receiver, decoder, "end", "broken", i_valid="o_valid", i_data="o_data")
        _wire(m, responder, receiver, "damaged", "reason")
        wiring.connect(m, queue.o, responder.i)
        wiring.connect(m, responder.o, encoder.i)
        wiring.connect(m, encoder.o, sender.i)
        return m

    def _queue(self, m: Module, receiver: FrameReceiver, queue: Ring) -> None:
        """Keep requests; one leaves the queue when its answer is complete."""
        queued = Signal(len(queue.consumed))
        with m.If(queue.write):
            m.d.sync += queued.eq(queued + 1)
        m.d.comb += [
            queue.data.eq(receiver.o.payload),
            queue.write.eq(receiver.o.valid & receiver.o.ready),
            queue.address.eq(queued),
            queue.filled.eq(queued),
            receiver.o.ready.eq((queued - queue.consumed)[: len(queued)] != queue.depth),
            receiver.alone.eq(queued == queue.consumed),
        ]

    def _reset(self, m: Module, receiver: FrameReceiver, channels: Channels) -> None:
        """Reset unit and channels for some cycles, at first and on request."""
        held = Signal(range(self.RESET_CYCLES + 1), init=self.RESET_CYCLES)
        reset = Signal(init=1)
        m.d.sync += reset.eq(held != 0)
        with m.If(receiver.reset):
            m.d.sync += held.eq(self.RESET_CYCLES)
        with m.Elif(held != 0):
            m.d.sync += held.eq(held - 1)
        m.d.comb += [channels.aclk.eq(self.aclk), channels.aresetn.eq(~reset)]

    def _connect(
        self, m: Module, channels: Channels, receiver: FrameReceiver, responder: Responder
    ) -> None:
        """Connect channels to those who write and read them."""
        to_write = ("write", "position", "data", "commit")
        _wire(m, channels, receiver, *to_write, input="channel")
        _wire(m, receiver, channels, "received", "consumed", known="input_known")
        _wire(m, channels, responder, "output", "release", "acknowledged", "address")
        _wire(m, responder, channels, "byte", "produced", "released", known="output_known")

    def _lights(self, m: Module, decoder: CobsDecoder, receiver: FrameReceiver) -> None:
        """Hold ``busy`` and ``error``."""
        lately = Signal(21)
        m.d.comb += self.busy.eq(lately != 0)
        with m.If(decoder.end):
            m.d.sync += lately.eq(1)
        with m.Elif(self.busy):
            m.d.sync += lately.eq(lately + 1)
        with m.If(receiver.reset):
            m.d.sync += self.error.eq(0)
        with m.Elif(receiver.damaged):
            m.d.sync += self.error.eq(1)
