"""What a configuration is known to take before anything of it is made, and what is too large."""

from collections.abc import Mapping

from sw.errors import UserError

from ..stream.packet import Packet

__all__ = [
    "MOST_BITS",
    "MOST_INSIDE",
    "WIDE",
    "TooLargeError",
    "check_inside",
    "check_streams",
    "warnings",
]

MOST_BITS = 48 << 10
"""Of a beat of all streams of one direction together: Amaranth numbers a module's bits by 16."""

MOST_INSIDE = 128 << 10
"""Registers that carry one operand inside of a module: with more it takes many minutes to emit."""

WIDE = 4096
"""Bits of a beat that AXI4-Stream interconnects, width converters and DMA engines still take."""


class TooLargeError(UserError):
    """A core larger than a circuit can be; whose fields are at fault the unit's record knows."""


def check_streams(streams: Mapping[str, Packet]) -> None:
    """Raise `TooLargeError` if beats are wider than a circuit can take or give.

    ``streams`` are those of a core, as `hw.engine.core.Core` takes them.
    """
    for side, text in (("i", "streams in"), ("o", "the stream out")):
        bits = sum(packet.bits for name, packet in streams.items() if name[0] == side)
        if bits > MOST_BITS:
            raise TooLargeError(
                f"{text} may have at most {MOST_BITS:,} bits of tdata in a cycle, not {bits:,}"
            )


def check_inside(what: str, bits: int) -> None:
    """Raise `TooLargeError` if ``what`` takes more registers than a module is emitted with."""
    if bits > MOST_INSIDE:
        raise TooLargeError(f"{what} may take at most {MOST_INSIDE:,} registers, not {bits:,}")


def warnings(streams: Mapping[str, Packet]) -> list[str]:
    """Return a line for each stream, by its AXI name, that is wider than common IP takes."""
    return [
        f"{name}_tdata has {bits:,} bits: few interconnects, width converters and DMA engines "
        f"take more than {WIDE:,}"
        for name, packet in streams.items()
        if (bits := 8 * packet.bytes) > WIDE
    ]
