"""Packets: what a stream carries, from which circuits, manifest and benches are made."""

from collections.abc import Mapping

from amaranth.lib import data, stream

from ..base.field import Field, struct

__all__ = ["Packet", "Parts"]


class Packet(data.StructLayout):
    """Payload of a stream: ``data``, a struct of the fields from bit 0 up, and ``last``.

    ``last`` marks the last beat of a packet, as ``tlast`` of AXI4-Stream.
    """

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        super().__init__({"data": struct(fields), "last": 1})

    def __hash__(self) -> int:
        """Return the hash of the fields, which decide on all."""
        return hash(self.fields)

    @property
    def bits(self) -> int:
        """Bits of ``data``."""
        return sum(field.width for field in self.fields)

    @property
    def bytes(self) -> int:
        """Bytes of ``data``, the last of which may be padded."""
        return -(-self.bits // 8)

    def repeated(self, count: int, text: str = "") -> "Packet":
        """Return ``count`` times as many of each field; ``text`` is added to descriptions."""
        return Packet(
            *(
                Field(
                    name=field.name,
                    bits=field.bits,
                    count=count * (1 if field.count is None else field.count),
                    description=field.description + text,
                    coding=field.coding,
                )
                for field in self.fields
            )
        )

    @property
    def signature(self) -> stream.Signature:
        """Signature of a stream of these."""
        return stream.Signature(self)


class Parts(Packet):
    """Beats of a port of fixed width, in which the beats of other packets come in parts.

    Each of these begins with a beat of the port, its lowest bits first, and is filled up with zeros
    to a whole number of them.

    Parameters
    ----------
    bits : int
        Of the port.
    carried : mapping of str to Packet
        What comes in parts, in the order in which it comes, by the names of its packets.
    """

    def __init__(self, bits: int, carried: Mapping[str, Packet]) -> None:
        super().__init__(Field(name="part", bits=bits, description="part of a beat that is cut"))
        self.carried = dict(carried)

    def beats(self, name: str) -> int:
        """Return the beats of the port that a beat of what is carried takes."""
        return -(-self.carried[name].bits // self.bits)
