"""The shift register of random words."""

import functools
import operator
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from sw.stochastic.lfsr import Lfsr

from ..circuit import Circuit

__all__ = ["ShiftRegister"]


class ShiftRegister(Circuit):
    """Linear feedback shift register that takes ``stride`` steps at once.

    After reset ``o`` is ``start``; each cycle with ``en`` brings the state that
    `sw.stochastic.lfsr.Lfsr` reaches ``stride`` steps later. ``o`` comes from registers.

    Parameters
    ----------
    lfsr : Lfsr
        Width and form.
    start : int
        First state.
    stride : int
        Steps.

    Members
    -------
    en : In(1)
        Step.
    o : Out(lfsr.width)
        State.
    """

    def __init__(self, *, lfsr: Lfsr, start: int, stride: int) -> None:
        self.lfsr = lfsr
        self.start = start
        self.stride = stride
        super().__init__({"en": In(1), "o": Out(lfsr.width)})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        state = Signal(self.lfsr.width, init=self.start)
        images = self.lfsr.linear.power(self.stride % self.lfsr.period).tolist()
        sources = [
            [state[i] for i, image in enumerate(images) if image >> place & 1]
            for place in range(self.lfsr.width)
        ]
        with m.If(self.en):
            m.d.sync += state.eq(Cat(functools.reduce(operator.xor, bits) for bits in sources))
        m.d.comb += self.o.eq(state)
        return m
