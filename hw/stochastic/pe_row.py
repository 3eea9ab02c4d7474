"""Rows of the outer product's processing elements, a bank of columns each."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from .pe import PE

__all__ = ["PERow"]


class PERow(Circuit):
    """Processing elements of a bank that share an element of ``d``.

    Latency and interval are those of `PE`; ``counts`` are registers behind a gate.

    Parameters
    ----------
    columns : int
        Processing elements.
    count_bits, parallel : int
        As of `PE`.

    Members
    -------
    x : In(ArrayLayout(ArrayLayout(parallel, 2), columns))
        Bits of both phases' streams, column by column.
    d : In(ArrayLayout(parallel, 2))
        Bits of both phases' streams.
    select : In(1)
        Puts out the counts, and clears them for this cycle's bits.
    counts : Out(ArrayLayout(count_bits, columns))
        Counts if ``select``, else zeros.
    """

    def __init__(self, *, columns: int, count_bits: int, parallel: int) -> None:
        self.columns = columns
        self.count_bits = count_bits
        self.parallel = parallel
        phases = data.ArrayLayout(parallel, 2)
        super().__init__(
            {
                "x": In(data.ArrayLayout(phases, columns)),
                "d": In(phases),
                "select": In(1),
                "counts": Out(data.ArrayLayout(count_bits, columns)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the processing elements and select their counts."""
        m = Module()
        for column in range(self.columns):
            pe = PE(count_bits=self.count_bits, parallel=self.parallel)
            m.submodules[f"pe_{column}"] = pe
            m.d.comb += [
                pe.x.eq(self.x[column]),
                pe.d.eq(self.d),
                pe.first.eq(self.select),
                self.counts[column].eq(pe.count & self.select.replicate(self.count_bits)),
            ]
        return m
