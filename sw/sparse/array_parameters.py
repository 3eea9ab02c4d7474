"""Parameters and jobs of the sparse array."""

import dataclasses
from typing import ClassVar

from ..checks import choice, flag, one_of, whole
from ..errors import UserError
from ..parameters import TARGETS, Parameters
from ..timing import Timing
from .load_balancer import SUBTILES, BalancerParameters
from .stages import COLLECT_LATENCY, LEAST_SPACING, pe_row_latency

__all__ = ["MODES", "Job", "SparseArrayParameters"]

MODES = ("sparse", "dense", "structured")
"""Masks and pointers; neither; masks with so many bits in each group, such as 2 of 4."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SparseArrayParameters(Parameters):
    """Parameters of ``sparse_array``.

    Parameters
    ----------
    pe_rows : int
        Rows of processing elements (PEs), 1..64.
    columns : int
        PEs of a row, 1..64: columns of the dense operand that are multiplied at once.
    subtiles : int
        Sub-tiles of a PE row's tile, 1, 2 or 4, which the balancer moves between PE rows; 1 for
        none.
    mask_bits : int
        Bits of a mask's beat, a power of two, 4..64.
    issue_width : int
        Values of a beat, 1 or 2, and how many of a row are stored in a cycle at most.
    nonzeros : int
        Non-zeros that a PE row holds of a pass, a power of two, 8..4096.
    patch : int
        Rows of the dense operand that are held of a pass, a power of two, 8..4096.
    sums : int
        Sums that a PE holds of a pass, a power of two, 8..1024.
    depth : int
        Dense places of a row at most, a power of two, ``mask_bits``..4096.
    pixels : int
        Output pixels at most at which a row is applied, a power of two, 8..256.
    group : int
        Bits of a group of a structured mask, 4, 8 or 16, no more than ``mask_bits``.
    pointer_bits : int
        Bits of a pointer to a sub-tile's first value, 8..32. Procrustes has 20.
    target : str
        Whose carry cells multipliers use, of `sw.parameters.TARGETS`.
    """

    PRESETS: ClassVar = {
        "small": {},
        "quarters": {"pe_rows": 2, "columns": 2, "subtiles": 4, "issue_width": 2},
        "single": {"pe_rows": 1, "columns": 1, "subtiles": 1, "mask_bits": 4},
    }

    pe_rows: int = 4
    columns: int = 4
    subtiles: int = 2
    mask_bits: int = 32
    issue_width: int = 1
    nonzeros: int = 256
    patch: int = 256
    sums: int = 64
    depth: int = 256
    pixels: int = 64
    group: int = 4
    pointer_bits: int = 20
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        whole("pe_rows", self.pe_rows, 1, 64)
        whole("columns", self.columns, 1, 64)
        one_of("subtiles", self.subtiles, SUBTILES)
        _power("mask_bits", self.mask_bits, 4, 64)
        whole("issue_width", self.issue_width, 1, 2)
        _power("nonzeros", self.nonzeros, 8, 4096)
        _power("patch", self.patch, 8, 4096)
        _power("sums", self.sums, 8, 1024)
        _power("depth", self.depth, self.mask_bits, 4096)
        _power("pixels", self.pixels, 8, 256)
        _power("group", self.group, 4, 16)
        if self.group > self.mask_bits:
            raise UserError(
                f"group must be no more than mask_bits, {self.mask_bits}, not {self.group}"
            )
        whole("pointer_bits", self.pointer_bits, 8, 32)
        choice("target", self.target, TARGETS)

    @property
    def pass_subtiles(self) -> int:
        """Sub-tiles of a pass."""
        return self.pe_rows * self.subtiles

    @property
    def timing(self) -> Timing:
        """Cycles of a pass with the fewest nonzeros, from the last of its activation tile.

        `sw.sparse.cycles` counts those of any.
        """
        applied = self.subtiles * LEAST_SPACING
        latency = applied + pe_row_latency(self.target) + COLLECT_LATENCY + 4
        return Timing(latency=latency, interval=applied, drain=self.pass_subtiles - 1, fixed=False)

    @property
    def balancer(self) -> BalancerParameters:
        """Parameters of the load balancer."""
        count_bits = min(self.pointer_bits, self.nonzeros.bit_length())
        return BalancerParameters(
            pe_rows=self.pe_rows,
            subtiles=self.subtiles,
            pointer_bits=self.pointer_bits,
            count_bits=count_bits,
            wraps=True,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What the registers of the array tell it.

    A pass is a tile for each PE row: ``subtiles`` of ``rows`` rows. A row is applied at ``pixels``:
    place ``d`` of row ``r`` multiplies row ``shifts[r] + offsets[d] + bases[position]`` of the
    pass's patch. The sums of ``passes`` passes are added up and given.

    Parameters
    ----------
    rows : int
        Rows of a subtile.
    depth : int
        Dense places of a row.
    pixels : int
        Positions at which rows are applied.
    patch : int
        Rows of the dense operand of a pass.
    passes : int
        Passes that are added up.
    mode : str
        Of `MODES`.
    balanced : bool
        Whether sub-tiles are moved between PE rows; in mode ``sparse`` alone.
    keep : int
        Bits set in each group of a structured mask.
    """

    rows: int = 1
    depth: int
    pixels: int
    patch: int
    passes: int = 1
    mode: str = "sparse"
    balanced: bool = True
    keep: int = 2

    def check(self, p: SparseArrayParameters) -> None:
        """Raise `UserError` unless an array can do the job."""
        choice("mode", self.mode, MODES)
        flag("balanced", self.balanced)
        whole("pixels", self.pixels, 1, min(p.pixels, p.sums // p.subtiles))
        whole("rows", self.rows, 1, p.sums // (p.subtiles * self.pixels))
        whole("depth", self.depth, 1, p.depth)
        whole("patch", self.patch, 1, p.patch)
        whole("passes", self.passes, 1, 65_535)
        whole("keep", self.keep, 1, p.group)
        if self.mode == "structured" and self.depth % p.group:
            raise UserError(f"depth must be a multiple of group, {p.group}, not {self.depth}")

    @property
    def spacing(self) -> int:
        """Cycles of a nonzero: its pixels, but no fewer than `LEAST_SPACING`."""
        return max(self.pixels, LEAST_SPACING)

    def beats(self, p: SparseArrayParameters) -> int:
        """Return the beats of a row's mask."""
        return -(-self.depth // p.mask_bits)

    def given(self, p: SparseArrayParameters) -> int:
        """Return the sums of a column that are given at once."""
        return p.pass_subtiles * self.rows * self.pixels


def _power(field: str, value: object, low: int, high: int) -> None:
    """Check that ``value`` is a power of two in ``low..high``."""
    number = whole(field, value, low, high)
    if number & (number - 1):
        raise UserError(f"{field} must be a power of two, not {value}")
