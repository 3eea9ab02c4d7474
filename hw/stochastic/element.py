"""An element of the outer product: it counts the bits in which both its vectors' bits are set."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["Element"]


def population(bits: Sequence[Value]) -> Value:
    """Return how many bits are set, by a tree of additions."""
    if len(bits) == 1:
        return bits[0]
    half = len(bits) // 2
    return population(bits[:half]) + population(bits[half:])


def increment(count: Value, bit: Value) -> Value:
    """Return a count that rises by a bit that comes late, one gate before the end."""
    return Cat(bit if n == 0 else bit & count[:n].all() for n in range(len(count))) ^ count


class Element(Circuit):
    """Counter of the bits that two streams have in common, for streams of two phases.

    Of the two phases one at most has bits of ``d`` set in a cycle, so that either is counted.

    Parameters
    ----------
    count_bits : int
        Bits of the count.
    parallel : int
        Bits of a stream in a cycle.

    Members
    -------
    x, d : In(2 * parallel)
        Bits of both phases' streams.
    first : In(1)
        Start at zero with this cycle's bits.
    count : Out(count_bits)
        Count up to the cycle before, from registers.
    """

    x: Signal
    d: Signal
    first: Signal
    count: Signal

    def __init__(self, *, count_bits: int, parallel: int) -> None:
        self.count_bits = count_bits
        self.parallel = parallel
        members = {"x": In(2 * parallel), "d": In(2 * parallel), "first": In(1)}
        super().__init__({**members, "count": Out(count_bits)})

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        common = Signal(2 * self.parallel)
        m.d.comb += common.eq(self.x & self.d)
        either = common[: self.parallel] | common[self.parallel :]
        if self.parallel == 1:
            m.d.sync += self.count.eq(Mux(self.first, either, increment(self.count, either)))
        else:
            m.d.sync += self.count.eq(Mux(self.first, 0, self.count) + population(list(either)))
        return m
