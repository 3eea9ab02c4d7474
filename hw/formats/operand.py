"""Packets of numbers between units: floats, and the elements of a block format."""

import dataclasses

from sw.formats import FLOAT_FORMATS, BlockFormat

from ..base.field import Field
from ..stream.packet import Packet

__all__ = ["float_packet", "operand_fields", "operand_packet"]


def float_packet(source: str, lanes: int) -> Packet:
    """Return the packet of ``lanes`` floats, field ``value``, of a format by its name."""
    bits = FLOAT_FORMATS[source].width
    return Packet(
        Field(name="value", bits=bits, count=lanes, description=f"{source} elements"),
    )


def operand_packet(format: BlockFormat, lanes: int) -> Packet:
    """Return the packet of ``lanes`` elements of a vector and their exponent."""
    mantissa, exponent = operand_fields(format, lanes)
    return Packet(mantissa, dataclasses.replace(exponent, count=None))


def operand_fields(
    format: BlockFormat, lanes: int, vectors: int = 1, what: str = ""
) -> tuple[Field, ...]:
    """Return the fields of a beat: ``lanes`` elements of each of ``vectors``, then their exponents.

    ``what`` names a vector where a beat holds several: row or column.
    """
    of = f" of each {what}, {what} by {what}" if what else ""
    whose = f"{what}'s block" if what else "block"
    return (
        Field(
            name="mantissa",
            bits=format.element_bits,
            count=vectors * lanes,
            description=f"{lanes} elements{of}",
        ),
        Field(
            name="exponent",
            bits=format.exponent_bits,
            count=vectors,
            description=f"exponent code of {'each ' if what else 'the '}{whose}, in each beat",
        ),
    )
