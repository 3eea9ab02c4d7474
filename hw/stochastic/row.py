"""Rows of the outer product's elements."""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from .element import Element

__all__ = ["Row", "banks"]

BANK = 4


def banks(columns: int) -> list[range]:
    """Return the columns of each bank; one counts a cycle behind the other.

    The bits of ``d`` then drive no more than a bank's elements in a cycle.
    """
    return [range(n, min(n + BANK, columns)) for n in range(0, columns, BANK)]


class Row(Circuit):
    """Elements of a bank that share an element of ``d``.

    Parameters
    ----------
    columns : int
        Elements.
    count_bits, parallel : int
        As of `Element`.

    Members
    -------
    x : In(2 * parallel * columns)
        Bits of both phases' streams, column by column.
    d : In(2 * parallel)
        Bits of both phases' streams.
    select : In(1)
        Put out the counts, and count anew from this cycle's bits on.
    counts : Out(columns * count_bits)
        Counts if ``select``, else zeros.
    """

    x: Signal
    d: Signal
    select: Signal
    counts: Signal

    def __init__(self, *, columns: int, count_bits: int, parallel: int) -> None:
        self.columns = columns
        self.count_bits = count_bits
        self.parallel = parallel
        super().__init__(
            {
                "x": In(2 * parallel * columns),
                "d": In(2 * parallel),
                "select": In(1),
                "counts": Out(columns * count_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        counts = []
        for column in range(self.columns):
            element = Element(count_bits=self.count_bits, parallel=self.parallel)
            m.submodules[f"element_{column}"] = element
            m.d.comb += [
                element.x.eq(self.x.word_select(column, 2 * self.parallel)),
                element.d.eq(self.d),
                element.first.eq(self.select),
            ]
            counts.append(element.count)
        m.d.comb += self.counts.eq(Cat(counts) & self.select.replicate(len(self.counts)))
        return m
