"""Registers of a unit: their description."""

import dataclasses
from typing import Any

from amaranth.hdl import ShapeLike

from ..base.field import Field, struct

__all__ = ["Register", "counter", "stall_registers", "word", "zero_set_register"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Register:
    """A 32-bit word of the register map, fields from bit 0 up.

    ``access`` is ``ro`` (the circuit drives it; with ``constant`` it is always ``reset``), ``rw``
    (held, ``reset`` after reset), ``wo`` (the bits written are seen by the circuit for one cycle,
    and read as 0) or ``w1c`` (both: the circuit drives what is read, and clears what is written as
    1, but in fields that are ``ro``). ``locked`` is when it takes no writes: while the unit is
    ``aborting``, or ``busy`` or that.
    """

    name: str
    access: str
    fields: tuple[Field, ...]
    description: str
    reset: int = 0
    constant: bool = False
    locked: str = ""

    @property
    def bits(self) -> int:
        """Bits in use."""
        return sum(field.width for field in self.fields)

    @property
    def shape(self) -> ShapeLike:
        """Bits of a register of a single field, else a struct of the fields."""
        return self.bits if len(self.fields) == 1 else struct(self.fields)


def word(name: str, access: str, bits: int, description: str, **options: Any) -> Register:
    """Return a register of a single field; ``options`` are further ones of `Register`."""
    field = Field(name=name, bits=bits, description=description)
    text = f"{description[0].upper()}{description[1:]}."
    return Register(name=name, access=access, fields=(field,), description=text, **options)


def counter(name: str, description: str) -> Register:
    """Return the register of a counter of 32 bits."""
    return word(name, "ro", 32, description)


def zero_set_register(of: str) -> Register:
    """Return the counter of the elements of blocks, or what ``of`` says, that became zero."""
    return counter(
        "zero_set", f"elements that are zero in a {of} that is not, set to zero by it or before"
    )


def stall_registers(awaited: str, given: str = "the output") -> tuple[Register, Register]:
    """Return the counters of the cycles in which an input, and an output, waits."""
    return (
        counter("input_stalls", f"cycles that waited for {awaited}"),
        counter("output_stalls", f"cycles that waited for {given} to be accepted"),
    )
