"""Parameters and model of the BFP matrix-multiply array with memories for its operands."""

import dataclasses
from typing import ClassVar

from ..checks import one_of, whole
from ..errors import UserError
from ..timing import Timing
from .array import ArrayParameters, matmul
from .shell_cycles import ShellJob, ShellRun
from .shell_cycles import run as run_job

__all__ = ["MOST_WORDS", "ArrayShellParameters", "matmul"]

MOST_WORDS = 1 << 15
"""Of an operand's memory."""

MOST_TILES = (1 << 16) - 1
"""Down a job."""

SHELL_LATENCY = 2
"""Cycles from a word's last beat to the word at the array: its memory, and the read register."""


def _powers(least: int, most: int) -> list[int]:
    return [1 << n for n in range(most.bit_length()) if least <= 1 << n <= most]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ArrayShellParameters(ArrayParameters):
    """Parameters of ``array_shell``, a ``bfp_array`` that is sent each operand once.

    A word is what the array takes of an operand in a cycle: `lanes` elements of each row of a tile,
    or column, and their exponents. A panel is the words of a tile's rows, or columns, in order;
    rows and columns that a matrix has not are zeros. An operand is panel after panel, the results
    are row after row of each tile, tiles by rows. A word, and a row of results, begins with a beat
    of the port, lowest bits first; its last beat is filled up with zeros. So all bytes of all beats
    count, and streams have no ``tkeep``. The model is `matmul`.

    Parameters
    ----------
    rows, columns, lanes, format, window, multiplier, target
        Of the array, see `ArrayParameters`.
    port_bits : int
        Bits of a beat of every stream, a power of two of 32..512.
    inputs : int
        Streams in: 2, of ``a`` and of ``b``, or 1, in which ``a`` follows ``b``.
    words_a : int
        Words of ``a`` that are held, a power of two of 2..32768: of a panel at least, of two that
        the next is loaded while the array works on one.
    words_b : int
        Words of ``b`` that are held, likewise: all panels of a job.
    """

    INPUTS: ClassVar = (1, 2)

    port_bits: int = 128
    inputs: int = 2
    words_a: int = 512
    words_b: int = 512

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        one_of("port_bits", self.port_bits, _powers(32, 512))
        one_of("inputs", self.inputs, self.INPUTS)
        for name in ("words_a", "words_b"):
            words = one_of(name, getattr(self, name), _powers(2, MOST_WORDS))
            if words < self.beats:
                raise UserError(f"{name} must hold a block of {self.beats} words, not {words}")

    @property
    def array(self) -> ArrayParameters:
        """The array's."""
        names = [field.name for field in dataclasses.fields(ArrayParameters)]
        return ArrayParameters(**{name: getattr(self, name) for name in names})

    def word_bits(self, side: int) -> int:
        """Bits of a word of ``side`` rows or columns."""
        return side * (self.lanes * self.format.element_bits + self.format.exponent_bits)

    @property
    def beats_a(self) -> int:
        """Beats of the port of a word of ``a``."""
        return -(-self.word_bits(self.rows) // self.port_bits)

    @property
    def beats_b(self) -> int:
        """Beats of the port of a word of ``b``."""
        return -(-self.word_bits(self.columns) // self.port_bits)

    @property
    def result_beats(self) -> int:
        """Beats of the port of a row of results."""
        return -(-32 * self.columns // self.port_bits)

    @property
    def most_blocks(self) -> int:
        """Blocks along the reduction that a job may have: those of a panel of ``a``."""
        return self.words_a // self.beats

    @property
    def most_blocks_b(self) -> int:
        """Blocks of all panels of ``b`` together that a job may have."""
        return self.words_b // self.beats

    def fits(self, m: int, n: int, k: int) -> bool:
        """Return whether an ``m`` x ``n`` x ``k`` product is a job; else it has to be cut."""
        blocks, across, down = self.blocks(k), -(-n // self.columns), -(-m // self.rows)
        held = blocks <= self.most_blocks and blocks * across <= self.most_blocks_b
        return held and down <= MOST_TILES

    def most_columns(self, k: int) -> int:
        """Return the most columns of a product that is a job; 0 if ``k`` is too long for any.

        A product of more columns is several jobs, each with all of ``a`` and some columns of ``b``.
        """
        blocks = self.blocks(whole("k", k, 1, 1 << 31))
        return self.columns * (self.most_blocks_b // blocks) if blocks <= self.most_blocks else 0

    def takes_any_order(self, m: int, n: int, k: int) -> bool:
        """Return whether both operands may come in any order, one even wholly before the other.

        Else no beat of ``b`` may wait for the end of ``a``, which the memory does not hold.
        """
        return self.inputs == 2 and self.blocks(k) * -(-m // self.rows) <= self.most_blocks

    @property
    def timing(self) -> Timing:
        """From the last beat of a word that ends a tile to the first beat of its results."""
        beats = self.rows * self.result_beats
        latency = self.array.timing.latency + SHELL_LATENCY
        return Timing(latency=latency, interval=beats, drain=beats - 1, fixed=False)

    def run(self, m: int, n: int, k: int) -> ShellRun:
        """Return the cycles of a product where nothing stalls, as `cycles`, and what they wait for.

        Raises `UserError` if it is no job.
        """
        for name, value in (("m", m), ("n", n), ("k", k)):
            whole(name, value, 1, 1 << 31)
        if not self.fits(m, n, k):
            raise UserError(
                f"a product of {m} x {n} x {k} must fit the memories of {self.words_a} and "
                f"{self.words_b} words, or be cut"
            )
        job = ShellJob(
            tile_rows=-(-m // self.rows),
            tile_columns=-(-n // self.columns),
            panel=self.blocks(k) * self.beats,
            rows=self.rows,
            spaced=self.beats < self.rows,
            latency=self.array.timing.latency,
            beats_a=self.beats_a,
            beats_b=self.beats_b,
            result_beats=self.result_beats,
            words_a=self.words_a,
            words_b=self.words_b,
            inputs=self.inputs,
        )
        return run_job(job)

    def cycles(self, m: int, n: int, k: int) -> int:
        """Cycles of an ``m`` x ``n`` x ``k`` product where nothing stalls.

        From the first beat of an operand to the last of the results, both counted, where the ports
        take and give a beat whenever the circuit does.
        """
        return self.run(m, n, k).cycles
