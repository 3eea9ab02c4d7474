"""Parameters of an array with memories for its operands, and the cycles of its jobs."""

import abc
import dataclasses
from typing import Any, ClassVar

from ..checks import one_of, whole
from ..errors import UserError
from ..parameters import Parameters
from ..timing import Timing
from .shell_cycles import ArrayMoves, ShellJob, ShellRun
from .shell_cycles import run as run_job

__all__ = ["MOST_WORDS", "SHELL_LATENCY", "ShellParameters"]

MOST_WORDS = 1 << 15
"""Of an operand's memory."""

MOST_TILES = (1 << 16) - 1
"""Down a job."""

MOST_SIZE = (1 << 63) - 1
"""Of a product, whether or not it is a job: the longest side of an array of NumPy."""

SHELL_LATENCY = 2
"""Cycles from a word's last beat to the word at the array: its memory, and the read register."""


def _powers(least: int, most: int) -> list[int]:
    return [1 << n for n in range(most.bit_length()) if least <= 1 << n <= most]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShellParameters(Parameters, abc.ABC):
    """Base of the parameters of an array that is sent each operand once; the first of its bases.

    A word is what the array takes of an operand in a cycle. A panel is the words of a tile's rows,
    or columns, in order; what a matrix has not is zeros. An operand is panel after panel, the
    results are row after row of each tile, tiles by rows. A word, and a row of results, begins with
    a beat of the port, lowest bits first; its last beat is filled up with zeros. So all bytes of
    all beats count, and these streams have no ``tkeep``.

    A product is told by ``m``, ``n`` and ``k``, and by the modes of both operands where the array
    has any.

    Parameters
    ----------
    port_bits : int
        Bits of a beat of the streams of operands and results, a power of two of 32..512.
    inputs : int
        Streams in: 2, of ``a`` and of ``b``, or 1, in which ``a`` follows ``b``.
    words_a : int
        Words of ``a`` that are held, a power of two of 2..32768: of a panel at least, of two that
        the next is loaded while the array works on one.
    words_b : int
        Words of ``b`` that are held, likewise: all panels of a job.
    """

    INPUTS: ClassVar = (1, 2)
    ARRAY: ClassVar[type[Any]]
    """Class of the array's parameters, which is another base."""
    MODES: ClassVar = 0
    """Modes of a product."""

    port_bits: int = 128
    inputs: int = 2
    words_a: int = 512
    words_b: int = 512

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        one_of("port_bits", self.port_bits, _powers(32, 512))
        one_of("inputs", self.inputs, self.INPUTS)
        for name, least in zip(("words_a", "words_b"), self.block_words, strict=True):
            words = one_of(name, getattr(self, name), _powers(2, MOST_WORDS))
            if words < least:
                raise UserError(f"{name} must hold a block of {least} words, not {words}")

    @property
    def array(self) -> Any:
        """The array's."""
        names = [field.name for field in dataclasses.fields(self.ARRAY)]
        return self.ARRAY(**{name: getattr(self, name) for name in names})

    @property
    @abc.abstractmethod
    def word_bits(self) -> tuple[int, int]:
        """Bits of a word of ``a``, and of ``b``."""

    @property
    @abc.abstractmethod
    def block_words(self) -> tuple[int, int]:
        """Words of a block of a panel of ``a``, and of ``b``: as many, or one."""

    @abc.abstractmethod
    def tile_size(self, modes: tuple[int, ...]) -> tuple[int, int]:
        """Return the rows and columns of a tile."""

    @abc.abstractmethod
    def depth(self, k: int) -> int:
        """Return the blocks of a panel of a reduction of ``k``."""

    @abc.abstractmethod
    def moves(self, sizes: tuple[int, int, int], modes: tuple[int, ...]) -> ArrayMoves:
        """Return when the array takes words and gives rows, in a job of ``sizes``."""

    @property
    def words_ratio(self) -> int:
        """Words of ``a`` to one of ``b``."""
        words_a, words_b = self.block_words
        return words_a // words_b

    @property
    def memory_bits(self) -> int:
        """Bits of all words that are held."""
        bits_a, bits_b = self.word_bits
        return self.words_a * bits_a + self.words_b * bits_b

    @property
    def beats_a(self) -> int:
        """Beats of the port of a word of ``a``."""
        return -(-self.word_bits[0] // self.port_bits)

    @property
    def beats_b(self) -> int:
        """Beats of the port of a word of ``b``."""
        return -(-self.word_bits[1] // self.port_bits)

    @property
    def result_beats(self) -> int:
        """Beats of the port of a row of results."""
        return -(-32 * self.array.columns // self.port_bits)

    @property
    def most_blocks(self) -> int:
        """Blocks along the reduction that a job may have: those of a panel of ``a``."""
        return self.words_a // self.block_words[0]

    @property
    def most_blocks_b(self) -> int:
        """Blocks of all panels of ``b`` together that a job may have."""
        return self.words_b // self.block_words[1]

    def _tile_size(self, modes: tuple[int, ...]) -> tuple[int, int]:
        if len(modes) != self.MODES:
            raise UserError(f"a product must have {self.MODES} modes, not {len(modes)}")
        return self.tile_size(modes)

    def sizes(self, m: int, n: int, k: int, *modes: int) -> tuple[int, int, int]:
        """Return the rows and columns of tiles of a product, and the blocks of their panels."""
        for name, value in (("m", m), ("n", n), ("k", k)):
            whole(name, value, 1, MOST_SIZE)
        rows, columns = self._tile_size(modes)
        return -(-m // rows), -(-n // columns), self.depth(k)

    def fits(self, m: int, n: int, k: int, *modes: int) -> bool:
        """Return whether an ``m`` x ``n`` x ``k`` product is a job; else it has to be cut."""
        return self.holds(*self.sizes(m, n, k, *modes))

    def holds(self, down: int, across: int, blocks: int) -> bool:
        """Return whether so many rows and columns of tiles, and blocks of a panel, are a job."""
        held = blocks <= self.most_blocks and blocks * across <= self.most_blocks_b
        return held and down <= MOST_TILES

    def most_columns(self, k: int, *modes: int) -> int:
        """Return the most columns of a product that is a job; 0 if ``k`` is too long for any.

        A product of more columns is several jobs, each with all of ``a`` and some columns of ``b``.
        """
        blocks = self.depth(whole("k", k, 1, MOST_SIZE))
        _, columns = self._tile_size(modes)
        return columns * (self.most_blocks_b // blocks) if blocks <= self.most_blocks else 0

    def takes_any_order(self, m: int, n: int, k: int, *modes: int) -> bool:
        """Return whether both operands may come in any order, one even wholly before the other.

        Else no beat of ``b`` may wait for the end of ``a``, which the memory does not hold.
        """
        down, _, blocks = self.sizes(m, n, k, *modes)
        return self.inputs == 2 and blocks * down <= self.most_blocks

    @property
    def timing(self) -> Timing:
        """From the last beat of a word that ends rows of a tile to the first beat of these."""
        of = self.array.timing
        return Timing(
            latency=of.latency + SHELL_LATENCY,
            interval=of.interval * self.result_beats,
            drain=(of.drain + 1) * self.result_beats - 1,
            fixed=False,
        )

    def run(self, m: int, n: int, k: int, *modes: int) -> ShellRun:
        """Return the cycles of a product where nothing stalls, as `cycles`, and what they wait for.

        Raises `UserError` if it is no job.
        """
        sizes = self.sizes(m, n, k, *modes)
        if not self.holds(*sizes):
            raise UserError(
                f"a product of {m} x {n} x {k} must fit the memories of {self.words_a} and "
                f"{self.words_b} words, or be cut"
            )
        job = ShellJob(
            panel_b=sizes[2] * self.block_words[1],
            beats_a=self.beats_a,
            beats_b=self.beats_b,
            result_beats=self.result_beats,
            words_a=self.words_a,
            words_b=self.words_b,
            inputs=self.inputs,
        )
        return run_job(job, self.moves(sizes, modes))

    def cycles(self, m: int, n: int, k: int, *modes: int) -> int:
        """Cycles of an ``m`` x ``n`` x ``k`` product where nothing stalls.

        From the first beat of an operand to the last of the results, both counted, where the ports
        take and give a beat whenever the circuit does.
        """
        return self.run(m, n, k, *modes).cycles
