"""Parameters and model of the array whose precision is switched, with memories for its operands."""

import dataclasses
from typing import ClassVar

from ..core.shell import ShellParameters
from ..core.shell_cycles import ArrayMoves
from .multimode_array import DIGITS, MODE_BITS, MultimodeParameters, matmul
from .pairs import mode_of

__all__ = ["MultimodeArrayShellParameters", "matmul"]


class _ModeMoves(ArrayMoves):
    """An array that always moves, and takes a block's last word when the adders are free.

    Parameters
    ----------
    block : int
        Words of a block.
    spacing : int
        Moves from one block's last word to the next one's, at least.
    """

    def __init__(self, *sizes: int, block: int, spacing: int, **facts: int) -> None:
        super().__init__(*sizes, **facts)
        self.block = block
        self.spacing = spacing
        self.wait = 0

    def offer(self, credit: bool, valid: bool) -> tuple[bool, bool, bool]:
        """Wait for credit, for a word, and for the adders."""
        active = self.row < self.tile_rows and credit
        ends = self.tile_end or self.word % self.block == self.block - 1
        accept = active and valid and not (ends and self.wait)
        if accept and ends:
            self.wait = self.spacing - 1
        elif credit and self.wait:
            self.wait -= 1
        return accept, credit, active and not valid

    @property
    def state(self) -> tuple[int, ...]:
        """Moves until the adders are free."""
        return (self.wait,)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MultimodeArrayShellParameters(  # pyright: ignore[reportIncompatibleMethodOverride]
    ShellParameters, MultimodeParameters
):
    """Parameters of ``multimode_array_shell``, a ``bfp_multimode_array`` sent each operand once.

    A word is `lanes` words of the array of each of its rows, or columns, with exponents and a mode,
    which is that of all words of a panel. Panels of an operand may have different modes. A block is
    a word. The model is `matmul`. `cycles` and `timing` are those of the shell; `job_cycles` and
    `mode_timing` the array's own.

    Parameters
    ----------
    rows, columns, lanes, family, target
        Of the array, see `MultimodeParameters`.
    port_bits, inputs, words_a, words_b
        Of the ports and memories, see `ShellParameters`.
    """

    ARRAY: ClassVar = MultimodeParameters
    MODES: ClassVar = 2

    words_b: int = 1024

    @property
    def word_bits(self) -> tuple[int, int]:
        """Bits of a word of ``a``, and of ``b``."""
        line = self.lanes * self.packed_bits + DIGITS * self.formats[0].exponent_bits
        return self.rows * line + MODE_BITS, self.columns * line + MODE_BITS

    @property
    def block_words(self) -> tuple[int, int]:
        """Words of a step of the reduction."""
        return 1, 1

    def tile_size(self, modes: tuple[int, ...]) -> tuple[int, int]:
        """Return the rows and columns of a tile whose operands have these modes."""
        mode_a, mode_b = (mode_of(f"mode {each}", m) for each, m in zip("ab", modes, strict=True))
        return self.tile(mode_a, mode_b)

    def depth(self, k: int) -> int:
        """Return the words of a panel of a reduction of ``k``."""
        return self.beats(k)

    def moves(self, sizes: tuple[int, int, int], modes: tuple[int, ...]) -> ArrayMoves:
        """Return when the array takes words and gives rows, in a job of ``sizes``."""
        mode_a, mode_b = modes
        timing = self.mode_timing(mode_a, mode_b)
        return _ModeMoves(
            *sizes,
            block=self.formats[max(modes)].reduction // self.lanes,
            spacing=timing.interval,
            results=timing.drain + 1,
            latency=timing.latency,
        )
