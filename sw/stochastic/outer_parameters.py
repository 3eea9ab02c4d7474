"""Parameters of the stochastic outer product."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..checks import choice, divides, is_number, is_whole, number, shown, whole
from ..errors import UserError
from ..formats import MOST_BLOCK, BfpFormat, read_format
from ..formats.binary32 import LARGEST
from ..formats.converter import ConverterParameters
from ..parameters import TARGETS
from ..timing import Timing
from ..words import Words, stream_key
from .bits import BitSource
from .parameters import StochasticParameters
from .stages import OuterStages

__all__ = ["RATES", "SCALES", "SHIFT_BITS", "WEIGHTS", "OuterProductParameters"]

SCALES = ("vector", "batch")
RATES = ("shift", "free")
WEIGHTS = ("none", "binary32")

SHIFT_BITS = 5
"""Bits of the register that results are moved by."""

LEAST_PERIOD = 4
"""Cycles after which counts that were added up may be added to again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OuterProductParameters(StochasticParameters):
    """Parameters of ``outer_product``, a block of ``rows`` x ``columns`` results ``d * x``.

    Results are fp32: the counts of coincident random bits of a batch's pairs, times a power of two
    or any rate. Source: ESSOP (arXiv 2003.11256), see `sw.stochastic.outer_product`.

    Parameters
    ----------
    rows : int
        Elements of the vectors ``d``, of which each has a row of results, 1..128.
    columns : int
        Elements of the vectors ``x``, 1..128.
    scale : str
        What shares a power of two: each ``vector``, or all vectors of a ``batch``, which then has
        ``batch`` pairs in any case.
    batch : int
        Most pairs of vectors whose products are added up, 1..65536.
    guard : int
        Bits below those of a count where pairs of unlike scale are added up, 0..16.
    weights : str or BfpFormat
        ``none``: the output is results, in fp32; ``binary32`` or a format of blocks along the
        columns: the inputs are weights too, and the output is these less the results.
    results : int
        Results of a cycle; divides ``columns``, and blocks of weights divide it.
    rate : str
        ``shift``: results are multiplied by a power of two of no more than 1; ``free``: by any
        fp32 value, which needs a multiplier for each of the results of a cycle.
    target : str
        Whose carry cells to use in these multipliers: ``generic`` (none), ``ecp5`` or ``xilinx``.

    The others are those of `StochasticParameters`; ``lanes`` divides rows and columns.
    """

    PRESETS: ClassVar = {
        "serial": {},
        "parallel": {"parallel": 4, "lanes": 4, "results": 4},
        "weights": {"weights": "binary32", "rate": "free", "results": 4},
        "blocks": {
            "weights": {"preset": "hbfp8", "block": 8},
            "results": 8,
            "rows": 8,
            "columns": 8,
        },
    }

    rows: int = 16
    columns: int = 16
    scale: str = "vector"
    batch: int = 64
    guard: int = 8
    weights: str | BfpFormat = "none"
    results: int = 1
    rate: str = "shift"
    target: str = "generic"

    def __post_init__(self) -> None:
        """Check every field."""
        super().__post_init__()
        whole("rows", self.rows, 1, 128)
        whole("columns", self.columns, 1, 128)
        choice("scale", self.scale, SCALES)
        whole("batch", self.batch, 1, 1 << 16)
        whole("guard", self.guard, 0, 16)
        whole("results", self.results, 1, self.columns)
        choice("rate", self.rate, RATES)
        choice("target", self.target, TARGETS)
        self._check_lanes(rows=self.rows, columns=self.columns)
        divides("results", self.results, self.columns, f"columns, {self.columns}")
        if self.weights not in WEIGHTS:
            self._check_blocks()
        if self.scale == "batch":
            most = MOST_BLOCK // max(self.rows, self.columns)
            whole("batch where it shares a power of two", self.batch, 1, most)
        self._sources([self.columns, self.columns, self.rows, self.rows])

    def _check_blocks(self) -> None:
        """Check a block format of weights."""
        weights: Any = self.weights
        try:
            format = read_format(weights)
        except UserError as error:
            if isinstance(weights, Mapping):
                raise
            choices = ", ".join(WEIGHTS)
            raise UserError(f"weights must be {choices} or a format: {error}") from None
        if not isinstance(format, BfpFormat):
            raise UserError(f"weights must be in block floating point, not in {format.name}")
        object.__setattr__(self, "weights", format)
        if len(format.block) != 1 or self.results % format.block[0]:
            shape = "x".join(map(str, format.block))
            raise UserError(
                f"weights must have blocks of a length that divides results, {self.results}, "
                f"not of {shape}"
            )

    def check_scale(self, shift: int, rate: float) -> np.float32:
        """Check what the register of the results' scale is to hold; return ``rate`` in binary32.

        The one that there is no register for must be what it is by default.
        """
        if self.rate == "shift":
            whole("shift", shift, 0, (1 << SHIFT_BITS) - 1)
            if not (is_number(rate) and rate == 1):
                raise UserError(
                    f"rate must be 1 where the parameter rate is shift, not {shown(rate)}"
                )
            return np.float32(1)
        number("rate", rate, -LARGEST, LARGEST)
        if not (is_whole(shift) and shift == 0):
            raise UserError(f"shift must be 0 where the parameter rate is free, not {shown(shift)}")
        return np.float32(rate)

    @property
    def weight_format(self) -> BfpFormat | None:
        """The format of weights in blocks, None for others."""
        return self.weights if isinstance(self.weights, BfpFormat) else None

    @property
    def stream(self) -> Words:
        """The random words by which weights in blocks are rounded, from reset on: use 2."""
        return Words(key=stream_key(self.seed, use=2))

    @property
    def x_converter(self) -> ConverterParameters:
        """Parameters of the conversion of ``x``."""
        return self._converter(self.columns * self.scaled_pairs)

    @property
    def d_converter(self) -> ConverterParameters:
        """Parameters of the conversion of ``d``."""
        return self._converter(self.rows * self.scaled_pairs)

    @property
    def scaled_pairs(self) -> int:
        """Vectors that share a power of two."""
        return self.batch if self.scale == "batch" else 1

    @property
    def block_converter(self) -> ConverterParameters | None:
        """Parameters of the conversion of a block of weights; None for others."""
        format = self.weight_format
        return format and ConverterParameters(format=format, lanes=format.block_elements)

    @property
    def timing(self) -> Timing:
        """Cycles from the last beat of vectors that are scaled together to their first results.

        Of a batch of a single pair, or of one that shares a scale; the interval is a pair's.
        """
        stages = OuterStages(self)
        convert = max(c.timing.latency for c in (self.x_converter, self.d_converter))
        load = convert + max(self.rows, self.columns) // self.lanes + 1
        counted = (self.scaled_pairs - 1) * self.period + stages.counts + self.groups - 1
        blocks = self.block_converter.timing.latency if self.block_converter else 0
        # Behind a group of several beats one is missing.
        beats = self.group_rows * self.columns // self.results
        missing = self.groups - 1 if beats > 1 else 0
        return Timing(
            latency=load + counted + stages.sums + stages.results + blocks,
            interval=self.period,
            drain=self.rows * self.columns // self.results - 1 + missing,
        )

    @property
    def x_sources(self) -> list[BitSource]:
        """Sources of the bits of ``x``, of even and of odd pairs."""
        return self._sources([self.columns, self.columns, self.rows, self.rows])[:2]

    @property
    def d_sources(self) -> list[BitSource]:
        """Sources of the bits of ``d``, of even and of odd pairs."""
        return self._sources([self.columns, self.columns, self.rows, self.rows])[2:]

    @property
    def period(self) -> int:
        """Cycles from one pair to the next: those of a stream, if its beats are two fewer."""
        beats = max(self.rows, self.columns) // self.lanes
        return max(self.stream_cycles, beats + 2, LEAST_PERIOD)

    @property
    def group_rows(self) -> int:
        """Rows whose counts are added up together: as few as leave time for all."""
        divisors = (n for n in range(1, self.rows + 1) if self.rows % n == 0)
        return next(n for n in divisors if self.rows // n <= self.period)

    @property
    def groups(self) -> int:
        """Groups of rows; each counts a cycle behind the one before."""
        return self.rows // self.group_rows

    @property
    def words(self) -> int:
        """Random words that a pair of vectors uses up."""
        return (self.stream_cycles + self.groups - 1) * self.parallel

    @property
    def repeats(self) -> int:
        """Pairs after which all random words repeat, in whole ones.

        Even and odd pairs have generators of their own.
        """
        return 2 * self.lfsr.period // self.words

    @property
    def count_bits(self) -> int:
        """Bits of a count."""
        return self.length.bit_length()

    @property
    def sum_bits(self) -> int:
        """Bits of a sum of counts, its sign included."""
        return self.count_bits + self.guard + (self.batch - 1).bit_length() + 1

    @property
    def unit(self) -> int:
        """Binary exponent of the last place of a sum whose pairs have the exponent codes 0."""
        bias = self.x_converter.format.scale.bias
        return 2 * (1 - bias) - (self.length.bit_length() - 1) - self.guard
