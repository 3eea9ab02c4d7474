"""A pipeline of fixed latency between streams: its clock enable, valid line and output FIFO."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from .fifo import OutputFifo
from .packet import Packet

__all__ = ["StreamPipeline"]


class StreamPipeline(Circuit):
    """Control of a clock-enabled pipeline whose results leave by a stream.

    Whoever owns the pipeline accepts a beat in a cycle with ``en`` by ``accept``, clocks every
    stage with ``en`` and gives ``result`` `stages` enabled cycles after the beat. ``en`` is a
    register that follows the output FIFO's credit, far from whatever decides it.

    Latency is ``stages`` + 1 cycles from a beat to ``o``, without stalls; interval one cycle.

    Parameters
    ----------
    packet : Packet
        Of ``o``.
    stages : int
        Enabled cycles from a beat to its result.

    Members
    -------
    accept : In(1)
        A beat enters; counts with ``en``.
    last : In(1)
        Of that beat.
    result : In(struct)
        Data of the beat that leaves, with ``push``.
    en : Out(1)
        Clock enable.
    credit : Out(1)
        Clock enable of the next cycle, for a part that is not always clocked.
    valid : Out(stages)
        Which stages hold a beat; bit ``n`` is that of the stage ``n + 1`` cycles behind the input.
    push : Out(1)
        A result goes into the FIFO in this cycle.
    o : Out(packet.signature)
        Results.
    """

    def __init__(self, *, packet: Packet, stages: int) -> None:
        self.packet = packet
        self.stages = stages
        super().__init__(
            {
                "accept": In(1),
                "last": In(1),
                "result": In(packet["data"].shape),
                # The stubs have the name of an older Amaranth.
                "en": Out(1, init=1),  # pyright: ignore[reportCallIssue]
                "credit": Out(1),
                "valid": Out(stages),
                "push": Out(1),
                "o": Out(packet.signature),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a beat to its result on ``o``, without stalls."""
        return self.stages + 1

    def elaborate(self, platform: Any) -> Module:
        """Build the valid line in front of the FIFO."""
        m = Module()
        m.submodules.fifo = fifo = OutputFifo(shape=self.packet)
        last = Signal(self.stages, reset_less=True)
        m.d.sync += self.en.eq(fifo.credit)
        with m.If(self.en):
            m.d.sync += [
                self.valid.eq(Cat(self.accept, self.valid)),
                last.eq(Cat(self.last, last)),
            ]
        m.d.comb += [
            self.credit.eq(fifo.credit),
            self.push.eq(self.en & self.valid[-1]),
            fifo.push.eq(self.push),
            fifo.word.data.eq(self.result),
            fifo.word.last.eq(last[-1]),
        ]
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        return m
