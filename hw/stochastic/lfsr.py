"""The shift registers of random words."""

import functools
import operator
from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from sw.stochastic.lfsr import Lfsr

from ..circuit import Circuit

__all__ = ["ShiftRegisters"]


class ShiftRegisters(Circuit):
    """Linear feedback shift registers that take ``stride`` steps at once, all together.

    After reset ``o`` holds ``starts``; each cycle with ``en`` brings the states that
    `sw.stochastic.lfsr.Lfsr` reaches ``stride`` steps later. ``o`` comes from registers.

    Parameters
    ----------
    lfsr : Lfsr
        Width and form.
    starts : tuple of int
        First state of each register.
    stride : int
        Steps.

    Members
    -------
    en : In(1)
        Step.
    o : Out(len(starts) * lfsr.width)
        States, the first register's lowest.
    """

    def __init__(self, *, lfsr: Lfsr, starts: tuple[int, ...], stride: int) -> None:
        self.lfsr = lfsr
        self.starts = starts
        self.stride = stride
        super().__init__({"en": In(1), "o": Out(len(starts) * lfsr.width)})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        width = self.lfsr.width
        images = self.lfsr.linear.power(self.stride % self.lfsr.period).tolist()
        states = []
        for i, start in enumerate(self.starts):
            state = Signal(width, name=f"state_{i}", init=start)
            sources = (
                [state[j] for j, image in enumerate(images) if image >> place & 1]
                for place in range(width)
            )
            with m.If(self.en):
                m.d.sync += state.eq(Cat(functools.reduce(operator.xor, bits) for bits in sources))
            states.append(state)
        m.d.comb += self.o.eq(Cat(states))
        return m
