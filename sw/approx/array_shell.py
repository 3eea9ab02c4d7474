"""Parameters and model of the array of approximate multipliers with memories for its operands."""

import dataclasses
from typing import ClassVar

from ..core.shell import ShellParameters
from ..core.shell_cycles import TileMoves
from .array import ApproxArrayParameters, matmul

__all__ = ["ApproxArrayShellParameters", "matmul"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ApproxArrayShellParameters(ShellParameters, ApproxArrayParameters):
    """Parameters of ``approx_array_shell``, an ``approx_array`` that is sent each operand once.

    A word of ``a`` is a value of every `interleave`-th row of a tile, one of ``b`` a value of each
    column. A block is a step of the reduction: `interleave` words of ``a``, and one of ``b``. A
    table of products comes on a stream of its own. The model is `matmul`.

    Parameters
    ----------
    rows, columns, interleave, multiplier, bits, format, target
        Of the array, see `ApproxArrayParameters`.
    port_bits, inputs, words_a, words_b
        Of the ports and memories, see `ShellParameters`.
    """

    ARRAY: ClassVar = ApproxArrayParameters

    words_a: int = 2048
    words_b: int = 4096

    @property
    def word_bits(self) -> tuple[int, int]:
        """Bits of a word of ``a``, and of ``b``."""
        return self.rows * self.format.width, self.columns * self.format.width

    @property
    def block_words(self) -> tuple[int, int]:
        """Words of a step of ``a``, and of ``b``."""
        return self.interleave, 1

    def tile_size(self, modes: tuple[int, ...]) -> tuple[int, int]:
        """Return the rows and columns of a tile."""
        return self.tile_rows, self.columns

    def depth(self, k: int) -> int:
        """Return the steps of a reduction of ``k``."""
        return k

    def moves(self, sizes: tuple[int, int, int], modes: tuple[int, ...]) -> TileMoves:
        """Return when the array takes words and gives rows, in a job of ``sizes``."""
        down, across, steps = sizes
        return TileMoves(
            down,
            across,
            steps * self.interleave,
            spaced=self.interleave < self.tile_rows,
            results=self.tile_rows,
            latency=self.array.timing.latency,
            ahead=self.interleave,
        )
