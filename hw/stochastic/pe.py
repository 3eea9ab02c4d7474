"""Processing element of the outer product: a counter of coincident bits."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit

__all__ = ["PE"]


def population(bits: Sequence[Value]) -> Value:
    """Return how many bits are set, by a tree of additions."""
    if len(bits) == 1:
        return bits[0]
    half = len(bits) // 2
    return population(bits[:half]) + population(bits[half:])


def increment(count: Value, bit: Value) -> Value:
    """Return ``count + bit`` for a bit that arrives late: it passes one gate besides the XOR."""
    return Cat(bit if n == 0 else bit & count[:n].all() for n in range(len(count))) ^ count


class PE(Circuit):
    """Counter of coincident bits of ``x`` and ``d``, for streams of two phases.

    At most one of the two phases has bits of ``d`` set in a cycle, so that one counter serves both.
    Latency and interval are one cycle.

    Parameters
    ----------
    count_bits, parallel : int
        Bits of the count, and of a stream in a cycle.

    Members
    -------
    x, d : In(ArrayLayout(parallel, 2))
        Bits of both phases' streams.
    first : In(1)
        Clears the accumulator: the count starts with this cycle's bits.
    count : Out(count_bits)
        Count up to the cycle before, from registers.
    """

    def __init__(self, *, count_bits: int, parallel: int) -> None:
        self.count_bits = count_bits
        self.parallel = parallel
        phases = data.ArrayLayout(parallel, 2)
        super().__init__(
            {"x": In(phases), "d": In(phases), "first": In(1), "count": Out(count_bits)}
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the AND of the streams and the counter behind it."""
        m = Module()
        common = Signal(data.ArrayLayout(self.parallel, 2))
        m.d.comb += common.eq(self.x.as_value() & self.d.as_value())
        either = common[0] | common[1]
        if self.parallel == 1:
            m.d.sync += self.count.eq(Mux(self.first, either, increment(self.count, either)))
        else:
            m.d.sync += self.count.eq(Mux(self.first, 0, self.count) + population(list(either)))
        return m
