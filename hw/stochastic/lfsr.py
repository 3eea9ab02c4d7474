"""Several steps of a linear feedback shift register at once."""

import functools
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.stochastic.lfsr import Lfsr

from ..base.circuit import Circuit

__all__ = ["Steps"]


class Steps(Circuit):
    """State of a linear feedback shift register ``stride`` steps later, combinational.

    Latency is 0 and interval one cycle. The parities that make it share common terms.

    Parameters
    ----------
    lfsr : Lfsr
        Width and form.
    stride : int
        Steps.

    Members
    -------
    i : In(lfsr.width)
        State.
    o : Out(lfsr.width)
        State that `sw.stochastic.lfsr.Lfsr` reaches.
    """

    def __init__(self, *, lfsr: Lfsr, stride: int) -> None:
        self.lfsr = lfsr
        self.stride = stride
        super().__init__({"i": In(lfsr.width), "o": Out(lfsr.width)})

    def elaborate(self, platform: Any) -> Module:
        """Build the parities, each of two others or of two bits."""
        m = Module()
        pairs, sums = _factor(self.lfsr, self.stride % self.lfsr.period)
        values: list[Value] = list(self.i)
        for number, (a, b) in enumerate(pairs):
            parity = Signal(name=f"parity_{number}")
            m.d.comb += parity.eq(values[a] ^ values[b])
            values.append(parity)
        m.d.comb += self.o.eq(Cat(values[n] for n in sums))
        return m


@functools.cache
def _factor(lfsr: Lfsr, steps: int) -> tuple[list[tuple[int, int]], list[int]]:
    """Return parities of pairs of values, and which values the bits of the next state are.

    The first values are the bits of the state, each parity is one more. The pair that most of the
    next bits share is factored first, of these the shallowest (C. Paar, "Optimized Arithmetic for
    Reed-Solomon Encoders", ISIT 1997).
    """
    # Row by row the values that a next bit is the parity of.
    terms = (lfsr.linear.power(steps) >> np.arange(lfsr.width)[:, None] & 1).astype(int)
    pairs: list[tuple[int, int]] = []
    depth = [0] * terms.shape[1]
    while (common := np.triu(terms.T @ terms, 1)).any():
        best = np.argwhere(common == common.max()).tolist()
        a, b = min(best, key=lambda pair: max(depth[n] for n in pair))
        shared = terms[:, a] & terms[:, b]
        terms[:, [a, b]] -= shared[:, None]
        terms = np.column_stack((terms, shared))
        depth.append(1 + max(depth[a], depth[b]))
        pairs.append((a, b))
    return pairs, terms.argmax(1).tolist()
