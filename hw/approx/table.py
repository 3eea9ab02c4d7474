"""Loadable table of the products of fractions, in block RAM."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out

from sw.approx.stages import TABLE_LATENCY

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import register, wire

__all__ = ["ProductTable"]


class ProductTable(Circuit):
    """Table of the products of fractions, as of `sw.approx.table.Table`, for two lanes.

    The entry of ``x`` and ``y`` is at ``x << bits | y``. A cycle reads two entries, or writes one;
    what it then reads is unknown. Entries are unknown before they are written. A memory of two
    ports, the first of which also writes, so that block RAM of two ports holds the table once.
    Latency is two enabled cycles, interval one cycle.

    Parameters
    ----------
    bits : int
        Of a fraction; the table has ``4**bits`` entries.

    Members
    -------
    en : In(1)
        Clock enable of the reading registers.
    x, y : In(ArrayLayout(bits, 2))
        Fractions of either lane.
    code : Out(ArrayLayout(bits + 1, 2))
        ``carry << bits | fraction`` of their products, `latency` enabled cycles later, from
        registers.
    write : In(1), address : In(2 * bits), entry : In(bits + 1)
        Entry to write.
    """

    latency = TABLE_LATENCY

    def __init__(self, *, bits: int) -> None:
        self.bits = bits
        fractions = data.ArrayLayout(bits, 2)
        super().__init__(
            {
                "en": In(1),
                "x": In(fractions),
                "y": In(fractions),
                "code": Out(data.ArrayLayout(bits + 1, 2)),
                "write": In(1),
                "address": In(2 * bits),
                "entry": In(bits + 1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the memory: synthesis finds two ports where one address serves each.

        It must also see that no entry is read while one is written: what a block RAM gives then
        depends on its family. The second register is the slow memory's own, or lies beside it.
        """
        m = Module()
        entries = uninitialized_memory(shape=self.bits + 1, depth=4**self.bits)
        m.submodules.entries = entries
        places: list[Value] = [Cat(self.y[lane], self.x[lane]) for lane in (0, 1)]
        places[0] = wire(m, "place", 2 * self.bits, Mux(self.write, self.address, places[0]))
        write = entries.write_port()
        m.d.comb += [
            write.addr.eq(places[0]),
            write.data.eq(self.entry),
            write.en.eq(self.write),
        ]
        for lane, place in enumerate(places):
            read = entries.read_port()
            code = register(m, self.en, f"read_{lane}", self.bits + 1, read.data)
            m.d.comb += [
                read.addr.eq(place),
                read.en.eq(self.en & ~self.write),
                self.code[lane].eq(code),
            ]
        return m
