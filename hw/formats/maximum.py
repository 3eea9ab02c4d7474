"""The largest of several unsigned numbers."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.formats.stages import maximum_latency

from ..base.circuit import Circuit

__all__ = ["Maximum"]


class Maximum(Circuit):
    """Comparison tree that finds the largest of ``count`` unsigned numbers.

    Latency is `latency` enabled cycles, interval one; every level is registered.

    Parameters
    ----------
    count : int
        Numbers.
    width : int
        Bits of a number.

    Members
    -------
    en : In(1)
        Clock enable of every register.
    i : In(count * width)
        Numbers.
    o : Out(width)
        The largest.
    """

    def __init__(self, *, count: int, width: int) -> None:
        self.count = count
        self.width = width
        super().__init__({"en": In(1), "i": In(count * width), "o": Out(width)})

    @property
    def latency(self) -> int:
        """Enabled cycles from the numbers to the largest, one per level."""
        return maximum_latency(self.count)

    def elaborate(self, platform: Any) -> Module:
        """Build the tree, level by level."""
        m = Module()
        numbers = [self.i.word_select(n, self.width) for n in range(self.count)]
        level = 0
        while len(numbers) > 1:
            winners = []
            for n in range(0, len(numbers), 2):
                winner = Signal(self.width, name=f"winner_{level}_{n // 2}", reset_less=True)
                a, b = numbers[n], numbers[min(n + 1, len(numbers) - 1)]
                with m.If(self.en):
                    m.d.sync += winner.eq(Mux(a < b, b, a) if n + 1 < len(numbers) else a)
                winners.append(winner)
            numbers = winners
            level += 1
        m.d.comb += self.o.eq(numbers[0])
        return m
