"""A loadable table of the products of fractions, in block RAM."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from sw.approx.stages import TABLE_LATENCY

from ..base.circuit import Circuit
from ..base.memory import uninitialized_memory
from ..base.pipeline import register, wire

__all__ = ["ProductTable"]


class ProductTable(Circuit):
    """The products of all pairs of fractions, as of `sw.approx.table.Table`, for two lanes.

    The entry of ``x`` and ``y`` is at ``x << bits | y``. A cycle reads two entries, or writes one;
    what it then reads is unknown. Entries are unknown before they are written. A memory of two
    ports, the first of which also writes, so that block RAM of two ports holds the table once.

    Parameters
    ----------
    bits : int
        Of a fraction; the table has ``4**bits`` entries.

    Members
    -------
    en : In(1)
        Clock enable of the reading registers.
    x0, y0, x1, y1 : In(bits)
        Fractions of either lane.
    code0, code1 : Out(bits + 1)
        ``carry << bits | fraction`` of their product, `latency` enabled cycles later, from
        registers.
    write : In(1), address : In(2 * bits), entry : In(bits + 1)
        Entry to write.
    """

    en: Signal
    write: Signal
    address: Signal
    entry: Signal
    latency = TABLE_LATENCY

    def __init__(self, *, bits: int) -> None:
        self.bits = bits
        members: dict[str, Any] = {"en": In(1)}
        for lane in (0, 1):
            members |= {f"x{lane}": In(bits), f"y{lane}": In(bits), f"code{lane}": Out(bits + 1)}
        members |= {"write": In(1), "address": In(2 * bits), "entry": In(bits + 1)}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        """Build the memory: synthesis finds two ports where one address serves each.

        It must also see that no entry is read while one is written: what a block RAM gives then
        depends on its family. The second register is the slow memory's own, or lies beside it.
        """
        m = Module()
        entries = uninitialized_memory(shape=self.bits + 1, depth=4**self.bits)
        m.submodules.entries = entries
        places: list[Value] = [Cat(self.y0, self.x0), Cat(self.y1, self.x1)]
        places[0] = wire(m, "place", 2 * self.bits, Mux(self.write, self.address, places[0]))
        write = entries.write_port()
        m.d.comb += [
            write.addr.eq(places[0]),
            write.data.eq(self.entry),
            write.en.eq(self.write),
        ]
        for lane, place in enumerate(places):
            read = entries.read_port()
            m.d.comb += [
                read.addr.eq(place),
                read.en.eq(self.en & ~self.write),
                getattr(self, f"code{lane}").eq(
                    register(m, self.en, f"read_{lane}", self.bits + 1, read.data)
                ),
            ]
        return m
