"""What a configuration is known to take before anything of it is made, and what is too large."""

import dataclasses
from collections.abc import Mapping

from sw.errors import UserError
from sw.parameters import Parameters

from ..stream.packet import Packet

__all__ = [
    "MOST_BITS",
    "MOST_INSIDE",
    "SIZES",
    "WIDE",
    "check_inside",
    "check_streams",
    "sizes",
    "warnings",
]

MOST_BITS = 48 << 10
"""Of a beat of all streams of one direction together: Amaranth numbers a module's bits by 16."""

MOST_INSIDE = 128 << 10
"""Registers that carry one operand inside of a module: with more it takes many minutes to emit."""

WIDE = 4096
"""Bits of a beat that AXI4-Stream interconnects, width converters and DMA engines still take."""

SIZES = ("rows", "columns", "lanes", "lines", "parallel", "elements", "words")
"""Fields to which a unit's size is about proportional, where it has them."""


def sizes(parameters: Parameters) -> dict[str, int]:
    """Return those of `SIZES` that a unit has."""
    known = {field.name for field in dataclasses.fields(parameters)}
    return {name: getattr(parameters, name) for name in SIZES if name in known}


def check_streams(parameters: Parameters, streams: Mapping[str, Packet]) -> None:
    """Raise `UserError` if beats are wider than a circuit can take or give.

    ``streams`` are those of a core, as `hw.engine.core.Core` takes them.
    """
    for side, text in (("i", "streams in"), ("o", "the stream out")):
        bits = sum(packet.bits for name, packet in streams.items() if name[0] == side)
        if bits > MOST_BITS:
            raise UserError(
                f"{text} may have at most {MOST_BITS:,} bits of tdata in a cycle, not {bits:,} "
                f"as with {_told(parameters)}"
            )


def check_inside(parameters: Parameters, what: str, bits: int) -> None:
    """Raise `UserError` if ``what`` is carried by more registers than a module is emitted with."""
    if bits > MOST_INSIDE:
        raise UserError(
            f"{what} may take at most {MOST_INSIDE:,} registers, not {bits:,} as with "
            f"{_told(parameters)}"
        )


def _told(parameters: Parameters) -> str:
    return ", ".join(f"{name}={value}" for name, value in sizes(parameters).items())


def warnings(streams: Mapping[str, Packet]) -> list[str]:
    """Return a line for each stream, by its AXI name, that is wider than common IP takes."""
    return [
        f"{name}_tdata has {bits:,} bits: few interconnects, width converters and DMA engines "
        f"take more than {WIDE:,}"
        for name, packet in streams.items()
        if (bits := 8 * packet.bytes) > WIDE
    ]
