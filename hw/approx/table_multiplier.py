"""Floating-point multipliers that share a loaded table."""

from typing import Any

from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import In, Out

from sw.approx.stages import SCALE_LATENCY
from sw.formats import FloatFormat

from ..base.circuit import Circuit
from .scale import Scale
from .table import ProductTable

__all__ = ["TableMultiplier"]


class TableMultiplier(Circuit):
    """Multiplier of floating-point values, or two, by a table of the products of fractions.

    ``o`` is what `sw.approx.product.multiply_bits` makes of ``a`` and ``b``, lane by lane, once the
    table is written. Latency is three enabled cycles; interval is one cycle, but nothing is
    multiplied while an entry is written.

    Parameters
    ----------
    bits : int
        Fraction bits that count.
    format : FloatFormat
        Format of operands and products.
    lanes : int
        1 or 2.

    Members
    -------
    en : In(1)
        Clock enable of every register but the table's.
    a, b : In(lanes * format.width)
        Operands; expected straight from registers.
    o : Out(lanes * format.width)
        Their products, `latency` enabled cycles later, from registers.
    write : In(1), address : In(2 * bits), entry : In(bits + 1)
        Entry to write, as in `ProductTable`.
    """

    latency = ProductTable.latency + SCALE_LATENCY

    def __init__(self, *, bits: int, format: FloatFormat, lanes: int) -> None:
        self.bits = bits
        self.format = format
        self.lanes = lanes
        word = lanes * format.width
        super().__init__(
            {
                "en": In(1),
                "a": In(word),
                "b": In(word),
                "o": Out(word),
                "write": In(1),
                "address": In(2 * bits),
                "entry": In(bits + 1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Scale each lane by the entry of its fractions."""
        m = Module()
        point, word = self.format.fraction_bits, self.format.width
        m.submodules.table = table = ProductTable(bits=self.bits)
        m.d.comb += [
            table.en.eq(self.en),
            table.write.eq(self.write),
            table.address.eq(self.address),
            table.entry.eq(self.entry),
        ]
        products = []
        for lane in range(self.lanes):
            scale = Scale(format=self.format, bits=self.bits, latency=table.latency)
            m.submodules[f"scale_{lane}"] = scale
            m.d.comb += [
                scale.en.eq(self.en),
                scale.a.eq(self.a.word_select(lane, word)),
                scale.b.eq(self.b.word_select(lane, word)),
                table.x[lane].eq(scale.a[point - self.bits : point]),
                table.y[lane].eq(scale.b[point - self.bits : point]),
                scale.code.eq(table.code[lane]),
            ]
            products.append(scale.o)
        m.d.comb += self.o.eq(Cat(products))
        return m
