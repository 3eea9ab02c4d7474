"""Tokens: counters by which engines wait for one another."""

from functools import reduce
from operator import add, or_
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from sw.accelerator.instructions import TOKENS

from ..base.circuit import Circuit
from ..base.pipeline import delay

__all__ = ["TOKEN_BITS", "Tokens"]

TOKEN_BITS = 8
"""Of a counter of tokens."""


class Tokens(Circuit):
    """Counters of tokens, 0 after reset, that requesters give to and take from.

    A requester is granted when all tokens that it waits for are there; one of each is taken. One
    requester is granted in a cycle: of those that could be, the first of ``requesters``. Latency is
    a cycle from asking to the grant, and two from a token's being given; interval is two cycles
    from a grant to the next. ``granted`` and ``overflow`` depend on registers only.

    Parameters
    ----------
    requesters : tuple of str
        Names, the first to be served first.

    Members
    -------
    wait_<name> : In(16), waiting_<name> : In(1)
        Tokens asked for, none of which is granted too; held until that.
    granted_<name> : Out(1)
        Those asked for are taken in this cycle.
    signal_<name> : In(16)
        Tokens given in this cycle.
    overflow_<name> : Out(1)
        One that it gave in the cycle before was beyond the most that its counter holds; the counter
        is unknown then.
    """

    def __init__(self, *, requesters: tuple[str, ...]) -> None:
        self.requesters = requesters
        kinds = {
            "wait": In(TOKENS),
            "waiting": In(1),
            "granted": Out(1),
            "signal": In(TOKENS),
            "overflow": Out(1),
        }
        super().__init__({f"{kind}_{n}": way for n in requesters for kind, way in kinds.items()})

    def elaborate(self, platform: Any) -> Module:
        """Grant the first requester that finds its tokens, and count."""
        m = Module()
        counters = [Signal(TOKEN_BITS + 1, name=f"token_{t}") for t in range(TOKENS)]
        there, taken, full = (Signal(TOKENS, name=name) for name in ("there", "taken", "full"))
        m.d.comb += [
            there.eq(Cat(counter.any() for counter in counters)),
            full.eq(Cat(counter[-1] for counter in counters)),
        ]
        may = Signal(len(self.requesters))
        takes = []
        for n, name in enumerate(self.requesters):
            wait, granted = getattr(self, f"wait_{name}"), getattr(self, f"granted_{name}")
            could = getattr(self, f"waiting_{name}") & ~(wait & ~there).any()
            # What is taken in this cycle is still counted.
            m.d.sync += may[n].eq(could & ~may.any())
            m.d.comb += granted.eq(may[n] & ~may[:n].any())
            takes.append(Mux(granted, wait, 0))
        m.d.comb += taken.eq(reduce(or_, takes))
        signals = {name: getattr(self, f"signal_{name}") for name in self.requesters}
        for t, counter in enumerate(counters):
            given = reduce(add, (signal[t] for signal in signals.values()))
            m.d.sync += counter.eq(counter + given - taken[t])
        for name, signal in signals.items():
            gave = delay(m, 1, signal, 1, name=f"gave_{name}", reset=True)
            m.d.comb += getattr(self, f"overflow_{name}").eq((gave & full).any())
        return m
