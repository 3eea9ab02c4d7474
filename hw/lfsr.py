"""The circuit of every random bit."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from sw.lfsr import lane_seeds

from .circuit import Circuit

__all__ = ["Xorshift"]


class Xorshift(Circuit):
    """Marsaglia's 32-bit xorshift generators, one per lane.

    After reset ``o`` holds the first words of `sw.lfsr.random_words`; each cycle with ``en`` brings
    the next ones. ``o`` comes from registers.

    Parameters
    ----------
    lanes : int
        Generators.
    seed : int
        Seed from which `sw.lfsr.lane_seeds` derives those of the lanes.
    bits : int
        Bits of a word, 1..32.

    Members
    -------
    en : In(1)
        Step.
    o : Out(lanes * bits)
        Words, lane 0 lowest.
    """

    en: Signal
    o: Signal

    def __init__(self, *, lanes: int, seed: int, bits: int) -> None:
        self.lanes = lanes
        self.seed = seed
        self.bits = bits
        super().__init__({"en": In(1), "o": Out(lanes * bits)})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        words = []
        for lane, seed in enumerate(lane_seeds(self.seed, self.lanes)):
            state = Signal(32, init=seed, name=f"state_{lane}")
            x = state ^ (state << 13)[:32]
            x = x ^ (x >> 17)
            x = x ^ (x << 5)[:32]
            with m.If(self.en):
                m.d.sync += state.eq(x)
            words.append(state[32 - self.bits :])
        m.d.comb += self.o.eq(Cat(words))
        return m
