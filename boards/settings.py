"""What the circuit of the link is built for."""

import dataclasses
import re

from sw.checks import shown, whole
from sw.errors import UserError

__all__ = ["LinkSettings"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """The serial link of a board.

    A byte has a start bit, eight bits, and a stop bit.

    Parameters
    ----------
    board : str
        Name of the board.
    clock : int
        Frequency of the unit and of the link, Hz.
    baud : int
        Bits a second on the line; a bit takes four cycles of the clock or more.
    buffer : int
        Bytes that each channel holds, a power of two from 256 to 16384.
    """

    board: str
    clock: int
    baud: int
    buffer: int = 2048

    QUEUE = 8
    """Requests that the circuit keeps while it answers; a host leaves no more unanswered."""

    def __post_init__(self) -> None:
        """Check each."""
        if not isinstance(self.board, str) or not re.fullmatch(r"[\w.-]+", self.board):
            found = shown(self.board)
            raise UserError(f"board must be letters, digits, '.', '_' and '-', not {found}")
        whole("clock", self.clock, 1_000_000, 1_000_000_000)
        whole("baud", self.baud, 300, 100_000_000)
        if 4 * self.baud > self.clock:
            raise UserError(
                f"baud must be at most a quarter of the clock, {self.clock // 4:,}, "
                f"not {self.baud:,}"
            )
        whole("buffer", self.buffer, 256, 16384)
        if self.buffer & self.buffer - 1:
            raise UserError(f"buffer must be a power of two, not {self.buffer}")
