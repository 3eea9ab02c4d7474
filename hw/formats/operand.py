"""The stream of a block format's elements, between converters, dot products and arrays."""

from sw.formats import BlockFormat

from ..base.field import Field

__all__ = ["operand_fields"]


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
