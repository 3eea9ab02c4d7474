"""Parameters and jobs of the sparse array."""

import dataclasses
from typing import ClassVar

from ..checks import choice, flag, one_of, whole
from ..errors import UserError
from ..parameters import TARGETS, Parameters
from ..timing import Timing
from .load_balancer import PIECES, BalancerParameters
from .stages import COLLECT_LATENCY, LEAST_SPACING, pe_row_latency

__all__ = ["MODES", "Job", "SparseArrayParameters"]

MODES = ("sparse", "dense", "structured")
"""Masks and pointers; neither; masks with so many bits in each group, such as 2 of 4."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseArrayParameters(Parameters):
    """Parameters of ``sparse_array``.

    Parameters
    ----------
    lines : int
        Lines of elements, 1..64.
    columns : int
        Elements of a line, 1..64: columns of the dense operand that are multiplied at once.
    pieces : int
        Pieces of a line's tile, 1, 2 or 4, which the balancer moves between lines; 1 for none.
    mask_bits : int
        Bits of a mask's beat, a power of two, 4..64.
    fetch : int
        Values of a beat, 1 or 2, and how many of a row are stored in a cycle at most.
    entries : int
        Non-zeros that a line holds of a wave, a power of two, 8..4096.
    patch : int
        Rows of the dense operand that are held of a wave, a power of two, 8..4096.
    sums : int
        Sums that an element holds of a wave, a power of two, 8..1024.
    depth : int
        Dense places of a row at most, a power of two, ``mask_bits``..4096.
    positions : int
        Positions at most at which a row is applied, a power of two, 8..256.
    group : int
        Bits of a group of a structured mask, 4, 8 or 16, no more than ``mask_bits``.
    pointer_bits : int
        Bits of a pointer to a piece's first value, 8..32. Procrustes has 20.
    target : str
        Whose carry cells multipliers use, of `sw.parameters.TARGETS`.
    """

    PRESETS: ClassVar = {
        "small": {},
        "quarters": {"lines": 2, "columns": 2, "pieces": 4, "fetch": 2},
        "single": {"lines": 1, "columns": 1, "pieces": 1, "mask_bits": 4},
    }

    lines: int = 4
    columns: int = 4
    pieces: int = 2
    mask_bits: int = 32
    fetch: int = 1
    entries: int = 256
    patch: int = 256
    sums: int = 64
    depth: int = 256
    positions: int = 64
    group: int = 4
    pointer_bits: int = 20
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        whole("lines", self.lines, 1, 64)
        whole("columns", self.columns, 1, 64)
        one_of("pieces", self.pieces, PIECES)
        _power("mask_bits", self.mask_bits, 4, 64)
        whole("fetch", self.fetch, 1, 2)
        _power("entries", self.entries, 8, 4096)
        _power("patch", self.patch, 8, 4096)
        _power("sums", self.sums, 8, 1024)
        _power("depth", self.depth, self.mask_bits, 4096)
        _power("positions", self.positions, 8, 256)
        _power("group", self.group, 4, 16)
        if self.group > self.mask_bits:
            raise UserError(
                f"group must be no more than mask_bits, {self.mask_bits}, not {self.group}"
            )
        whole("pointer_bits", self.pointer_bits, 8, 32)
        choice("target", self.target, TARGETS)

    @property
    def slots(self) -> int:
        """Pieces of a wave."""
        return self.lines * self.pieces

    @property
    def timing(self) -> Timing:
        """Cycles of a pass with the fewest nonzeros, from the last of its activation tile.

        `sw.sparse.cycles` counts those of any.
        """
        applied = self.pieces * LEAST_SPACING
        latency = applied + pe_row_latency(self.target) + COLLECT_LATENCY + 4
        return Timing(latency=latency, interval=applied, drain=self.slots - 1, fixed=False)

    @property
    def balancer(self) -> BalancerParameters:
        """Parameters of the load balancer."""
        count_bits = min(self.pointer_bits, self.entries.bit_length())
        return BalancerParameters(
            lines=self.lines,
            pieces=self.pieces,
            pointer_bits=self.pointer_bits,
            count_bits=count_bits,
            wraps=True,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What the registers of the array tell it.

    A wave is a tile for each line: ``pieces`` of ``rows`` rows. A row is applied at ``positions``:
    place ``d`` of row ``r`` multiplies row ``shifts[r] + offsets[d] + bases[position]`` of the
    wave's patch. The sums of ``waves`` waves are added up and given.

    Parameters
    ----------
    rows : int
        Rows of a piece.
    depth : int
        Dense places of a row.
    positions : int
        Positions at which rows are applied.
    patch : int
        Rows of the dense operand of a wave.
    waves : int
        Waves that are added up.
    mode : str
        Of `MODES`.
    balanced : bool
        Whether pieces are moved between lines; in mode ``sparse`` alone.
    keep : int
        Bits set in each group of a structured mask.
    """

    rows: int = 1
    depth: int
    positions: int
    patch: int
    waves: int = 1
    mode: str = "sparse"
    balanced: bool = True
    keep: int = 2

    def check(self, p: SparseArrayParameters) -> None:
        """Raise `UserError` unless an array can do the job."""
        choice("mode", self.mode, MODES)
        flag("balanced", self.balanced)
        whole("positions", self.positions, 1, min(p.positions, p.sums // p.pieces))
        whole("rows", self.rows, 1, p.sums // (p.pieces * self.positions))
        whole("depth", self.depth, 1, p.depth)
        whole("patch", self.patch, 1, p.patch)
        whole("waves", self.waves, 1, 65_535)
        whole("keep", self.keep, 1, p.group)
        if self.mode == "structured" and self.depth % p.group:
            raise UserError(f"depth must be a multiple of group, {p.group}, not {self.depth}")

    @property
    def spacing(self) -> int:
        """Cycles of an entry: its positions, but no fewer than `LEAST_SPACING`."""
        return max(self.positions, LEAST_SPACING)

    def beats(self, p: SparseArrayParameters) -> int:
        """Return the beats of a row's mask."""
        return -(-self.depth // p.mask_bits)

    def given(self, p: SparseArrayParameters) -> int:
        """Return the sums of a column that are given at once."""
        return p.slots * self.rows * self.positions


def _power(field: str, value: object, low: int, high: int) -> None:
    """Check that ``value`` is a power of two in ``low..high``."""
    number = whole(field, value, low, high)
    if number & (number - 1):
        raise UserError(f"{field} must be a power of two, not {value}")
