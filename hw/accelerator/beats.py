"""Words as beats of the vector engine."""

from typing import Any

from amaranth.hdl import Array, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from sw.accelerator.parameters import VALUE_BITS, AcceleratorParameters

from ..base.circuit import Circuit
from ..base.pipeline import advance

__all__ = ["WordCutter"]


class WordCutter(Circuit):
    """Cuts words into beats of as many values as there are vector lanes, the lowest first.

    Latency is 0, interval a beat a cycle. ``o`` depends on ``i`` and a counter, ``i.ready`` on
    ``o.ready``.

    Parameters
    ----------
    parameters : AcceleratorParameters

    Members
    -------
    single : In(1)
        Give but the first beat of each word.
    i : In(stream.Signature(word_bits))
    o : Out(stream.Signature(32 x lanes))
    """

    def __init__(self, *, parameters: AcceleratorParameters) -> None:
        self.parameters = p = parameters
        super().__init__(
            {
                "single": In(1),
                "i": In(stream.Signature(p.word_bits)),
                "o": Out(stream.Signature(p.vector_width * VALUE_BITS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Select beats by a counter."""
        m = Module()
        count = self.parameters.vector_beats
        beat = Signal(range(count))
        beats = Array(self.i.payload.word_select(n, len(self.o.payload)) for n in range(count))
        last = advance(m, self.o.valid & self.o.ready & ~self.single, beat, count)
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(beats[beat]),
            self.i.ready.eq(self.o.ready & (last | self.single)),
        ]
        return m
