"""Upload of a table of products, one entry a beat."""

from typing import Any

from amaranth.hdl import Module, Signal
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
    """Loader of a table: entries in the order of their addresses, the last one with ``last``.

    ``load`` starts it where ``idle``; otherwise nothing happens but ``refused``. ``loading`` ends
    with the last entry, or with an entry that has ``last`` before; the table is ``loaded``, from a
    cycle later on to the next load, if both come together, or else there is ``framing``. Latency is
    one cycle from an entry's handshake to its ``write``; interval is one cycle while ``loading``,
    and nothing is accepted otherwise. All outputs come from registers but the events.

    Parameters
    ----------
    bits : int
        As of `ProductTable`.

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
        """Count entries; write each a cycle after its handshake; decide at the last."""
        m = Module()
        place = Signal(2 * self.bits)
        accepted = Signal()
        final = Signal()
        whole = Signal()
        starts = Signal()
        entry, last = self.i_table.payload.data.entry, self.i_table.payload.last
        m.d.comb += [
            self.i_table.ready.eq(self.loading),
            accepted.eq(self.i_table.valid & self.loading),
            final.eq(place.all()),
            starts.eq(self.load & self.idle & ~self.loading),
            self.refused.eq(self.load & ~starts),
            self.framing.eq(accepted & (final ^ last)),
        ]
        m.d.comb += [
            self.address.eq(register(m, accepted, "write_place", 2 * self.bits, place)),
            self.entry.eq(register(m, accepted, "write_entry", self.bits + 1, entry)),
        ]
        m.d.sync += [self.write.eq(accepted), whole.eq(accepted & final & last)]
        with m.If(accepted):
            m.d.sync += place.eq(place + 1)
            with m.If(final | last):
                m.d.sync += self.loading.eq(0)
        with m.If(whole):
            m.d.sync += self.loaded.eq(1)
        with m.If(starts):
            m.d.sync += [self.loading.eq(1), self.loaded.eq(0), place.eq(0)]
        return m
