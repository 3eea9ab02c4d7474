"""Delay of a row's operand in an array."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import delay

__all__ = ["RowDelay"]


class RowDelay(Circuit):
    """Delay of some cycles, as a module of its own.

    A chain of instances keeps the text of an array short, where a register a row and cycle would
    make it grow with the square of the rows. Latency is ``cycles`` enabled cycles, interval one;
    registers have no reset.

    Parameters
    ----------
    width : int
        Bits of the operand.
    cycles : int
        Enabled cycles of delay.

    Members
    -------
    en : In(1)
        Clock enable.
    i : In(width)
        Operand.
    o : Out(width)
        Operand of ``cycles`` enabled cycles before.
    """

    def __init__(self, *, width: int, cycles: int) -> None:
        self.width = width
        self.cycles = cycles
        super().__init__({"en": In(1), "i": In(width), "o": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        """Build a shift register."""
        m = Module()
        m.d.comb += self.o.eq(delay(m, self.en, self.i, self.cycles, name="stage"))
        return m
