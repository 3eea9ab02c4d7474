"""From sums of counts to binary32 results, or to weights less these."""

import functools
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from sw.formats import BINARY32
from sw.stochastic.outer_parameters import OuterProductParameters

from ..base.circuit import Circuit
from ..base.pipeline import delay
from ..stream.fifo import OutputFifo
from .lane import EXPONENT_BITS, ResultLane, weight_bits
from .sums import word_layout

__all__ = ["Results"]


class Results(Circuit):
    """Scales sums by the learning rate, a beat a cycle, and takes them off the weights if any.

    A word of sums gives beats of ``results`` values, row by row; where these are several, a cycle
    more passes before the next word's. A beat that needs weights waits for them. ``o`` comes from a
    queue, the other streams' ready from registers, but for ``i.ready`` where a word is a beat.

    Parameters
    ----------
    parameters : OuterProductParameters
        Of the outer product.

    Members
    -------
    i : In(stream.Signature(StructLayout))
        As ``o`` of `hw.stochastic.sums.Sums`.
    rate : In(5) or In(32)
        Places that results move right, or, if free, what they are multiplied by.
    weights : In(stream.Signature(...))
        With weights only: those of a beat, lane 0 lowest, each as `ResultLane` takes it.
    o : Out(stream.Signature(StructLayout))
        ``data``: binary32 values, lane 0 lowest; ``last``: whether they are a batch's last.
    """

    def __init__(self, *, parameters: OuterProductParameters) -> None:
        self.parameters = p = parameters
        members: dict[str, Any] = {
            "i": In(stream.Signature(word_layout(p))),
            "rate": In(32 if p.rate == "free" else 5),
        }
        if p.weights != "none":
            members["weights"] = In(stream.Signature(p.results * weight_bits(p.weight_format)))
        values = data.StructLayout({"data": p.results * BINARY32.width, "last": 1})
        super().__init__({**members, "o": Out(stream.Signature(values))})

    @functools.cached_property
    def _lanes(self) -> list[ResultLane]:
        """What makes the values of a beat."""
        return [ResultLane(parameters=self.parameters) for _ in range(self.parameters.results)]

    @property
    def latency(self) -> int:
        """Cycles from a word to its first beat, without stalls."""
        return 1 + self._lanes[0].latency + 1

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        p = self.parameters
        m.submodules.queue = queue = OutputFifo(shape=p.results * BINARY32.width + 1)
        # Everything behind the word moves by this one register, far from whatever decides it.
        en = Signal(init=1)
        m.d.sync += en.eq(queue.credit)
        there, sums, exponent, nan, last, take = self._word(m, en)
        if p.weights != "none":
            weights = self.weights.payload
            m.d.comb += [
                take.eq(en & there & self.weights.valid),
                self.weights.ready.eq(en & there),
            ]
        else:
            weights = Signal(0)
            m.d.comb += take.eq(en & there)

        for i, lane in enumerate(self._lanes):
            m.submodules[f"lane_{i}"] = lane
            m.d.comb += [
                lane.en.eq(en),
                lane.sum.eq(sums.word_select(i, p.sum_bits)),
                lane.exponent.eq(exponent),
                lane.nan.eq(nan),
            ]
            if p.rate == "free":
                m.d.comb += lane.rate.eq(self.rate)
            if p.weights != "none":
                m.d.comb += lane.weight.eq(weights.word_select(i, len(lane.weight)))
        about = Cat(take, last)
        done, last = delay(m, en, about, self._lanes[0].latency, name="about", reset=True)
        m.d.comb += [
            queue.push.eq(en & done),
            queue.word.eq(Cat(*(lane.o for lane in self._lanes), last)),
            self.o.payload.eq(queue.o.payload),
            self.o.valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o.ready),
        ]
        return m

    def _word(self, m: Module, en: Signal) -> tuple[Value, Value, Value, Value, Value, Signal]:
        """Hold a word until the last of its beats is taken.

        Return whether there is one, the sums of its next beat, their exponent, whether they are
        NaN and the last of their batch, and what is to tell that they are taken.
        """
        p = self.parameters
        beats = p.group_rows * p.columns // p.results
        there, take, end = Signal(), Signal(), Signal()
        left = Signal(range(beats))
        word = Signal(len(self.i.payload.sums), reset_less=True)
        exponent = Signal(signed(EXPONENT_BITS), reset_less=True)
        nan, last = Signal(reset_less=True), Signal(reset_less=True)
        shift = 0 if p.rate == "free" else self.rate
        m.d.comb += [
            end.eq(left == 0),
            # The next word comes at once only where it must.
            self.i.ready.eq(~there | (take if beats == 1 else 0)),
        ]
        with m.If(take):
            m.d.sync += [
                left.eq(left - 1),
                word.eq(word >> p.results * p.sum_bits),
                there.eq(~end),
            ]
        with m.If(self.i.ready):
            m.d.sync += [
                there.eq(self.i.valid),
                left.eq(beats - 1),
                word.eq(self.i.payload.sums),
                exponent.eq(self.i.payload.scale + p.unit - shift),
                nan.eq(self.i.payload.nan),
                last.eq(self.i.payload.last),
            ]
        return there, word, exponent, nan, last & end, take
