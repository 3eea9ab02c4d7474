"""What a unit certainly takes of a device, by arithmetic: no tool has to run to say that it is not.

A lower bound: what it lets pass may still not fit, which synthesis tells.
"""

from sw.parameters import Parameters

from ..units import Unit
from .devices import Device
from .families import FAMILIES

__all__ = ["excess", "room"]


def excess(unit: Unit, parameters: Parameters, device: Device, *, registers: int = 0) -> str:
    """Return what a configuration stores beyond what a device can, empty if nothing.

    ``registers`` are more of them that stand around it.
    """
    stored = unit.stored(parameters)
    registers += stored.registers
    needs = (
        ("registers", registers, device.resources["FF"]),
        ("bits stored", registers + stored.memory, room(device)),
    )
    for what, least, most in needs:
        if least > most:
            return f"at least {least:,} {what}, of which {device.title} has room for {most:,}"
    return ""


def room(device: Device) -> int:
    """Return the bits that a device can store in all."""
    columns = FAMILIES[device.family].on(device).columns
    return sum(column.bits * (column.available or 0) for column in columns)
