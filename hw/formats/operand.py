"""Packets of numbers between units: floats, and the elements of a block format."""

from sw.formats import FLOAT_FORMATS, BlockFormat
from sw.formats.block_coding import ElementCoding, ScaleCoding
from sw.formats.coding import FloatCoding

from ..base.field import Field
from ..stream.packet import Packet

__all__ = ["float_packet", "operand_packet"]


def float_packet(source: str, lanes: int) -> Packet:
    """Return the packet of ``lanes`` floats, field ``value``, of a format by its name."""
    format = FLOAT_FORMATS[source]
    return Packet(
        Field(
            name="value",
            bits=format.width,
            count=lanes,
            description=f"{source} elements",
            coding=FloatCoding(format),
        ),
    )


def operand_packet(format: BlockFormat, lanes: int, vectors: int = 1, what: str = "") -> Packet:
    """Return the packet of ``lanes`` elements of each of some vectors, and their exponents.

    ``what`` names a vector, row or column, where a beat may hold several: ``mantissa`` then has the
    elements vector by vector, and ``exponent`` is an array too.
    """
    of = f" of each {what}, {what} by {what}" if what else ""
    whose = f"each {what}'s block" if what else "the block"
    return Packet(
        Field(
            name="mantissa",
            bits=format.element_bits,
            count=vectors * lanes,
            description=f"{lanes} elements{of}",
            coding=ElementCoding(format),
        ),
        Field(
            name="exponent",
            bits=format.exponent_bits,
            count=vectors if what else None,
            description=f"exponent code of {whose}, in each beat",
            coding=ScaleCoding(format),
        ),
    )
