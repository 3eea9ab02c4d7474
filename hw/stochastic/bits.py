"""The comparators of magnitudes with random words, and the shift registers behind them."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import In, Out

from sw.stochastic.bits import BitSource

from ..circuit import Circuit
from .lfsr import ShiftRegisters

__all__ = ["BitStreams"]


class BitStreams(Circuit):
    """Streams of random bits of some elements, ``parallel`` bits a cycle.

    In the cycle with the n-th ``en`` since reset, counted from 0, ``o`` holds the bits of the words
    from number ``n * parallel`` on, as `sw.stochastic.bits.BitSource` has them. ``o`` depends on
    ``magnitude`` and on registers.

    Parameters
    ----------
    source : BitSource
        Where the bits come from.
    parallel : int
        Bits of each element in a cycle.

    Members
    -------
    en : In(1)
        Go on to the next words.
    magnitude : In(source.elements * source.bits)
        Magnitudes, element 0 lowest.
    o : Out(source.elements * parallel)
        Bits, those of element 0 lowest, of which the first word's lowest.
    """

    def __init__(self, *, source: BitSource, parallel: int) -> None:
        self.source = source
        self.parallel = parallel
        super().__init__(
            {
                "en": In(1),
                "magnitude": In(source.elements * source.bits),
                "o": Out(source.elements * parallel),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        s = self.source
        width, lfsr = s.lfsr.width, s.lfsr
        m.submodules.registers = registers = ShiftRegisters(
            lfsr=lfsr,
            starts=tuple(
                lfsr.jump(start, i * lfsr.leap) for start in s.starts for i in range(self.parallel)
            ),
            stride=lfsr.leap * self.parallel,
        )
        m.d.comb += registers.en.eq(self.en)
        bits = []
        for element in range(s.elements):
            magnitude = self.magnitude.word_select(element, s.bits)
            first = element * self.parallel if s.share == "independent" else 0
            for i in range(first, first + self.parallel):
                state = registers.o.word_select(i, width)
                turned = state.rotate_left(element % width) if s.share == "rotated" else state
                word = turned[width - s.bits :]
                bits.append(word <= magnitude if s.inclusive else word < magnitude)
        m.d.comb += self.o.eq(Cat(bits))
        return m
