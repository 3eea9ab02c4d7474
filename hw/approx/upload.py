"""Upload of a table of products, one entry a beat."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import In, Out

from ..base.circuit import Circuit
from ..base.field import Field
from ..base.pipeline import register
from ..engine.registers import Register, word
from ..stream.packet import Packet

__all__ = ["Upload", "table_packet", "table_registers"]

table_registers = (
    word(
        "load", "wo", 1, "takes a table from its stream, if nothing is under way", locked="aborting"
    ),
    Register(
        name="table",
        access="ro",
        fields=(
            Field(name="loading", bits=1, description="a table is taken"),
            Field(name="loaded", bits=1, description="a table was taken whole"),
        ),
        description="State of the table.",
    ),
)
"""The registers of a unit with a table: ``load`` and, from bit 0, ``loading`` and ``loaded``."""


def table_packet(bits: int) -> Packet:
    """Return what the table's stream carries."""
    return Packet(Field(name="entry", bits=bits + 1, description="carry and fraction"))


class Upload(Circuit):
    """Takes the entries of a table in the order of their addresses, the last with ``last``.

    ``load`` starts it where ``idle``; otherwise nothing happens but ``refused``. An entry a cycle
    is taken while ``loading``, none otherwise. ``loading`` ends with the last entry, or with an
    entry that has ``last`` before; the table is ``loaded``, from a cycle later on to the next load,
    if both came together, or else there is ``framing``. An entry is written a cycle after it is
    taken; while ``loaded`` none is. All outputs come from registers but the events.

    Parameters
    ----------
    bits : int
        Of a fraction; the table has ``4**bits`` entries.

    Members
    -------
    i_table : In(stream.Signature(...))
        Entries, ``bits + 1`` bits each.
    load : In(1)
        Command.
    idle : In(1)
        Nothing that uses the table is under way or begins in this cycle.
    loading, loaded : Out(1)
        State.
    refused, framing : Out(1)
        Events: a command was refused; the table ended early or had no end.
    write : Out(1), address : Out(2 * bits), entry : Out(bits + 1)
        Entry for `ProductTable`.
    """

    i_table: stream.Interface
    load: Signal
    idle: Signal
    loading: Signal
    loaded: Signal
    refused: Signal
    framing: Signal
    write: Signal
    address: Signal
    entry: Signal

    def __init__(self, *, bits: int) -> None:
        self.bits = bits
        super().__init__(
            {
                "i_table": In(table_packet(bits).signature),
                "load": In(1),
                "idle": In(1),
                "loading": Out(1),
                "loaded": Out(1),
                "refused": Out(1),
                "framing": Out(1),
                "write": Out(1),
                "address": Out(2 * bits),
                "entry": Out(bits + 1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """Build the circuit."""
        m = Module()
        place = Signal(2 * self.bits)
        take = Signal()
        final = Signal()
        whole = Signal()
        obey = Signal()
        entry, last = self.i_table.payload.data.entry, self.i_table.payload.last
        m.d.comb += [
            self.i_table.ready.eq(self.loading),
            take.eq(self.i_table.valid & self.loading),
            final.eq(place.all()),
            obey.eq(self.load & self.idle & ~self.loading),
            self.refused.eq(self.load & ~obey),
            self.framing.eq(take & (final ^ last)),
        ]
        m.d.comb += [
            self.address.eq(register(m, take, "taken_place", 2 * self.bits, place)),
            self.entry.eq(register(m, take, "taken_entry", self.bits + 1, entry)),
        ]
        m.d.sync += [self.write.eq(take), whole.eq(take & final & last)]
        with m.If(take):
            m.d.sync += place.eq(place + 1)
            with m.If(final | last):
                m.d.sync += self.loading.eq(0)
        with m.If(whole):
            m.d.sync += self.loaded.eq(1)
        with m.If(obey):
            m.d.sync += [self.loading.eq(1), self.loaded.eq(0), place.eq(0)]
        return m
