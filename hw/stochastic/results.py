"""From sums of counts to fp32 results, or to weights less these."""

import functools
from typing import Any

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32
from sw.formats.block_coding import ElementCoding, ScaleCoding
from sw.formats.coding import FloatCoding
from sw.stochastic.outer_parameters import OuterProductParameters
from sw.stochastic.stages import OuterStages

from ..base.circuit import Circuit
from ..base.field import Field
from ..stream.packet import Packet
from ..stream.pipeline import StreamPipeline
from .lane import EXPONENT_BITS, ResultLane
from .sums import word_layout

__all__ = ["Results", "binary32_packet", "weights_packet"]


def binary32_packet(p: OuterProductParameters, what: str) -> Packet:
    """Return the packet of a beat of fp32 values of a name."""
    text = f"binary32 {what}s"
    return Packet(
        Field(
            name=what,
            bits=BINARY32.width,
            count=p.results,
            description=text,
            coding=FloatCoding(BINARY32),
        )
    )


def weights_packet(p: OuterProductParameters) -> Packet:
    """Return the packet of a beat of weights, in fp32 or in blocks."""
    format = p.weight_format
    if format is None:
        return binary32_packet(p, "weight")
    blocks = p.results // format.block_elements
    return Packet(
        Field(
            name="mantissa",
            bits=format.element_bits,
            count=p.results,
            description=f"elements of {blocks} blocks",
            coding=ElementCoding(format),
        ),
        Field(
            name="exponent",
            bits=format.exponent_bits,
            count=blocks,
            description="exponent code of each block",
            coding=ScaleCoding(format),
        ),
    )


class Results(Circuit):
    """Scaling of sums by the learning rate, a beat a cycle, and their subtraction from weights.

    A word of sums makes beats of ``results`` values, row by row. A beat that needs weights waits
    for them. Latency is `latency` cycles from a word to its first beat, without stalls; interval
    is a beat a cycle, and one cycle more a word of several beats. ``o`` comes from an output FIFO,
    the other streams' ready from registers, but for ``i.ready`` where a word is a beat.

    Parameters
    ----------
    parameters : OuterProductParameters
        Results of a beat, rate and weights.

    Members
    -------
    i : In(stream.Signature(word_layout(parameters)))
        Words of sums.
    rate : In(5) or In(32)
        Places that results move right, or, if free, what they are multiplied by.
    i_w : In(weights_packet(parameters).signature)
        With weights only: those of a beat.
    o : Out(Packet.signature)
        ``value``: results, or weights less these; ``last`` with a batch's last.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        members: dict[str, Any] = {
            "i": In(stream.Signature(word_layout(p))),
            "rate": In(32 if p.rate == "free" else 5),
        }
        if p.weights != "none":
            members["i_w"] = In(weights_packet(p).signature)
        super().__init__({**members, "o": Out(binary32_packet(p, "value").signature)})

    @functools.cached_property
    def _lanes(self) -> list[ResultLane]:
        """What makes the values of a beat."""
        return [ResultLane(parameters=self.parameters) for _ in range(self.parameters.results)]

    @functools.cached_property
    def _pipeline(self) -> StreamPipeline:
        """Control of the lanes."""
        packet = binary32_packet(self.parameters, "value")
        return StreamPipeline(packet=packet, stages=self._lanes[0].latency)

    @property
    def latency(self) -> int:
        """Cycles from a word to its first beat, without stalls."""
        return OuterStages(self.parameters).results

    def elaborate(self, platform: Any) -> Module:
        """Hold a word, and send its beats through the lanes."""
        m = Module()
        m.submodules.pipeline = pipeline = self._pipeline
        valid = Signal()
        last = Signal()
        accept = Signal()
        m.d.comb += [pipeline.accept.eq(accept), pipeline.last.eq(last)]
        if self.parameters.weights == "none":
            m.d.comb += accept.eq(valid)
        else:
            m.d.comb += [
                accept.eq(valid & self.i_w.valid),
                self.i_w.ready.eq(valid & pipeline.en),
            ]
        word = self._hold(m, valid, accept & pipeline.en, last)
        self._compute(m, word)
        wiring.connect(m, pipeline.o, wiring.flipped(self.o))
        return m

    def _hold(self, m: Module, valid: Signal, fire: Value, last: Signal) -> data.View:
        """Hold a word until the last of its beats fires; return it, its next beat lowest."""
        p = self.parameters
        beats = p.group_rows * p.columns // p.results
        left = Signal(range(beats))
        word = Signal(
            data.StructLayout(
                {
                    "sums": self.i.payload.sums.shape(),
                    "exponent": signed(EXPONENT_BITS),
                    "nan": 1,
                    "last": 1,
                }
            ),
            reset_less=True,
        )
        shift = 0 if p.rate == "free" else self.rate
        m.d.comb += [
            last.eq(word.last & (left == 0)),
            # The next word follows at once only where it must.
            self.i.ready.eq(~valid | (fire if beats == 1 else 0)),
        ]
        with m.If(fire):
            m.d.sync += [
                left.eq(left - 1),
                valid.eq(left != 0),
                word.sums.eq(word.sums[p.results :]),
            ]
        with m.If(self.i.ready):
            m.d.sync += [
                valid.eq(self.i.valid),
                left.eq(beats - 1),
                word.sums.eq(self.i.payload.sums),
                word.exponent.eq(self.i.payload.scale + p.unit - shift),
                word.nan.eq(self.i.payload.nan),
                word.last.eq(self.i.payload.last),
            ]
        return word

    def _compute(self, m: Module, word: data.View) -> None:
        """Build the lanes."""
        p, format = self.parameters, self.parameters.weight_format
        for i, lane in enumerate(self._lanes):
            m.submodules[f"lane_{i}"] = lane
            m.d.comb += [
                lane.en.eq(self._pipeline.en),
                lane.sum.eq(word.sums[i]),
                lane.exponent.eq(word.exponent),
                lane.nan.eq(word.nan),
                self._pipeline.result.value[i].eq(lane.o),
            ]
            if p.rate == "free":
                m.d.comb += lane.rate.eq(self.rate)
            if format is not None:
                weights = self.i_w.payload.data
                m.d.comb += [
                    lane.weight.mantissa.eq(weights.mantissa[i]),
                    lane.weight.exponent.eq(weights.exponent[i // format.block_elements]),
                ]
            elif p.weights != "none":
                m.d.comb += lane.weight.eq(self.i_w.payload.data.weight[i])
