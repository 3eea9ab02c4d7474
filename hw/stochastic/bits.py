"""Comparators of magnitudes with random words, and the shift registers behind them."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.stochastic.bits import BitSource

from ..base.circuit import Circuit
from .lfsr import Steps

__all__ = ["BitStreams"]


class BitStreams(Circuit):
    """Streams of random bits of some elements, ``parallel`` bits a cycle.

    In the cycle with the n-th ``en`` since reset, counted from 0, ``o`` holds the bits of the words
    from number ``n * parallel`` on, as `sw.stochastic.bits.BitSource` has them. Latency from
    ``magnitude`` is 0, interval one cycle; ``o`` depends on ``magnitude`` and on registers.

    Parameters
    ----------
    source : BitSource
        Source of the bits: elements, the width of their words, and the shift registers that these
        share.
    parallel : int
        Bits of each element in a cycle.

    Members
    -------
    en : In(1)
        Steps to the next words.
    magnitude : In(ArrayLayout(source.bits, source.elements))
        Magnitudes.
    o : Out(ArrayLayout(parallel, source.elements))
        Bits of each element, the first word's lowest.
    """

    def __init__(self, *, source: BitSource, parallel: int) -> None:
        self.source = source
        self.parallel = parallel
        super().__init__(
            {
                "en": In(1),
                "magnitude": In(data.ArrayLayout(source.bits, source.elements)),
                "o": Out(data.ArrayLayout(parallel, source.elements)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the shift registers, and a comparator for each bit."""
        m = Module()
        s = self.source
        states = [self._states(m, start, i) for i, start in enumerate(s.starts)]
        for element in range(s.elements):
            magnitude = self.magnitude[element]
            bits = []
            for state in states[element if s.share == "independent" else 0]:
                turns = element % len(state) if s.share == "rotated" else 0
                word = state.rotate_left(turns)[len(state) - s.bits :]
                bits.append(word <= magnitude if s.inclusive else word < magnitude)
            m.d.comb += self.o[element].eq(Cat(bits))
        return m

    def _states(self, m: Module, start: int, number: int) -> list[Signal]:
        """Return states ``leap`` steps from one to the next, all of which step together."""
        lfsr = self.source.lfsr
        states = []
        for i in range(self.parallel):
            init = lfsr.jump(start, i * lfsr.leap)
            state = Signal(lfsr.width, init=init, name=f"state_{number}_{i}")
            steps = Steps(lfsr=lfsr, stride=lfsr.leap * self.parallel)
            m.submodules[f"steps_{number}_{i}"] = steps
            m.d.comb += steps.i.eq(state)
            with m.If(self.en):
                m.d.sync += state.eq(steps.o)
            states.append(state)
        return states
