"""Parameters and model of the BFP matrix-multiply array with memories for its operands."""

import dataclasses
from typing import ClassVar

from ..core.shell import ShellParameters
from ..core.shell_cycles import TileMoves
from .array import ArrayParameters, matmul

__all__ = ["ArrayShellParameters", "matmul"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArrayShellParameters(ShellParameters, ArrayParameters):
    """Parameters of ``array_shell``, a ``bfp_array`` that is sent each operand once.

    A word is `lanes` elements of each row of a tile, or column, and their exponents. The model is
    `matmul`.

    Parameters
    ----------
    rows, columns, lanes, format, window, multiplier, target
        Of the array, see `ArrayParameters`.
    port_bits, inputs, words_a, words_b
        Of the ports and memories, see `ShellParameters`.
    """

    ARRAY: ClassVar = ArrayParameters

    @property
    def word_bits(self) -> tuple[int, int]:
        """Bits of a word of ``a``, and of ``b``."""
        bits = self.lanes * self.format.element_bits + self.format.exponent_bits
        return self.rows * bits, self.columns * bits

    @property
    def block_words(self) -> tuple[int, int]:
        """Words of a block."""
        return self.beats, self.beats

    def tile_size(self, modes: tuple[int, ...]) -> tuple[int, int]:
        """Return the rows and columns of a tile."""
        return self.rows, self.columns

    def depth(self, k: int) -> int:
        """Return the blocks of a panel of a reduction of ``k``."""
        return self.blocks(k)

    def moves(self, sizes: tuple[int, int, int], modes: tuple[int, ...]) -> TileMoves:
        """Return when the array takes words and gives rows, in a job of ``sizes``."""
        down, across, blocks = sizes
        return TileMoves(
            down,
            across,
            blocks * self.beats,
            spaced=self.beats < self.rows,
            results=self.rows,
            latency=self.array.timing.latency,
        )
