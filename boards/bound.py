"""What a unit and its link certainly take of a board, by arithmetic."""

from hw.flow.bound import excess
from hw.units import unit as find_unit
from sw.errors import UserError
from sw.parameters import Parameters

from .table import Board

__all__ = ["check_bound"]


def check_bound(board: Board, unit: str, parameters: Parameters) -> None:
    """Raise `UserError` for a unit that stores more than a board's device can."""
    where = find_unit(unit)
    # The link holds a beat of each stream that it feeds, but for one of a byte.
    streams = where.top(parameters).core.streams
    widths = [packet.bits for n, packet in streams.items() if n.startswith("i")]
    held = sum(bits for bits in widths if bits > 8)
    if lacking := excess(where, parameters, board.chip, registers=held):
        fields = where.sized(parameters)
        with_fields = f"with {fields} it" if fields else "it"
        raise UserError(f"{unit} does not fit {board.name}: {with_fields} takes {lacking}")
