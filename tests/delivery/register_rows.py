"""What the circuits say of their registers, a row a field, for what descriptions say of them."""

import functools
from typing import NamedTuple

from delivery.delivered import Delivered
from examples.own_unit.clip import UNIT as OWN_UNIT
from hw.units import UNITS, unit

__all__ = ["ALL", "Row", "delivered", "rows"]

OWN = "examples.own_unit.clip:UNIT"
ALL = (*UNITS, OWN)


class Row(NamedTuple):
    """A field: where it is, its access (``constant`` if nothing changes it), what it holds."""

    register: str
    address: int
    field: str
    low: int
    bits: int
    access: str
    reset: int


@functools.cache
def delivered(name: str) -> Delivered:
    """Return a unit in its smallest configuration; a user's own is called ``field``."""
    record = OWN_UNIT if name == OWN else UNITS[name]
    return Delivered(unit_name=name, parameters=record.small, name="field" if name == OWN else None)


def rows(name: str) -> list[Row]:
    """Return the fields of a unit's circuit, not as its manifest has them."""
    found = []
    for i, register in enumerate(unit(name).top(delivered(name).parameters).registers):
        low = 0
        for field in register.fields:
            access = "constant" if register.constant else field.access or register.access
            reset = register.reset >> low & (1 << field.bits) - 1
            found.append(Row(register.name, 4 * i, field.name, low, field.bits, access, reset))
            low += field.bits
    return found
