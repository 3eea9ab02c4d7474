"""Shapes of blocks: along one axis, square, or a box of a tensor's last axes."""

import dataclasses
import math
from typing import Any

from ..checks import shown
from ..errors import UserError

__all__ = ["MOST_BLOCK", "BlockShape"]

MOST_BLOCK, MOST_SIDE = 1 << 16, 1 << 10  # elements of a block or box, or of a square's side
MOST_AXES = 8


@dataclasses.dataclass(frozen=True)
class BlockShape:
    """The extents of a block.

    Parameters
    ----------
    sides : tuple of int
        ``(n,)``: n elements along the reduction; ``(b, b)``: a square tile of a matrix; else a box
        of a tensor's last axes, such as ``(1, 24, 3, 3)``, which no matrix product takes.
    """

    sides: tuple[int, ...]

    @classmethod
    def read(cls, block: Any) -> "BlockShape":
        """Read ``16``, ``"8x8"``, ``[16]`` or ``(8, 8)``; `UserError` for what is no block."""
        sides: Any = block
        if isinstance(block, str):
            sides = [int(s) if s.isdecimal() and len(s) < 6 else s for s in block.split("x")]
        elif isinstance(block, int):
            sides = [block]
        good = isinstance(sides, (list, tuple)) and 1 <= len(sides) <= MOST_AXES
        good = good and all(isinstance(s, int) and not isinstance(s, bool) for s in sides)
        good = good and all(s >= 1 for s in sides)
        square = good and cls(tuple(sides)).is_square
        good = good and math.prod(sides) <= (MOST_SIDE**2 if square else MOST_BLOCK)
        if not good:
            raise UserError(
                f"block must be a length (16), a square (8x8) or a box (1x24x3x3) of at most "
                f"{MOST_BLOCK} elements ({MOST_SIDE}x{MOST_SIDE} a square), not {shown(block)}"
            )
        return cls(tuple(sides))

    @property
    def elements(self) -> int:
        """Elements that share a scale."""
        return math.prod(self.sides)

    @property
    def is_square(self) -> bool:
        """Whether it is a square tile of a matrix."""
        return len(self.sides) == 2 and self.sides[0] == self.sides[1]

    @property
    def is_box(self) -> bool:
        """Whether it is neither along one axis nor square."""
        return len(self.sides) > 1 and not self.is_square

    @property
    def text(self) -> str:
        """The extents as `read` takes them, such as ``8x8``."""
        return "x".join(map(str, self.sides))
