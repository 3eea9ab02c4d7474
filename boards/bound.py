"""What a unit certainly takes of a board, by arithmetic: no tool has to run to say that it is not.

A lower bound: what it lets pass may still not fit, which synthesis tells.
"""

from hw.units import unit as find_unit
from sw.errors import UserError
from sw.parameters import Parameters

from .table import Board

__all__ = ["check_bound", "room"]

_WORDS = {"DP16KD": 18 << 10, "SB_RAM40": 4 << 10, "BSRAM": 18 << 10, "RAMB36": 36 << 10}
"""Bits of a block of memory."""

_TABLES = {"LUT4 equivalents": 16, "LUT4": 16, "LUT": 64}
"""Bits of a look-up table that serves as memory."""


def check_bound(board: Board, unit: str, parameters: Parameters) -> None:
    """Raise `UserError` for a unit that stores more than a board's device can."""
    where = find_unit(unit)
    stored = where.stored(parameters)
    # The link holds a beat of each stream that it feeds, but for one of a byte.
    streams = where.top(parameters).core.streams
    widths = [packet.bits for n, packet in streams.items() if n.startswith("i")]
    registers = stored.registers + sum(bits for bits in widths if bits > 8)
    fields = where.sized(parameters)
    needs = (
        ("registers", registers, board.capacity["FF"]),
        ("bits stored", registers + stored.memory, room(board)),
    )
    for what, least, most in needs:
        if least > most:
            with_fields = f"with {fields} it" if fields else "it"
            raise UserError(
                f"{unit} does not fit {board.name}: {with_fields} takes at least {least:,} {what}, "
                f"of which {board.device} has room for {most:,}"
            )


def room(board: Board) -> int:
    """Return the bits that a device can store in all."""
    known = {"FF": 1, **_WORDS, **_TABLES}
    return sum(known.get(title, 0) * number for title, number in board.capacity.items())
