"""Named, described bits: of a stream's payload or of a register."""

import dataclasses
from collections.abc import Iterable

from amaranth.lib import data

from sw.formats.coding import Coding

__all__ = ["Field", "struct"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
    """A value of ``bits``, or an array of ``count`` of them, the first one lowest.

    ``access`` is that of a register's field which has another than the register.
    ``coding`` is what its codes mean; without, they are integers without a sign.
    """

    name: str
    bits: int
    description: str
    count: int | None = None
    access: str = ""
    coding: Coding | None = None

    @property
    def width(self) -> int:
        """Bits of all."""
        return self.bits * (1 if self.count is None else self.count)


def struct(fields: Iterable[Field]) -> data.StructLayout:
    """Return fields from bit 0 up."""
    return data.StructLayout(
        {
            field.name: field.bits
            if field.count is None
            else data.ArrayLayout(field.bits, field.count)
            for field in fields
        }
    )
