"""Priority encoder of the first one of a mask, and what its one-hot result selects."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Value
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.pipeline import wire

__all__ = ["FirstOne", "one_hot_index", "one_hot_select"]


class FirstOne(Circuit):
    """Lowest one of a mask, alone, and the mask without it.

    Latency is 0, interval one cycle: it is combinational.

    Parameters
    ----------
    width : int
        Bits of the mask.
    chain : bool
        Whether to find it by a decrement, small on a carry chain; otherwise by a prefix network,
        which is faster at the widths of a block.

    Members
    -------
    i : In(width)
        Mask.
    one : Out(width)
        Its lowest one, one-hot; 0 if there is none.
    rest : Out(width)
        The other ones.
    """

    i: Value
    one: Value
    rest: Value

    def __init__(self, *, width: int, chain: bool = False) -> None:
        self.width = width
        self.chain = chain
        super().__init__({"i": In(width), "one": Out(width), "rest": Out(width)})

    def elaborate(self, platform: Any) -> Module:
        """Mark the bits above a one."""
        m = Module()
        if self.chain:
            m.d.comb += [
                self.rest.eq(self.i & (self.i - 1)),
                self.one.eq(self.i & ~self.rest),
            ]
            return m
        below = wire(m, "below_1", self.width, self.i << 1)
        span = 1
        while span < self.width - 1:
            span *= 2
            below = wire(m, f"below_{span}", self.width, below | below << span // 2)
        m.d.comb += [self.one.eq(self.i & ~below), self.rest.eq(self.i & below)]
        return m


def one_hot_select(one: Value, words: Sequence[Value]) -> Value:
    """Return the word whose bit in ``one`` is set; 0 if none is."""
    terms = [word & bit.replicate(len(word)) for word, bit in zip(words, one, strict=True)]
    while len(terms) > 1:
        pairs = [a | b for a, b in zip(terms[::2], terms[1::2], strict=False)]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]


def one_hot_index(one: Value) -> Value:
    """Return the number of the only bit in ``one`` that is set; 0 if none is."""
    bits = max(1, (len(one) - 1).bit_length())
    return Cat(Cat(one[n] for n in range(len(one)) if n >> i & 1).any() for i in range(bits))
